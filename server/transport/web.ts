import { Http2ServerRequest, Http2ServerResponse, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { ChurnSet } from '../../shared/churn.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Places } from '../api/places.ts';
import type { Caller } from '../model/caller.ts';
import type { Patience } from '../session/liveness.ts';
import { cancelStream } from './answering.ts';
import type { Connections } from './connections.ts';
import { Exchange, type TakeRequest, type WebRequest, type WebResponse } from './exchange.ts';
import type { Gate } from './gate.ts';
import { createHttp1, type Http1 } from './http1.ts';
import type { CountRefusal, TellRefusal } from './refused.ts';

/** Answers requests that are not gRPC, whatever comes of them. */
export type AnswerExchange = (exchange: Exchange) => Promise<void>;

/** Loads what answers them; called with the first of them, and again after it has failed. */
export type LoadWeb = () => Promise<AnswerExchange>;

export interface WebOptions {
  readonly load: LoadWeb;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly patience: Patience;
  readonly gate: Gate;
  readonly places: Pick<Places, 'take'>;
  readonly connections: Pick<Connections, 'enter' | 'take'>;
  readonly tellRefusal: TellRefusal;
  readonly countRefusal: CountRefusal;
  /** Keys and values of one request. */
  readonly maxHeaderBytes: number;
  /** Requests that are open at a time. */
  readonly maxOpenCalls: number;
  /** Bytes of all bodies that are being read, or are not answered yet. */
  readonly heldBudgetBytes: number;
  /** After which a connection goes too whose stream was ended and does not go. */
  readonly stuckSocketMs: number;
}

/** Requests that are not gRPC: who makes them is decided as for calls, and they go when calls would. */
export interface Web extends Http1 {
  /** Takes a request of HTTP/2 that is not gRPC. */
  takeStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void;
  /** Ends the requests of those for whom there is a reason. */
  expel(reasonFor: (caller: Caller) => ContactError | undefined): void;
  /** Tells all requests under way that the server goes. */
  end(reason: ContactError): void;
  /** Requests that are open. */
  readonly size: number;
}

export function createWeb(options: WebOptions): Web {
  const { load, clock, logger, patience, gate, places, connections, tellRefusal, countRefusal } = options;
  // Bounded by `maxOpenCalls`.
  const exchanges = new ChurnSet<Exchange>();
  let loading: Promise<AnswerExchange> | undefined;
  let heldBytes = 0;

  function hold(bytes: number): boolean {
    if (bytes > 0 && heldBytes + bytes > options.heldBudgetBytes) return false;
    heldBytes += bytes;
    return true;
  }

  function admit({ carrier, request }: Exchange, path: string): Promise<Caller> {
    const headers = { ...request.headers, ':path': path };
    return new Promise((resolve, reject) => {
      const keepOut = (error: ContactError, caller?: Caller): void => {
        tellRefusal(carrier, headers, error, caller);
        reject(error);
      };
      gate.decide(
        carrier,
        headers,
        (caller) => {
          try {
            connections.take(carrier, caller);
            const leave = places.take(caller);
            if (leave) carrier.once('close', leave);
            resolve(caller);
          } catch (reason) {
            const error = ContactError.from(reason);
            countRefusal(headers, error);
            keepOut(error, caller);
          }
        },
        keepOut,
      );
    });
  }

  function loadOnce(): Promise<AnswerExchange> {
    loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  }

  const take: TakeRequest = (request, response, wire) => {
    const exchange = new Exchange(request, response, wire, {
      ...{ clock, patience, hold },
      async admit(one, path) {
        const caller = await admit(one, path);
        one.caller = caller;
        return caller;
      },
    });
    if (exchanges.size >= options.maxOpenCalls) {
      exchange.send(503, { 'content-type': 'application/json', 'retry-after': '10' }, FULL);
      return;
    }
    exchanges.add(exchange);
    response.on('close', () => exchanges.delete(exchange));
    loadOnce()
      .then((answer) => answer(exchange))
      .catch((error: unknown) => {
        logger.error({ err: error }, 'a request of HTTP could not be answered');
        exchange.destroy();
      });
  };

  const http1 = createHttp1({ ...options, enter: connections.enter, take });

  return {
    ...http1,
    takeStream(stream, headers, rawHeaders) {
      const request = new Http2ServerRequest(stream, headers, {}, rawHeaders as string[]);
      const response = new Http2ServerResponse(stream as never) as unknown as WebResponse;
      const end = (): void => {
        cancelStream(stream);
        clock.after(options.stuckSocketMs, () => {
          if (!stream.destroyed) stream.session?.destroy();
        });
      };
      take(request as unknown as WebRequest, response, {
        carrier: stream,
        goOn: () => undefined,
        leave: () => undefined,
        destroy: end,
      });
    },
    expel(reasonFor) {
      for (const exchange of exchanges) {
        const reason = exchange.caller && reasonFor(exchange.caller);
        if (reason) exchange.abort(reason);
      }
    },
    end(reason) {
      for (const exchange of exchanges) exchange.abort(reason);
    },
    get size() {
      return exchanges.size;
    },
  };
}

const FULL = `${JSON.stringify({
  error: { code: 'RESOURCE_EXHAUSTED', message: 'the server has as many requests as it takes (maxOpenCalls)' },
})}\n`;
