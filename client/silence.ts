import type { Clock } from '../shared/clock.ts';

/** Intervals without a word after which the other side counts as gone. */
const SILENT_INTERVALS = 3;

export interface SilenceWatch {
  /** Something came. */
  heard(): void;
  stop(): void;
}

/**
 * Calls `onSilent` once when nothing was heard for three intervals. A tick that came late says that this process was
 * busy, not that the server was silent: what arrived meanwhile has not been read yet, so the count starts over.
 */
export function watchSilence(clock: Clock, intervalMs: number, onSilent: () => void): SilenceWatch {
  let heardAt = clock.monotonic();
  let tickAt = heardAt;
  let cancel = clock.after(intervalMs, tick);

  function tick(): void {
    const now = clock.monotonic();
    if (now - tickAt > 2 * intervalMs) heardAt = now;
    tickAt = now;
    if (now - heardAt >= SILENT_INTERVALS * intervalMs) {
      onSilent();
      return;
    }
    cancel = clock.after(intervalMs, tick);
  }

  return {
    heard: () => {
      heardAt = clock.monotonic();
    },
    stop: () => cancel(),
  };
}
