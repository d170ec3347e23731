import type { Namer } from '../model/owner.ts';
import type { RetryAdvice } from '../model/retry.ts';
import type { ClaimedTask, Delivery, LaneRef, SessionRef, SettledRecord, TaskError } from '../model/task.ts';
import type { TaskLogLine } from '../model/tasklog.ts';

/** A task with somebody: claimed, given back, ended. The rules of store.ts hold. */
export interface DeliveryStore {
  /**
   * Claims ready tasks. `plan` is asked when the commit is formed, so that it sees every insert and settle of that
   * turn. Within a queue: larger priority first, then smaller `seq`, over all lanes of the request; in a store of several
   * nodes that is the order of what each has, and not of what they have together. Requests are served in turn, one task
   * each, beginning with the first; a request's queues in turn, beginning with that of its first lane: callers rotate
   * both. A task past its expiry is left to `wakeTasks`. Each claim has delivery + 1 and belongs to the session row; a
   * request whose session row is gone or has another epoch gets nothing. A queue that is paused, or has maxRunning
   * running tasks, is passed over, as if it were empty: ask again when one of its runs has ended (signal
   * `runsEnded`) or its settings have changed (`queueSet`). The answer is grouped by request, sorted as claimed.
   * `onClaimed` has it first, maybe before it is durable, and before any other `plan` is asked: to plan with, not to
   * tell.
   */
  claimTasks(
    plan: () => readonly ClaimRequest[],
    now: () => number,
    onClaimed?: (outcomes: readonly ClaimOutcome[]) => void,
  ): Promise<readonly ClaimOutcome[]>;

  /**
   * Ends deliveries by a result. The first result for an open newest delivery is STORED, all others change nothing: a
   * delivery that its client had ended by a result before is DUPLICATE (until a retry of it was claimed), any other is
   * STALE. A delivery that only the loss of its session ended is open to its owner, and that loss is taken back.
   */
  settleTasks(settlements: readonly Settlement[], now: number): Promise<readonly SettleOutcome[]>;

  /** Ends deliveries without a result. */
  releaseTasks(releases: readonly Release[], now: number): Promise<readonly SettleOutcome[]>;

  /** Keeps up to 64 KiB for the next attempt; false: the delivery is not open. */
  checkpointTasks(checkpoints: readonly (Delivery & { readonly data: Uint8Array })[]): Promise<readonly boolean[]>;

  /**
   * Keeps lines with the deliveries that they are of, also of those that have ended: whose they are, the caller knows. Of
   * a number that is there already the first line stays. The newest of each delivery and of each task are kept
   * (model/tasklog.ts), as long as the task. False: there is no such task.
   */
  logTasks(lines: readonly TaskLogLine[]): Promise<readonly boolean[]>;
}

export interface ClaimRequest {
  readonly session: SessionRef;
  readonly lanes: readonly LaneRef[];
  /** At most this many tasks. */
  readonly limit: number;
  /** At most this many payload bytes; the first task may be larger when `mayExceed`. */
  readonly maxBytes: number;
  readonly mayExceed: boolean;
}

export interface ClaimOutcome {
  readonly session: SessionRef;
  readonly tasks: readonly ClaimedTask[];
  /** True: the lanes had no more when the request ended; false: a limit ended it, or its session is gone. */
  readonly exhausted: boolean;
  /** The session row is gone or has another epoch. */
  readonly isGone?: true;
}

/** Who names a delivery: a client (by task and delivery alone), or the server itself, fenced by its session row. */
export interface Fence extends Delivery {
  readonly session?: SessionRef;
  /** Who names it: it is open to its owner alone. Default: whoever that is. */
  readonly namedBy?: Namer;
  /** When its client said that it began, to be kept with the attempt. Default: nobody knows. */
  readonly startedAt?: number | null;
}

export type Settlement = Fence & {
  /** Who settles it. Default: the client that has the delivery, or had it until it was lost. */
  readonly clientId?: string;
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
  readonly event?: SettledRecord;
  /** Set when it was the last child of a broadcast: the record of the parent, at the position after it. */
  readonly parent?: SettledRecord;
  /** Set when the task is ready again. */
  readonly ready?: LaneRef;
  /** Set when the task backs off. */
  readonly scheduledAt?: number;
  /** Set when the task may expire before that, or is past its expiry: nobody looks for that while it runs. */
  readonly expiresAt?: number;
}
