import { create } from '@bufbuild/protobuf';
import { ResultStart } from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Exchange } from '../transport/exchange.ts';
import { renderEvent, renderRetry } from './event.ts';
import { tellProblem } from './problem.ts';
import type { Route } from './route.ts';

/** A stream in which nothing else is told has a comment this often, by which both ends and proxies see that it lives. */
const COMMENT_MS = 10_000;
/** After which a browser comes again whose stream has ended. */
const RETRY_MS = 1_000;

/** A stream that is to be answered. */
export interface Streaming {
  readonly exchange: Exchange;
  readonly route: Route;
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Asks its handler, with these changes of the request. */
  // biome-ignore lint/suspicious/noExplicitAny: each route knows the messages of its own method.
  ask(changes: object): AsyncIterable<any>;
}

/** Where a stream of results begins, in the place of what the request says. */
export function tellStart(start: 'oldest'): object {
  return start === 'oldest' ? { start: ResultStart.OLDEST, cursor: '' } : {};
}

/**
 * Answers with server-sent events, one message of the handler after the other, at the pace of the reader. A browser comes again
 * by itself with the id of its last event; if that is of another store, 204 tells it not to.
 */
export async function answerEvents({ exchange, route, headers, clock, ask }: Streaming): Promise<void> {
  let stop = (): void => undefined;
  const comment = (): void => {
    void exchange.write(':\n\n');
    wait();
  };
  function wait(): void {
    stop();
    stop = clock.after(COMMENT_MS, comment);
  }

  try {
    for await (const told of ask({})) {
      const message = create(route.method.output, told);
      if (!exchange.isBegun) {
        exchange.begin(200, { ...headers, 'content-type': 'text/event-stream; charset=utf-8' });
        await exchange.write(renderRetry(RETRY_MS));
      }
      wait();
      const text = route.events!(message).map(renderEvent).join('');
      if (text !== '' && !(await exchange.write(text))) return;
    }
    if (exchange.signal.aborted) throw exchange.signal.reason;
    await exchange.write(renderEvent({ name: 'end', data: {} }));
    exchange.end();
  } catch (reason) {
    const error = ContactError.from(reason);
    if (!exchange.isBegun) {
      if (error.code !== 'OUT_OF_RANGE' || exchange.request.headers['last-event-id'] === undefined) throw reason;
      exchange.send(204, headers, '');
      return;
    }
    await exchange.write(renderEvent({ name: 'end', data: tellProblem(error).body }));
    exchange.end();
  } finally {
    stop();
  }
}
