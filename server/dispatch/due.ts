import type { Clock } from '../../shared/clock.ts';
import { retryAfterMs } from '../store/failure.ts';
import type { WakeOutcome } from '../store/tasks.ts';

/** Tasks moved in one transaction. */
const BATCH = 500;

/** The longest wait: the wall clock may jump, and then something is due earlier than the timer thinks. */
const MAX_WAIT_MS = 1_000;

export interface DueTimerOptions {
  readonly clock: Clock;
  readonly wake: (now: number, limit: number) => Promise<WakeOutcome>;
  readonly onFatal: (error: unknown) => void;
}

/** Moves scheduled and expiring tasks when the wall clock says so. Asks nothing of the store while nothing is due. */
export interface DueTimer {
  /** Something is due at that instant. */
  expect(at: number): void;
  close(): void;
}

export function createDueTimer(options: DueTimerOptions): DueTimer {
  const { clock, wake, onFatal } = options;
  // At the start nobody knows what is due, so the first look is at once.
  let dueAt: number | null = Number.NEGATIVE_INFINITY;
  let stop: (() => void) | undefined;
  let isLooking = false;
  let isClosed = false;

  function arm(): void {
    if (isClosed || isLooking || stop || dueAt === null) return;
    stop = clock.after(Math.min(MAX_WAIT_MS, Math.max(0, dueAt - clock.now())), () => {
      stop = undefined;
      if (dueAt !== null && dueAt <= clock.now()) look().catch(onFatal);
      else arm();
    });
  }

  async function look(): Promise<void> {
    isLooking = true;
    dueAt = null;
    try {
      const { nextDueAt } = await wake(clock.now(), BATCH);
      if (nextDueAt !== null) lower(nextDueAt);
    } catch (error) {
      lower(clock.now() + retryAfterMs(error));
    } finally {
      isLooking = false;
    }
    arm();
  }

  function lower(at: number): void {
    dueAt = Math.min(dueAt ?? Number.POSITIVE_INFINITY, at);
  }

  arm();

  return {
    expect(at) {
      if (dueAt !== null && at >= dueAt) return;
      lower(at);
      stop?.();
      stop = undefined;
      arm();
    },
    close() {
      isClosed = true;
      stop?.();
    },
  };
}
