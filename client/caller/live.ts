import { status } from '@grpc/grpc-js';
import { type BackoffOptions, reconnectMs } from '../backoff.ts';
import type { Connection, Link } from '../connection.ts';
import { pause } from '../pause.ts';
import { attempt, explainEnd, type Plan } from './attempt.ts';
import { CallError, endHere, notConnected } from './error.ts';
import type { Requests } from './requests.ts';

/** The longest wait that a server grants; a longer one is made of several. */
const MAX_WAIT_MS = 60_000;

export interface LiveOptions extends Plan {
  readonly backoff: BackoffOptions;
  /** From 0 to 1. */
  readonly random: () => number;
}

/**
 * Makes a live call, and yields the bytes of what is answered. It is made again as long as nobody can have begun to answer it,
 * none of its requests is gone, and its caller waits, or the server says `now`.
 */
export async function* callLive(options: LiveOptions, requests: Requests): AsyncGenerator<Buffer, void, undefined> {
  const { connection, wanted, life, path } = options;
  const { clock } = connection;
  const waitsUntil = clock.monotonic() + wanted.waitMs;
  const waitMs = (): number => Math.max(0, Math.ceil(waitsUntil - clock.monotonic()));
  let link: Link | null =
    wanted.waitMs > 0
      ? await openWithin(options, wanted.waitMs)
      : life.end
        ? null
        : await connection.link().catch(refuse);
  let last: CallError | undefined;
  for (let failures = 1; ; failures++) {
    if (life.end) throw new CallError(explainEnd(life.end, connection), { isUnsent: true });
    if (!link) throw last ?? new CallError(outOfReach(connection, wanted.waitMs), { isUnsent: true });
    const end = yield* attempt(options, { link, requests, entries: entriesOf(options, waitMs()) });
    if (end.code === status.OK) return;
    const error = new CallError(life.end ? explainEnd(end, connection) : end, { isUnsent: !link.hasConnected });
    const isLost = !error.isMarked && error.code === 'UNAVAILABLE' && !link.isConnected;
    const isAsked = error.retry === 'now';
    // The next call is to try afresh, not to wait for the channel's own backoff.
    const nextTryMs = isLost || isAsked ? link.failed({ error, advice: error.advice ?? null }) : 0;
    const mayComeAgain = isAsked || (error.retry !== 'never' && waitMs() > 0);
    // One whose time is over meanwhile ends with that, at the next turn.
    if (error.started !== 'no' || requests.isTaken || !isPassing(error) || !mayComeAgain) throw error;
    last = error;
    if (isLost || isAsked) {
      connection.logger.warn(`call ${path}: ${error.message}; next try in ${nextTryMs} ms`);
      link = await openWithin(options, isAsked ? life.leftMs() : waitMs());
    } else {
      const drawnMs = reconnectMs(failures, 'backoff', options.backoff, options.random());
      await pause(clock, Math.min(error.retryAfterMs ?? drawnMs, waitMs()), life.signal);
    }
  }
}

function entriesOf({ wanted: { clientId, selector } }: Plan, waitMs: number): Record<string, string> {
  return {
    ...(clientId === undefined ? {} : { 'contact-client': clientId }),
    ...(selector === undefined ? {} : { 'contact-selector': selector }),
    ...(waitMs > 0 ? { 'contact-wait': `${Math.min(waitMs, MAX_WAIT_MS)}ms` } : {}),
  };
}

/** A link, once the backoff allows it, if that is within the time; null: it is not. */
async function openWithin({ connection, life }: Plan, ms: number | undefined): Promise<Link | null> {
  const overtime = new AbortController();
  const stopTimer = ms === undefined ? () => undefined : connection.clock.after(ms, () => overtime.abort());
  try {
    return await connection.open(AbortSignal.any([life.signal, overtime.signal])).catch(refuse);
  } finally {
    stopTimer();
  }
}

/** The server, or the client that is called, may be there in a moment. */
function isPassing({ code }: CallError): boolean {
  return code === 'UNAVAILABLE' || code === 'RESOURCE_EXHAUSTED';
}

function refuse(failure: unknown): never {
  throw notConnected(failure);
}

function outOfReach({ server, trouble }: Connection, waitMs: number) {
  const why = trouble ? `: ${trouble.message}` : '';
  return endHere('UNAVAILABLE', `no connection to ${server} within ${waitMs} ms${why}`);
}
