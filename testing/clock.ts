import type { Clock } from '../shared/clock.ts';

/** A clock that moves only when told. */
export interface TestClock extends Clock {
  /** Moves both times and runs what is due, in order; what a timer sets within the span runs too. */
  advance(ms: number): void;
  /** Moves both times as for a process that was blocked: what is due runs only at the end. */
  block(ms: number): void;
  /** Moves the wall clock alone. */
  jump(ms: number): void;
  /** Timers that are set. */
  readonly pending: number;
}

/**
 * A clock for `startTestServer({ clock })`; both of its times start at `startMs`, default: now.
 * @example
 * const clock = createTestClock();
 * const { address } = await startTestServer({ clock });
 * await producer.enqueue('mails', mail, { delayMs: 3_600_000 });
 * clock.advance(3_600_000); // it is due
 */
export function createTestClock(startMs = Date.now()): TestClock {
  const clock = createStandingClock(startMs);
  const { after } = clock;
  return Object.assign(clock, {
    // What is due already when it is set runs in a turn of its own: a server that sets it late must not wait for the next step.
    after(ms: number, run: () => void) {
      if (ms <= 0) setImmediate(() => clock.advance(0));
      return after(ms, run);
    },
  });
}

/** The same without turns of its own: nothing at all runs before it is moved. */
export function createStandingClock(startMs: number): TestClock {
  let wall = startMs;
  let monotonic = startMs;
  // Bounded by what the server of the test sets.
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
