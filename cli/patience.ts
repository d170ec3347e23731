import type { ConnectionOptions } from '../client/index.ts';
import { reachServer } from './reach.ts';

const LOOK_MS = 200;
/** How long a server that may only have nothing to acknowledge just now is asked whether it is there. */
const MAX_PROBE_MS = 2_000;

/** Ends a command whose server went away and did not come back. */
export interface Patience {
  /** Begins anew: something was acknowledged, or nothing is outstanding. */
  satisfy(): void;
  /** Rejects with exit code 3 when the patience has run out; never resolves. */
  readonly exhausted: Promise<never>;
  stop(): void;
}

/**
 * @param timeoutMs how long nothing may be acknowledged by a server that does not answer; 0: for ever
 * @param isWaiting whether something is unacknowledged
 */
export function createPatience(connection: ConnectionOptions, timeoutMs: number, isWaiting: () => boolean): Patience {
  const { promise: exhausted, reject } = Promise.withResolvers<never>();
  exhausted.catch(() => undefined);
  let satisfiedAt = performance.now();
  let isProbing = false;
  const satisfy = (): void => {
    satisfiedAt = performance.now();
  };
  const timer = setInterval(() => {
    if (!isWaiting()) satisfy();
    if (timeoutMs === 0 || isProbing || performance.now() - satisfiedAt < timeoutMs) return;
    isProbing = true;
    reachServer(connection, Math.min(timeoutMs, MAX_PROBE_MS))
      .then(satisfy, reject)
      .finally(() => {
        isProbing = false;
      });
  }, LOOK_MS);
  timer.unref();
  return { satisfy, exhausted, stop: () => clearInterval(timer) };
}
