import type { Delivery, LaneRef, SessionRef, SettledRecord } from '../model/task.ts';

/** Who may have tasks: the rows of sessions, with what they hold. The rules of store.ts hold. */
export interface SessionStore {
  /**
   * Registers a session; resumes or replaces earlier ones in the same commit. A row is resumed by the id it has or
   * by the one that its last resume named, whose client may never have heard of that resume.
   * ALREADY_EXISTS: another session has this id, or the client id is another principal's (`ClientStore.ownerOf`).
   */
  openSession(opening: SessionOpening, now: number): Promise<OpenedSession>;

  /** Marks a session row lost; its tasks stay. False: the row is gone, or has another epoch. */
  loseSession(session: SessionRef, now: number): Promise<boolean>;

  /**
   * Ends a session row: every delivery it still has is lost (ready again and adoptable; burnt if started) and the row
   * is gone. `started` names the deliveries known to have started; 'all' when nobody remembers (a restarted node): then
   * every delivery counts as started. Another epoch: changes nothing.
   */
  endSession(session: SessionRef, started: readonly StartedDelivery[] | 'all', now: number): Promise<EndedSession>;

  /**
   * Session rows that an earlier process of this node left behind and nobody resumed yet, with what they run; and those
   * of nodes that are gone for good, once they were given to this one. In a store that is not shared: of whatever node.
   */
  listSessions(): Promise<readonly StoredSession[]>;

  /**
   * How the rows of these sessions stand, in the order given: a node that missed signals sees what others did to them.
   */
  describeSessions(sessions: readonly SessionRef[]): Promise<readonly SessionStanding[]>;
}

export type SessionStanding =
  | {
      readonly kind: 'open';
      /** Every delivery that it has, with the reason of the cancel that was asked for; null: none was. */
      readonly running: readonly (Delivery & { readonly cancelReason: string | null })[];
      /** As in OpenedSession; null: the client has no name that is remembered. */
      readonly isDrained: boolean | null;
    }
  /** The client came back to the session: the row has a later epoch. */
  | { readonly kind: 'resumed' }
  | { readonly kind: 'gone' };

/** A delivery that counts as started. */
export interface StartedDelivery extends Delivery {
  /** When its client said that it began, to be kept with the attempt. Default: nobody knows. */
  readonly startedAt?: number | null;
}

/** A session that comes back to the one before. */
export interface SessionResume {
  readonly previousHash: string;
  readonly holding: readonly Delivery[];
  /** Deliveries that count as started: one that is not in `holding` is lost. Others never arrived. Default: none. */
  readonly started?: readonly StartedDelivery[];
}

export interface SessionOpening {
  /** A digest of the session id; the id itself is a secret and is not stored. */
  readonly secretHash: string;
  /**
   * The principal that the client came by, which has what it has: another one of the same client id resumes and replaces
   * no session of it, and adopts nothing. Empty: nobody asked, and the client id alone counts (`model/owner.ts`).
   */
  readonly subject: string;
  readonly clientId: string;
  /** The client is remembered when away; its earlier named session that is not resumed is REPLACED. */
  readonly isNamed: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly queues: readonly string[];
  readonly node: string;
  readonly resume: SessionResume | null;
  /** Deliveries of replaced sessions that count as started, as in endSession. Default: 'all'. */
  readonly started?: readonly StartedDelivery[] | 'all';
  /**
   * The sessions whose starts the caller knows, as it knew them: `started`, and that of `resume`, speak of these alone.
   * Whatever another one has, or one with another epoch, counts as started, for its starts were told to another node.
   * Default: the caller knows all.
   */
  readonly knownSessions?: readonly SessionRef[];
}

/** A delivery that a session holds. */
export interface HeldTask extends Delivery, LaneRef {
  readonly attempt: number;
  readonly timeoutMs: number;
  /** The task has no attempt after this one. */
  readonly isLast: boolean;
  /** When it was claimed; null: the store does not know. */
  readonly claimedAt: number | null;
  /** Whether a delivery that its loss had ended was started; null: the store does not know. */
  readonly isStarted: boolean | null;
  /** A cancel was asked for, with this reason; null: none. */
  readonly cancelReason: string | null;
}

export interface OpenedSession {
  readonly session: SessionRef;
  /** The previous session's row goes on, with a new epoch. */
  readonly resumed: boolean;
  /** Deliveries of `holding` that are open, adopted ones included. */
  readonly held: readonly HeldTask[];
  /** Deliveries of `holding` that are closed. */
  readonly closed: readonly Delivery[];
  /** Lanes that got tasks back: what was not named in `holding`, and what replaced sessions had. */
  readonly ready: readonly LaneRef[];
  /** Tasks that this settled (a loss that was one too many, a cancel that was waiting), parents of broadcasts too. */
  readonly events: readonly SettledRecord[];
  /** Deliveries that this took back from sessions, of whatever became of their tasks. */
  readonly lostCount: number;
  /** An operator drained this named client, and it was not set back. */
  readonly isDrained: boolean;
  /** Earlier sessions of this client that this one ended. */
  readonly replaced: readonly SessionRef[];
}

export interface EndedSession {
  readonly ready: readonly LaneRef[];
  /** This and the next as in OpenedSession. */
  readonly events: readonly SettledRecord[];
  readonly lostCount: number;
}

export interface StoredSession {
  readonly session: SessionRef;
  readonly clientId: string;
  /** As in SessionOpening. */
  readonly subject: string;
  readonly isNamed: boolean;
  readonly node: string;
  readonly held: readonly HeldTask[];
}
