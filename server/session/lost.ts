import type { ContactError } from '../../shared/errors.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import type { Deadline, Timers } from '../dispatch/timers.ts';
import type { Caller } from '../model/caller.ts';
import { isSamePrincipal } from '../model/owner.ts';
import type { Delivery, SessionRef } from '../model/task.ts';
import { type NoteFailure, retryAfterMs } from '../store/failure.ts';
import { isExpelled } from './closing.ts';
import { type HeldDelivery, mayHaveStarted, nameOf, toStarted } from './ledger.ts';
import type { End } from './phases.ts';
import type { Registration } from './registration.ts';

/**
 * Sessions whose client is away: what they hold stays theirs for the resume window, then anybody may have it.
 * Bounded by the sessions that held something when they were lost, each for one window.
 */
export interface Lost {
  /** Starts the window; at its end the row is ended and `onEnded` is called. */
  add(absent: Absent): void;
  /** Who has a delivery, if an earlier process left it. */
  ownerOf(delivery: Delivery): Pick<Absent, 'clientId' | 'subject' | 'session'> | undefined;
  /**
   * What the absent sessions of a client hold; on demand without those that an earlier process left, whose starts are
   * unknown.
   */
  heldBy(clientId: string, isLeftToo: boolean): readonly HeldDelivery[];
  /** What sessions without a name of a client held when an earlier process left them, and nobody has told since. */
  leftBy(clientId: string, subject: string): readonly Delivery[];
  /** The end of this delivery was told; only one that an earlier process left is remembered. */
  answer(delivery: Delivery): void;
  has(sessionKey: number): boolean;
  /** By the wall clock, until when the session may come back; undefined: it is not away. */
  windowOf(sessionKey: number): number | undefined;
  /** Whether the client that registers comes back to one of these, or takes its place by its name. */
  isAwaited(registration: Pick<Registration, 'clientId' | 'subject' | 'isNamed' | 'resume'>): boolean;
  /** Ends the windows of those who may not come back: `reasonFor` says of a caller why its streams have to end. */
  expel(reasonFor: (caller: Caller) => ContactError | undefined): void;
  /** A client's absent sessions. */
  sessionsOf(clientId: string): readonly SessionRef[];
  /** The client is back, or was replaced: its window ends without `onEnded`. Undefined: the session was not away. */
  take(sessionKey: number): Absent | undefined;
}

export interface LostOptions {
  readonly queue: TaskQueue;
  readonly timers: Timers;
  readonly windowMs: number;
  readonly noteFailure: NoteFailure;
  readonly onFatal: (error: unknown) => void;
}

/** A session that has gone, and what it left. */
export interface Absent {
  readonly session: SessionRef;
  readonly clientId: string;
  /** The principal that had the session. */
  readonly subject: string;
  readonly held: readonly HeldDelivery[];
  /** Its secret id; undefined: an earlier process knew it. */
  readonly id?: string;
  /** Whose streams it had; undefined: nobody asked, or an earlier process knew it. */
  readonly caller?: Caller;
  /** False: nobody knows the id of the session, so there is no window. */
  readonly isResumable: boolean;
  /** The session was drained, and is when it resumes. */
  readonly isDraining?: boolean;
  /** An earlier process left it: nobody else on this node knows what it holds. */
  readonly isLeft?: boolean;
  /** Whether its client is a named one. */
  readonly isNamed?: boolean;
  readonly onEnded: (end: End) => void;
}

/** An absent session whose client has come back, or was replaced. */
export interface Gone extends Absent {
  readonly end: End;
}

interface Absence extends Absent {
  readonly window: Deadline;
}

export function createLost({ queue, timers, windowMs, noteFailure, onFatal }: LostOptions): Lost {
  const absenceByKey = new Map<number, Absence>();
  const absencesByClient = new Map<string, Set<Absence>>();
  // What an earlier process left: no ledger has these deliveries, since their sessions were never open in this process.
  const absenceByDelivery = new Map<string, Absence>();
  const answered = new Set<string>();

  function forget(absence: Absence): void {
    const { session, clientId } = absence;
    if (absenceByKey.get(session.key) === absence) absenceByKey.delete(session.key);
    const others = absencesByClient.get(clientId);
    others?.delete(absence);
    if (others?.size === 0) absencesByClient.delete(clientId);
    if (!absence.isLeft) return;
    for (const held of absence.held) {
      absenceByDelivery.delete(nameOf(held));
      answered.delete(nameOf(held));
    }
  }

  async function end(absence: Absence): Promise<void> {
    const { session, held, window } = absence;
    if (absenceByKey.get(session.key) !== absence) return;
    try {
      await queue.endSession(session, held.filter(mayHaveStarted).map(toStarted));
    } catch (error) {
      timers.set(window, retryAfterMs(error));
      return;
    }
    forget(absence);
    absence.onEnded('expired');
    queue.activities.tellChanged(held);
  }

  return {
    add(absent) {
      const { session } = absent;
      const window = timers.create(() => end(absence).catch(onFatal));
      const absence: Absence = { ...absent, window };
      absenceByKey.set(session.key, absence);
      absencesByClient.set(absent.clientId, (absencesByClient.get(absent.clientId) ?? new Set()).add(absence));
      if (absent.isLeft) for (const held of absent.held) absenceByDelivery.set(nameOf(held), absence);
      if (!absent.isResumable) {
        end(absence).catch(onFatal);
        return;
      }
      // Only a note for people and for other nodes: the window runs here, on the monotonic clock.
      queue.loseSession(session).catch((error: unknown) => noteFailure('loseSession', error));
      timers.set(window, windowMs);
    },

    ownerOf: (delivery) => (absenceByDelivery.size === 0 ? undefined : absenceByDelivery.get(nameOf(delivery))),

    has: (sessionKey) => absenceByKey.has(sessionKey),

    windowOf(sessionKey) {
      const absence = absenceByKey.get(sessionKey);
      return absence && (timers.dueAt(absence.window) ?? timers.now());
    },

    isAwaited: ({ clientId, subject, isNamed, resume }) =>
      [...(absencesByClient.get(clientId) ?? [])].some(
        (one) =>
          one.subject === subject && ((isNamed && one.isNamed === true) || (resume && one.id === resume.previousId)),
      ),

    expel(reasonFor) {
      for (const absence of [...absenceByKey.values()]) {
        const { caller, isResumable, window } = absence;
        if (!isResumable || !caller || !isExpelled(reasonFor(caller) ?? null)) continue;
        timers.clear(window);
        end(absence).catch(onFatal);
      }
    },

    sessionsOf: (clientId) => [...(absencesByClient.get(clientId) ?? [])].map(({ session }) => session),

    heldBy: (clientId, isLeftToo) =>
      [...(absencesByClient.get(clientId) ?? [])].flatMap(({ held, isLeft }) => (isLeft && !isLeftToo ? [] : held)),

    leftBy: (clientId, subject) =>
      [...(absencesByClient.get(clientId) ?? [])]
        .filter((one) => one.isLeft && !one.isNamed && isSamePrincipal(one.subject, subject))
        .flatMap(({ held }) => held.map(({ taskId, delivery }) => ({ taskId, delivery })))
        .filter((one) => !answered.has(nameOf(one))),

    answer(delivery) {
      if (absenceByDelivery.size > 0 && absenceByDelivery.has(nameOf(delivery))) answered.add(nameOf(delivery));
    },

    take(sessionKey) {
      const absence = absenceByKey.get(sessionKey);
      if (!absence) return undefined;
      forget(absence);
      timers.clear(absence.window);
      return absence;
    },
  };
}
