import type { Clock } from '../shared/clock.ts';

export interface RestOptions {
  readonly clock: Clock;
  /** Called when a rest begins: from now on nothing new is wanted. */
  readonly onBegin: () => void;
  /** Called when it is over. */
  readonly onEnd: () => void;
}

/** A time in which a worker takes no new tasks, since one of its handlers has said that it cannot now. */
export interface Rest {
  readonly isOn: boolean;
  /** Rests for so many milliseconds from now; of several calls the one that ends last counts. */
  begin(ms: number): void;
}

export function createRest({ clock, onBegin, onEnd }: RestOptions): Rest {
  let endsAt = 0;
  let cancel: (() => void) | null = null;
  return {
    get isOn() {
      return cancel !== null;
    },
    begin(ms) {
      const at = clock.monotonic() + ms;
      if (cancel && at <= endsAt) return;
      endsAt = at;
      cancel?.();
      cancel = clock.after(ms, () => {
        cancel = null;
        onEnd();
      });
      onBegin();
    },
  };
}
