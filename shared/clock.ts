/**
 * Time, injected. The wall clock serves delay, at, expiry and backoff only; liveness, windows and timeouts are
 * monotonic, so that a jump of the clock ends nobody's session.
 */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number;
  /** Milliseconds that only ever grow. */
  monotonic(): number;
  /** Calls `run` once after `ms`; the answer takes it back. Does not keep the process alive. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, Math.min(ms, 2 ** 31 - 1));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Numbers from 0 (included) to 1 (excluded). */
export type Random = () => number;
