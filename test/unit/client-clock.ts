import type { Clock } from '../../shared/clock.ts';

export interface ManualClock extends Clock {
  /** Moves the time on and runs what falls due, in order. */
  advance(ms: number): void;
  /** Jumps as a blocked process does: everything due runs only at the end. */
  jump(ms: number): void;
  readonly timerCount: number;
}

/** A clock that moves only when it is told to. */
export function createManualClock(): ManualClock {
  let now = 0;
  let timers: { readonly at: number; readonly run: () => void }[] = [];

  function runDue(): void {
    for (;;) {
      const due = timers.filter((timer) => timer.at <= now).sort((a, b) => a.at - b.at)[0];
      if (!due) return;
      timers = timers.filter((timer) => timer !== due);
      due.run();
    }
  }

  return {
    now: () => now,
    monotonic: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(ms) {
      const until = now + ms;
      for (;;) {
        const next = Math.min(...timers.map((timer) => timer.at));
        if (next > until) break;
        now = Math.max(now, next);
        runDue();
      }
      now = until;
    },
    jump(ms) {
      now += ms;
      runDue();
    },
    get timerCount() {
      return timers.length;
    },
  };
}
