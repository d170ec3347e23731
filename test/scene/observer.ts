import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ClientReadableStream, StatusObject } from '@grpc/grpc-js';
import type { ResultEvent, WatchResultsRequestSchema, WatchResultsResponse } from '../../gen/index.ts';
import type { Clients } from './clients.ts';
import { atEnd } from './end.ts';
import { until } from './until.ts';
import { statusOf } from './worker.ts';

export interface RawObserver {
  readonly events: readonly ResultEvent[];
  /** Of each message. */
  readonly cursors: readonly string[];
  /** Each told, with the place of the event that it came before, or the cursor of its message. */
  readonly gaps: readonly { readonly count: number; readonly before: number }[];
  readonly stream: ClientReadableStream<WatchResultsResponse>;
  readonly ended: Promise<StatusObject>;
  receive(count: number): Promise<readonly ResultEvent[]>;
  /** Ends it from this side and waits for that. */
  cancel(): Promise<void>;
}

export function openObserver(
  { tasks }: Clients,
  request: MessageInitShape<typeof WatchResultsRequestSchema> = {},
): RawObserver {
  const events: ResultEvent[] = [];
  const cursors: string[] = [];
  const gaps: { count: number; before: number }[] = [];
  const stream = tasks.watchResults(request);
  const ended = statusOf(stream);
  stream.on('data', (message: WatchResultsResponse) => {
    events.push(...message.events);
    cursors.push(message.cursor);
    if (message.gap > 0) {
      gaps.push({ count: Number(message.gap), before: positionOf(message.events[0]?.cursor ?? message.cursor) });
    }
  });
  atEnd(() => stream.cancel());
  return {
    events,
    cursors,
    gaps,
    stream,
    ended,
    async receive(count) {
      await until(`${count} events`, () => events.length >= count);
      return events;
    },
    async cancel() {
      stream.cancel();
      await ended;
    },
  };
}

/** The place in the log that a cursor names. */
export const positionOf = (cursor: string): number => Number(cursor.slice(cursor.lastIndexOf('.') + 1));
