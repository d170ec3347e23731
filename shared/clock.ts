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
  after: (ms, run) => startTimer(ms, run),
};

/** The longest wait of `setTimeout`: one millisecond more, and it is over at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** A timer for any wait, however long: one piece after another. The answer takes it back. */
export function startTimer(ms: number, run: () => void, maxPieceMs = MAX_TIMER_MS): () => void {
  let timer: NodeJS.Timeout;
  const wait = (leftMs: number): void => {
    const pieceMs = Math.min(leftMs, maxPieceMs);
    timer = setTimeout(() => (leftMs > pieceMs ? wait(leftMs - pieceMs) : run()), pieceMs);
    timer.unref();
  };
  wait(ms);
  return () => clearTimeout(timer);
}

/** Numbers from 0 (included) to 1 (excluded). */
export type Random = () => number;
