import type { DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { ContactError } from '../shared/errors.ts';
import * as check from './check.ts';
import { isFinal } from './closing.ts';
import type { Connection } from './connection.ts';
import type { Link } from './link.ts';
import { callUnary, encodable, type UnaryOptions } from './unary.ts';

/** How long whoever asks a server waits. */
export interface AskingOptions {
  /** Milliseconds for each call; default 10,000. */
  readonly deadlineMs?: number;
  /** Milliseconds for which what may well be done twice is tried again while the server is out of reach; default 0. */
  readonly patienceMs?: number;
}

export const UNARY_RULES: Readonly<Record<keyof UnaryOptions, check.Check>> = Object.freeze({
  deadlineMs: check.waitMs,
  signal: check.signal,
});

/** Calls of one answer over a connection; each rejects with a ContactError. */
export interface Asking {
  /** Once. */
  call<M extends DescMethodUnary>(
    method: M,
    request: MessageInitShape<M['input']>,
    unary?: UnaryOptions,
  ): Promise<MessageShape<M['output']>>;
  /** Again while the server is out of reach, for as long as `patienceMs`. */
  persist<M extends DescMethodUnary>(
    method: M,
    request: MessageInitShape<M['input']>,
  ): Promise<MessageShape<M['output']>>;
}

export function createAsking(connection: Connection, { deadlineMs, patienceMs = 0 }: AskingOptions): Asking {
  const call: Asking['call'] = async (method, request, unary = {}) => {
    check.checkFields(unary, UNARY_RULES);
    const encoded = encodable(method, request) as typeof request;
    const first = connection.server;
    for (;;) {
      const { server } = connection;
      let link: Link | undefined;
      try {
        link = await connection.link();
        return await callUnary(connection, link, method, encoded, {
          ...(deadlineMs === undefined ? {} : { deadlineMs }),
          ...unary,
        });
      } catch (error) {
        // An address that nobody has answered at is no failed call while there are others: nothing was sent to it.
        const isUntried = connection.server !== server && connection.server !== first;
        if (!isPassing(error) || link?.hasConnected || !isUntried) throw error;
      }
    }
  };
  return {
    call,
    async persist(method, request) {
      const overtime = new AbortController();
      const stopTimer = connection.clock.after(patienceMs, () => overtime.abort());
      try {
        for (;;) {
          try {
            return await call(method, request);
          } catch (error) {
            // The failed call has set the backoff, which `open` waits for.
            if (!isPassing(error) || patienceMs === 0 || !(await connection.open(overtime.signal))) throw error;
          }
        }
      } finally {
        stopTimer();
      }
    },
  };
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof ContactError) || error.code !== 'UNAVAILABLE') return false;
  return !isFinal({ error, advice: error.advice ?? null }, true);
}
