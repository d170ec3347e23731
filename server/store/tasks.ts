import type { AttemptRecord } from '../model/attempt.ts';
import type { QueueScope } from '../model/caller.ts';
import type { Retention } from '../model/retention.ts';
import type {
  LaneRef,
  SessionRef,
  SettledRecord,
  SettledState,
  TaskInput,
  TaskRecord,
  TaskState,
} from '../model/task.ts';
import type { TaskActRecord } from '../model/taskact.ts';
import type { LogPlace, LogRecord } from '../model/tasklog.ts';
import type { Actor } from './acts.ts';

/**
 * Tasks from their insert to their deletion, but for what happens while somebody has them: that is deliveries.ts. The
 * rules of store.ts hold. Where a `scope` is taken (default: every queue) a task of a queue outside it is as one that
 * is not there.
 */
export interface TaskStore {
  /**
   * All or nothing. A repeated id, or idempotency key within its queue, with the same content (everything but the
   * instants) is `deduplicated` and names the id that is stored; with other content the whole batch rejects
   * ALREADY_EXISTS, its message starting `tasks[i].id:` or `tasks[i].idempotency_key:`. More waiting tasks than the
   * queue's maxWaiting: RESOURCE_EXHAUSTED, `tasks[i].queue:`; more of its principal (`createdBy`) than each may have:
   * RESOURCE_EXHAUSTED naming PRINCIPAL_FIELD. What is known already counts for nobody.
   */
  insertTasks(tasks: readonly TaskInput[], now: number): Promise<readonly InsertOutcome[]>;

  /**
   * Waiting: cancelled at once. Running: the flag is stored, whoever ends the delivery reads it. The parent of a
   * broadcast: the flag is stored, and the caller cancels the children (listTasks by parentId) that are not settled.
   * What changes something is an act of the task.
   * @param by who asks for it, as `nameCaller` has it; default: nobody says
   * @param isOrder whether it is told of by `listActs`; default: true
   */
  cancelTasks(
    ids: readonly string[],
    reason: string,
    now: number,
    scope?: QueueScope,
    by?: string,
    isOrder?: boolean,
  ): Promise<readonly CancelOutcome[]>;

  /**
   * Redrives failed tasks: ready again, attempts and losses from zero, delivery numbers go on, no expiry any more.
   * Parents of broadcasts are refused as `not_failed`: their children are redriven. It is an act of the task.
   * @param by as of `cancelTasks`
   */
  redriveTasks(
    ids: readonly string[],
    now: number,
    scope?: QueueScope,
    by?: string,
  ): Promise<readonly RedriveOutcome[]>;

  /** Forgets settled tasks and their results. True: it was there and settled. */
  deleteTasks(ids: readonly string[], scope?: QueueScope, actor?: Actor): Promise<readonly boolean[]>;

  /**
   * Forgets settled tasks that are kept no longer: of each queue from the oldest result on, until one is to be kept, by
   * the retention that the queue has or else by `retention`. What was redriven counts by its newest result, and not at
   * all while it is not settled again. At most `limit` tasks, and no more work than a commit may take: until `isDone`
   * there is more to prune, or space of what was pruned to be given back.
   */
  pruneTasks(retention: Retention, limit: number, now: number): Promise<PruneOutcome>;

  /** Moves what is due by `now`: scheduled → ready, waiting past its expiry → expired. At most `limit` tasks. */
  wakeTasks(now: number, limit: number): Promise<WakeOutcome>;

  /**
   * With its attempts and what somebody did to it: of each the newest 20, the oldest of these first, over all redrives;
   * and with what its workers said, in the order of deliveries and numbers. Forgotten with the task.
   */
  describeTask(id: string, scope?: QueueScope): Promise<DescribedTask | undefined>;

  /** What its workers said after a place, in order; nothing, if the task is not there. */
  listLog(id: string, after: LogPlace, scope?: QueueScope): Promise<readonly LogRecord[]>;

  /**
   * Newest first (by id), at most 500 rows and about 4 MiB; `before` is the id of the last one of the page before.
   * A page may be short; an empty one is the end.
   */
  listTasks(
    filter: TaskFilter,
    before: string | null,
    limit: number,
    scope?: QueueScope,
  ): Promise<readonly TaskRecord[]>;

  /** How many tasks `listTasks` would answer in all its pages, by state. */
  countTasks(filter: TaskFilter, scope?: QueueScope): Promise<TaskCounts>;
}

/** What a batch is refused by of whose principal too many tasks wait. */
export const PRINCIPAL_FIELD = 'tasks';

export interface DescribedTask extends TaskRecord {
  readonly attempts: readonly AttemptRecord[];
  readonly acts: readonly TaskActRecord[];
  readonly log: readonly LogRecord[];
}

export type TaskCounts = Readonly<Record<TaskState, number>>;

/** What became of a task that was to be inserted. */
export interface InsertOutcome {
  /** The id that is stored: another one when an idempotency key found it. */
  readonly id: string;
  readonly deduplicated: boolean;
}

export type CancelOutcome = { readonly id: string } & (
  | { readonly kind: 'cancelled'; readonly event: SettledRecord; readonly parent?: SettledRecord }
  /**
   * The parent of a broadcast: settled by its last child, and cancelled unless all succeeded. `state`: what it came to
   * once the caller has cancelled the children; absent: some still run.
   */
  | { readonly kind: 'children'; readonly state?: SettledState }
  /** The reason is the stored one, which is that of the first cancel. */
  | { readonly kind: 'requested'; readonly session: SessionRef; readonly delivery: number; readonly reason: string }
  | { readonly kind: 'not_found' | 'settled' }
);

export type RedriveOutcome =
  | { readonly id: string; readonly kind: 'ready'; readonly lane: LaneRef }
  | { readonly id: string; readonly kind: 'not_failed' | 'not_found' };

export interface WakeOutcome {
  readonly ready: readonly LaneRef[];
  /** Tasks that have expired, and parents of broadcasts whose last child one of them was. */
  readonly expired: readonly SettledRecord[];
  /** The next instant at which something is due; null: nothing is. */
  readonly nextDueAt: number | null;
}

export interface PruneOutcome {
  /** The tasks that were forgotten. */
  readonly taskIds: readonly string[];
  readonly isDone: boolean;
}

/** Every condition that is set must hold. */
export interface TaskFilter {
  readonly queues?: readonly string[];
  readonly states?: readonly TaskState[];
  readonly createdAfter?: number;
  readonly createdBefore?: number;
  readonly parentId?: string;
  /** These two, and the codes, find settled tasks alone, by their newest result. */
  readonly settledAfter?: number;
  readonly settledBefore?: number;
  readonly errorCodes?: readonly string[];
  /** That one of these clients has while it runs, or settled. */
  readonly clientIds?: readonly string[];
  /** Pairs that are all among its own. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Running, and claimed at this instant or before it. */
  readonly claimedBefore?: number;
}
