import type { RetryAdvice } from '../model/retry.ts';
import type {
  ClaimedTask,
  Delivery,
  LaneRef,
  ResultRecord,
  SessionRef,
  SettledState,
  TaskError,
  TaskInput,
  TaskRecord,
  TaskState,
} from '../model/task.ts';
import type { OperatorStore } from './operators.ts';
import type { InsertOutcome } from './outcome.ts';
import type { SessionResume } from './resume.ts';

export type { InsertOutcome };

/**
 * The Store port: what dispatch needs of durable memory, named as a task's life. Every operation is a batch, has one
 * outcome per item in the order given, and resolves only after its commit: what it answered survives power loss.
 *
 * Group commit: operations of one event-loop turn, or that arrive while a commit is under way, form the next
 * transaction, in the order settles and checkpoints, releases, sessions, inserts, the rest, claims - so that a task can
 * be claimed in the commit that stores it. A transaction takes at most 2,000 items or 8 MiB, in order of arrival (one
 * larger batch goes alone), and as much again for its claims. Bytes that are given are read until the answer; an event
 * may carry the very bytes of its settlement.
 * A refused item changes nothing. When the disk is full or the file locked an operation rejects with
 * ContactError RESOURCE_EXHAUSTED / UNAVAILABLE and changed nothing; any other I/O error on COMMIT ends the process.
 */
export interface Store extends OperatorStore {
  readonly capabilities: StoreCapabilities;
  /** Changes when the store was restored or failed over; part of every cursor. [a-z0-9]{1,32} */
  readonly epoch: string;

  /**
   * All or nothing (a savepoint within the group). A repeated id, or idempotency key within its queue, with the same
   * content (everything but the instants) is `deduplicated` and names the id that is stored; with other content the
   * whole batch rejects ALREADY_EXISTS, its message starting `tasks[i].id:` or `tasks[i].idempotency_key:`. More waiting
   * tasks than the queue's maxWaiting: RESOURCE_EXHAUSTED, `tasks[i].queue:`.
   * `onInserted` hears of the commit before it is on disk, and before the `onClaimed` of a claim that saw these tasks.
   */
  insertTasks(tasks: readonly TaskInput[], now: number, onInserted?: () => void): Promise<readonly InsertOutcome[]>;

  /**
   * Claims ready tasks. `plan` is asked when the transaction is formed, so that it sees every insert and settle of
   * that turn. Within a queue: larger priority first, then ready_seq, over all lanes of the request. Requests are served
   * in turn, one task each, beginning with the first; a request's queues in turn, beginning with that of its first
   * lane: callers rotate both. A task past its expiry is left to `wakeTasks`. Each claim has delivery + 1 and belongs
   * to the session row; a request whose session row is gone or has another epoch gets nothing. A queue with maxRunning
   * running tasks is passed over, as if it were empty: ask again when one of its runs has ended (each outcome that ends
   * a run names the queue) or the limit has changed. The answer is grouped by request, sorted as claimed.
   * `onClaimed` has it first, before it is on disk and before any other `plan` is asked: to plan with, not to tell.
   */
  claimTasks(
    plan: () => readonly ClaimRequest[],
    now: () => number,
    onClaimed?: (outcomes: readonly ClaimOutcome[]) => void,
  ): Promise<readonly ClaimOutcome[]>;

  /**
   * Ends deliveries by a result. The first result for an open newest delivery is STORED, all others change nothing: a
   * delivery that its client had ended by a result before is DUPLICATE (until a retry of it was claimed), any other is
   * STALE. A delivery that only the loss of its session ended is open to its client, and that loss is taken back.
   */
  settleTasks(settlements: readonly Settlement[], now: number): Promise<readonly SettleOutcome[]>;

  /** Ends deliveries without a result. */
  releaseTasks(releases: readonly Release[], now: number): Promise<readonly SettleOutcome[]>;

  /** Keeps up to 64 KiB for the next attempt; false: the delivery is not open. */
  checkpointTasks(checkpoints: readonly (Delivery & { readonly data: Uint8Array })[]): Promise<readonly boolean[]>;

  /**
   * Waiting: cancelled at once. Running: the flag is stored, whoever ends the delivery reads it. The parent of a
   * broadcast: the flag is stored, and the caller cancels the children (listTasks by parentId) that are not settled.
   */
  cancelTasks(ids: readonly string[], reason: string, now: number): Promise<readonly CancelOutcome[]>;

  /**
   * Redrives failed tasks: ready again, attempts and losses from zero, delivery numbers go on, no expiry any more.
   * Parents of broadcasts are refused as `not_failed`: their children are redriven.
   */
  retryTasks(ids: readonly string[], now: number): Promise<readonly RetryOutcome[]>;

  /** Forgets settled tasks and their results. True: it was there and settled. */
  deleteTasks(ids: readonly string[]): Promise<readonly boolean[]>;

  /** Moves what is due by `now`: scheduled → ready, waiting past its expiry → expired. At most `limit` tasks. */
  wakeTasks(now: number, limit: number): Promise<WakeOutcome>;

  /**
   * Registers a session; resumes or replaces earlier ones in the same transaction. A row is resumed by the id it has or
   * by the one that its last resume named, whose client may never have heard of that resume.
   * ALREADY_EXISTS: another session has this id.
   */
  openSession(opening: SessionOpening, now: number): Promise<OpenedSession>;

  /** Marks a session row lost; its tasks stay. False: gone, or another epoch. */
  loseSession(session: SessionRef, now: number): Promise<boolean>;

  /**
   * Ends a session row: every delivery it still has is lost (ready again and adoptable; burnt if started) and the row
   * is gone. `started` names the deliveries known to have begun; 'all' when nobody remembers (a restarted node): then
   * every delivery counts as started. Another epoch: changes nothing.
   */
  endSession(session: SessionRef, started: readonly Delivery[] | 'all', now: number): Promise<EndedSession>;

  /**
   * Session rows that an earlier process of this node left behind and nobody resumed yet, with what they run. In a
   * store that is not shared: of whatever node.
   */
  listSessions(): Promise<readonly StoredSession[]>;

  /** Results with a position beyond `after`, in order, at most 500 rows and about 4 MiB. */
  readResults(after: number, limit: number): Promise<readonly ResultRecord[]>;
  /** Positions of the results log: the newest (0: none yet), and the one before the oldest kept. */
  resultBounds(): Promise<{ readonly newest: number; readonly beforeOldest: number }>;

  describeTask(id: string): Promise<TaskRecord | undefined>;
  /**
   * Newest first (by id), at most 500 rows and about 4 MiB; `before` is the id of the last one of the page before.
   * A page may be short; an empty one is the end.
   */
  listTasks(filter: TaskFilter, before: string | null, limit: number): Promise<readonly TaskRecord[]>;
  countQueues(): Promise<readonly QueueCounts[]>;

  /** Waits for what is under way, then closes. */
  close(): Promise<void>;
}

export interface StoreCapabilities {
  readonly kind: 'sqlite' | 'postgres' | 'model';
  /** Survives the process. */
  readonly isDurable: boolean;
  /** Several nodes may share it. */
  readonly isShared: boolean;
}

export interface ClaimRequest {
  readonly session: SessionRef;
  readonly lanes: readonly LaneRef[];
  /** At most this many tasks. */
  readonly limit: number;
  /** And this many payload bytes; the first task may be larger when `mayExceed`. */
  readonly maxBytes: number;
  readonly mayExceed: boolean;
}

export interface ClaimOutcome {
  readonly session: SessionRef;
  readonly tasks: readonly ClaimedTask[];
  /** True: the lanes had no more when the request ended; false: a limit ended it, or its session is gone. */
  readonly exhausted: boolean;
  /** Its session row is gone or has another epoch. */
  readonly isGone?: true;
}

/** Who names a delivery: a client (by task and delivery alone), or the server itself, fenced by its session row. */
export interface Fence extends Delivery {
  readonly session?: SessionRef;
  /** The client that names it: one that was lost is open to the client that had it alone. Default: whoever had it. */
  readonly namedBy?: string;
}

export type Settlement = Fence & {
  readonly clientId: string;
} & (
    | { readonly kind: 'succeeded'; readonly result: Uint8Array; readonly contentType: string }
    | {
        readonly kind: 'failed';
        readonly error: TaskError;
        readonly retry: RetryAdvice;
        /** 0 to 1, for the jitter of a policy retry. */
        readonly random: number;
      }
    /** Stopped because of a cancel; without a cancel flag it is a release. `isStarted`: default true. */
    | { readonly kind: 'stopped'; readonly isStarted?: boolean }
    /** The server closes a delivery whose cancel nobody confirmed. */
    | { readonly kind: 'abandoned' }
  );

export type Release = Fence & {
  /**
   * `released`: the worker gives it back, the delivery is closed.
   * `lost`: its session is gone, the delivery stays adoptable.
   * An attempt is burnt if it was started; at the last the task fails.
   */
  readonly cause: 'released' | 'lost';
  readonly isStarted: boolean;
};

export interface SettleOutcome {
  readonly code: 'STORED' | 'DUPLICATE' | 'STALE' | 'UNKNOWN';
  /** Set when the task is settled by this. */
  readonly event?: ResultRecord;
  /** Set when it was the last child of a broadcast: the parent's, at the position after it. */
  readonly parent?: ResultRecord;
  /** Set when it waits again. */
  readonly ready?: LaneRef;
  /** Set when it backs off, with its queue. */
  readonly scheduledAt?: number;
  readonly queue?: string;
  /** Set when it may expire before that, or has: nobody has looked for it while it ran. */
  readonly expiresAt?: number;
}

export type CancelOutcome = { readonly id: string } & (
  | { readonly kind: 'cancelled'; readonly event: ResultRecord; readonly parent?: ResultRecord }
  /**
   * The parent of a broadcast: settled by its last child, and cancelled unless all succeeded. `state`: what it came to
   * once the caller has cancelled the children; absent: some still run.
   */
  | { readonly kind: 'children'; readonly state?: SettledState }
  /** With the stored reason, which is that of the first cancel. */
  | { readonly kind: 'requested'; readonly session: SessionRef; readonly delivery: number; readonly reason: string }
  | { readonly kind: 'not_found' | 'settled' }
);

export type RetryOutcome =
  | { readonly id: string; readonly kind: 'ready'; readonly lane: LaneRef }
  | { readonly id: string; readonly kind: 'not_failed' | 'not_found' };

export interface WakeOutcome {
  readonly ready: readonly LaneRef[];
  /** And parents of broadcasts whose last child this was. */
  readonly expired: readonly ResultRecord[];
  /** The next instant something is due; null: nothing is. */
  readonly nextDueAt: number | null;
}

export interface SessionOpening {
  /** A digest of the session id; the id itself is a secret and is not stored. */
  readonly secretHash: string;
  /** Who authenticated; only the same subject may resume. Empty: nobody. */
  readonly subject: string;
  readonly clientId: string;
  /** Remembered when away; an earlier named session of the client that is not resumed is REPLACED. */
  readonly isNamed: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly queues: readonly string[];
  readonly node: string;
  readonly resume: SessionResume | null;
  /** Deliveries of replaced sessions that count as begun, as in endSession. Default: 'all'. */
  readonly started?: readonly Delivery[] | 'all';
}

/** A delivery that a session holds. */
export interface HeldTask extends Delivery, LaneRef {
  readonly attempt: number;
  readonly timeoutMs: number;
  /** The task has no attempt after this one. */
  readonly isLast: boolean;
  /** Whether it had begun, of a delivery that its loss had ended; null: the store does not know. */
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
  readonly events: readonly ResultRecord[];
  /** An operator drained this named client, and it was not set back. */
  readonly isDrained: boolean;
  /** Earlier sessions of this client that this one ended. */
  readonly replaced: readonly SessionRef[];
}

export interface EndedSession {
  readonly ready: readonly LaneRef[];
  /** As in OpenedSession. */
  readonly events: readonly ResultRecord[];
}

export interface StoredSession {
  readonly session: SessionRef;
  readonly clientId: string;
  readonly isNamed: boolean;
  readonly node: string;
  readonly held: readonly HeldTask[];
}

/** Every condition that is set must hold. */
export interface TaskFilter {
  readonly queues?: readonly string[];
  readonly states?: readonly TaskState[];
  readonly createdAfter?: number;
  readonly createdBefore?: number;
  readonly parentId?: string;
}

export interface QueueCounts {
  readonly queue: string;
  readonly ready: number;
  readonly scheduled: number;
  readonly running: number;
  readonly settled: Readonly<Record<SettledState, number>>;
}
