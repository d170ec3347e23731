import { type Clock, systemClock } from '../../shared/clock.ts';

/** A clock that moves only when told. */
export interface FakeClock extends Clock {
  /** Moves both times and runs what is due, in order; what a timer sets within the span runs too. */
  advance(ms: number): void;
  /** Moves both times as for a process that was blocked: what is due runs only at the end. */
  block(ms: number): void;
  /** Moves the wall clock alone. */
  jump(ms: number): void;
  /** Timers that are set. */
  readonly pending: number;
}

/** Both of its times start at `startMs`. */
export function createFakeClock(startMs = 1_000_000): FakeClock {
  let wall = startMs;
  let monotonic = startMs;
  const timers = new Set<{ at: number; run: () => void }>();

  function runDue(until: number): void {
    for (;;) {
      const [next] = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (!next) return;
      timers.delete(next);
      move(Math.max(0, next.at - monotonic));
      next.run();
    }
  }

  function move(ms: number): void {
    wall += ms;
    monotonic += ms;
  }

  return {
    now: () => wall,
    monotonic: () => monotonic,
    after(ms, run) {
      const timer = { at: monotonic + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      const until = monotonic + ms;
      runDue(until);
      move(until - monotonic);
    },
    block(ms) {
      move(ms);
      runDue(monotonic);
    },
    jump(ms) {
      wall += ms;
    },
    get pending() {
      return timers.size;
    },
  };
}

/** A clock on which `factor` milliseconds pass in each real one, for what takes minutes at least. */
export function createFastClock(factor: number): Clock {
  const { now, monotonic, after } = systemClock;
  const [wallAt, from] = [now(), monotonic()];
  return {
    now: () => Math.round(wallAt + factor * (monotonic() - from)),
    monotonic: () => factor * (monotonic() - from),
    after: (ms, run) => after(ms / factor, run),
  };
}
