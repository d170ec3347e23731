import { ContactError } from '../../shared/errors.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import type { Deadline, Timers } from '../dispatch/timers.ts';
import type { SessionRef } from '../model/task.ts';
import type { Held } from './ledger.ts';

/** Before the end of a session that the store refused for now is tried again. */
const RETRY_MS = 1_000;

/**
 * Sessions whose client is away: what they hold stays theirs for the resume window, then anybody may have it.
 * Bounded by the sessions that held something when they were lost, each for one window.
 */
export interface Lost {
  /** Starts the window; at its end the row is ended and `onEnded` is called. */
  add(session: SessionRef, held: readonly Held[], isResumable: boolean, onEnded: () => void): void;
  /** The client is back, or was replaced: no window any more. Answers what it held. */
  take(sessionKey: number): readonly Held[];
}

export interface LostOptions {
  readonly queue: TaskQueue;
  readonly timers: Timers;
  readonly windowMs: number;
  readonly onFatal: (error: unknown) => void;
}

interface Absence {
  readonly session: SessionRef;
  readonly held: readonly Held[];
  readonly window: Deadline;
  readonly onEnded: () => void;
}

export function createLost({ queue, timers, windowMs, onFatal }: LostOptions): Lost {
  const absenceByKey = new Map<number, Absence>();

  async function end(absence: Absence): Promise<void> {
    const { session, held, window } = absence;
    if (absenceByKey.get(session.key) !== absence) return;
    try {
      await queue.endSession(
        session,
        held.filter((one) => one.isStarted),
      );
    } catch (error) {
      if (!(error instanceof ContactError)) throw error;
      timers.set(window, error.retryAfterMs ?? RETRY_MS);
      return;
    }
    if (absenceByKey.get(session.key) === absence) absenceByKey.delete(session.key);
    absence.onEnded();
  }

  return {
    add(session, held, isResumable, onEnded) {
      const window = timers.create(() => end(absence).catch(onFatal));
      const absence: Absence = { session, held, window, onEnded };
      absenceByKey.set(session.key, absence);
      if (!isResumable) {
        end(absence).catch(onFatal);
        return;
      }
      // Only a note for people and for other nodes: the window runs here, on the monotonic clock.
      queue.loseSession(session).catch(() => undefined);
      timers.set(window, windowMs);
    },

    take(sessionKey) {
      const absence = absenceByKey.get(sessionKey);
      if (!absence) return [];
      absenceByKey.delete(sessionKey);
      timers.clear(absence.window);
      return absence.held;
    },
  };
}
