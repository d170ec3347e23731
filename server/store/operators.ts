import type { LaneRef, ResultRecord, TaskInput } from '../model/task.ts';
import type { InsertOutcome } from './store.ts';

/**
 * The part of the Store port that serves addressing and operators. The rules of store.ts hold: batches, answers after
 * the commit, pages by key of at most 500 rows.
 */
export interface OperatorStore {
  /**
   * A parent and its children, all or nothing, in one transaction whatever its size (at most 10,000 children).
   * The parent waits in lane `p:`, which nobody draws from; its result holds counts only (JSON
   * `{"children","succeeded","failed","cancelled","expired"}`) and is settled in the transaction that settles its last
   * child: succeeded when all succeeded, cancelled when its cancel was asked for, else failed (code CHILDREN).
   * A repeated parent id with the same content is `deduplicated`, whatever the children are.
   * FAILED_PRECONDITION when there are no children.
   */
  insertBroadcast(parent: TaskInput, children: readonly TaskInput[], now: number): Promise<InsertOutcome>;
  /** How far a broadcast is; undefined: not a broadcast. */
  countChildren(parentId: string): Promise<ChildCounts | undefined>;

  /** Lanes `s:…` with tasks that are not settled, at most `limit`. */
  listSelectorLanes(limit: number): Promise<readonly LaneRef[]>;
  /** Ready tasks by lane, the fullest first, at most `limit` lanes of one queue. */
  countLanes(queue: string, limit: number): Promise<readonly LaneCount[]>;
  /** The oldest ready task of each priority, larger first, at most `limit` priorities. */
  listOldest(queue: string, limit: number): Promise<readonly PriorityOldest[]>;

  /** Queues with settings other than the default. */
  listQueueSettings(): Promise<readonly QueueSettings[]>;
  setQueueSettings(settings: QueueSettings): Promise<void>;
  /** Cancels waiting tasks (ready, scheduled) of a queue, at most `limit`, oldest first. Call again until it is short. */
  purgeTasks(queue: string, limit: number, reason: string, now: number): Promise<readonly ResultRecord[]>;

  /** Named clients that are remembered, by id, those after `after`. */
  listClients(after: string, limit: number): Promise<readonly StoredClient[]>;
  /** Drained until set back; remembered for named clients only. False: not a named client. */
  drainClient(clientId: string, isDrained: boolean): Promise<boolean>;
}

export interface ChildCounts {
  readonly children: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly expired: number;
}

export interface LaneCount {
  readonly lane: string;
  readonly ready: number;
}

export interface PriorityOldest {
  readonly priority: number;
  readonly createdAt: number;
}

export interface QueueSettings {
  readonly queue: string;
  readonly isPaused: boolean;
  /** Tasks that may wait; 0: no limit. */
  readonly maxWaiting: number;
  /** Tasks that may run at once over all sessions; 0: no limit. */
  readonly maxRunning: number;
}

export interface StoredClient {
  readonly clientId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly queues: readonly string[];
  readonly lastSeenAt: number;
  readonly isDrained: boolean;
}
