import type { Timers } from '../dispatch/timers.ts';

/** Pauses of a session that gives back task after task and finishes none: the first, and the longest. */
const FIRST_MS = 100;
const MAX_PAUSE_MS = 5_000;

/**
 * What is given back with nothing done is ready again at once, for whoever can; the session that gave it back is given
 * nothing for a pause, which doubles each time until it has finished something. Else a client that cannot work would
 * draw and give back the same tasks as fast as the server can, before all others.
 */
export interface Brake {
  /** Whether the session is given nothing for now. */
  readonly isOn: boolean;
  /** One message of the session gave back tasks with nothing done. */
  gaveBack(): void;
  /** The session has finished a task: its pause is over, and the next one is as short as the first. */
  finished(): void;
  close(): void;
}

/** @param onEnd called when the session may be given tasks again */
export function createBrake(timers: Timers, onEnd: () => void): Brake {
  let pauseMs = 0;
  let isOn = false;
  const end = timers.create(() => {
    isOn = false;
    onEnd();
  });
  return {
    get isOn() {
      return isOn;
    },
    gaveBack() {
      pauseMs = Math.min(MAX_PAUSE_MS, pauseMs === 0 ? FIRST_MS : 2 * pauseMs);
      isOn = true;
      timers.set(end, pauseMs);
    },
    finished() {
      pauseMs = 0;
      if (!isOn) return;
      isOn = false;
      timers.clear(end);
      onEnd();
    },
    close: () => timers.clear(end),
  };
}
