import { type Clock, systemClock } from '../../shared/clock.ts';
import { createStandingClock, type TestClock } from '../../testing/clock.ts';

export type FakeClock = TestClock;

/** A clock that moves only when told, the same in each run. */
export function createFakeClock(startMs = 1_000_000): FakeClock {
  return createStandingClock(startMs);
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
