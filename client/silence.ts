import type { Clock } from '../shared/clock.ts';

/** Intervals of silence after which the other side counts as gone, with nothing on its way. */
const SILENT_INTERVALS = 3;
/** A line slower than this is taken for dead: the server's own rule. */
const SLOW_LINE_BYTES_PER_SECOND = 8 * 1024;
/** What a server pushes before it has a receipt; a larger single task goes alone. */
const MAX_UNRECEIPTED_BYTES = 1024 * 1024;

/** Watches for a server that says nothing any more. */
export interface SilenceWatch {
  /** Notes that something came. */
  heard(): void;
  stop(): void;
}

/**
 * How long a server may say nothing. A message counts only when it is here as a whole, so a large one over a slow
 * line looks like silence; a line that is dead is found much sooner, by the connection's keepalive.
 */
export function patienceMs(intervalMs: number, maxPayloadBytes: number): number {
  const bytes = Math.max(MAX_UNRECEIPTED_BYTES, maxPayloadBytes);
  return SILENT_INTERVALS * intervalMs + (1_000 * bytes) / SLOW_LINE_BYTES_PER_SECOND;
}

/**
 * Calls `onSilent` once when nothing was heard for `limitMs`, looking once in `intervalMs`. A tick that came late says
 * that this process was busy, not that the server was silent: what arrived meanwhile has not been read yet, so the
 * count starts over.
 */
export function watchSilence(clock: Clock, intervalMs: number, limitMs: number, onSilent: () => void): SilenceWatch {
  let heardAt = clock.monotonic();
  let tickAt = heardAt;
  let cancel = clock.after(intervalMs, tick);

  function tick(): void {
    const now = clock.monotonic();
    if (now - tickAt > 2 * intervalMs) heardAt = now;
    tickAt = now;
    if (now - heardAt >= limitMs) {
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
