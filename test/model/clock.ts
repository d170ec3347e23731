import type { Clock } from '../../shared/clock.ts';

/** A clock that moves only when told. Both of its times start at one million. */
export interface FakeClock extends Clock {
  /** Moves both times and runs what is due, in order; what a timer sets within the span runs too. */
  advance(ms: number): void;
  /** Moves the wall clock alone. */
  jump(ms: number): void;
  readonly pending: number;
}

export function createFakeClock(): FakeClock {
  let wall = 1_000_000;
  let monotonic = 1_000_000;
  const timers = new Set<{ at: number; run: () => void }>();

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
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (!next) break;
        timers.delete(next);
        wall += Math.max(0, next.at - monotonic);
        monotonic = Math.max(monotonic, next.at);
        next.run();
      }
      wall += until - monotonic;
      monotonic = until;
    },
    jump(ms) {
      wall += ms;
    },
    get pending() {
      return timers.size;
    },
  };
}
