import type { Retention } from '../model/retention.ts';
import type { LaneRef, SettledRecord, SettledState } from '../model/task.ts';
import type { Actor } from './acts.ts';

/**
 * Queues as operators see and set them. What lists and counts lanes leaves out the lane of parents. The rules of
 * store.ts hold.
 */
export interface QueueStore {
  countQueues(): Promise<readonly QueueCounts[]>;

  /** What waits, as cheap as a look every few seconds has to be: of the queues it makes nothing but their names. */
  findWaiting(): Promise<Waiting>;

  /**
   * Whether clients have done anything in the queue: a task of it runs, has succeeded or has failed, as far as tasks are
   * kept. As cheap as a look at each enqueue has to be.
   */
  isUsed(queue: string): Promise<boolean>;

  /** Names of queues of which `isUsed` holds, in any order; looks at `limit` queues. */
  listUsed(limit: number): Promise<readonly string[]>;

  /** Lanes `s:…` with tasks that are not settled, by queue and lane, at most `limit`. */
  listSelectorLanes(limit: number): Promise<readonly LaneRef[]>;

  /**
   * Ready tasks by lane, the fullest first, at most `limit` lanes of one queue. Exact and cheap, as they are counted
   * with every change.
   */
  countLanes(queue: string, limit: number): Promise<readonly LaneCount[]>;

  /**
   * The oldest ready task of each priority, larger first, at most `limit` priorities. Approximate in two ways: of a
   * lane the one that is next, which a retry may have made younger than others; and of the 1,000 fullest lanes.
   */
  listOldest(queue: string, limit: number): Promise<readonly PriorityOldest[]>;

  /**
   * Ready tasks of the lane of a ready task that are given away before it, counted up to `limit`; 0 of any other task. Looks
   * at no more rows than a few times `limit`.
   */
  countAhead(id: string, limit: number): Promise<number>;

  /** Queues with settings other than the default, by name: as many as operators have set. */
  listQueueSettings(): Promise<readonly QueueSettings[]>;

  /**
   * Changes what is given and keeps the rest; answers all of it as it is now. The settings outlive the queue's tasks.
   * Of a queue that is paused no claim gives anything from the commit of this on, whichever node asks.
   */
  setQueueSettings(change: QueueChange, actor?: QueueActor): Promise<QueueSettings>;

  /**
   * Cancels waiting tasks (ready, scheduled) of a queue, at most `limit`: lane after lane by name,
   * first the ready ones in their order, then the scheduled ones by instant. Fewer than `limit`: nothing is left.
   * @param by as of `cancelTasks`
   */
  purgeTasks(queue: string, limit: number, reason: string, now: number, by?: string): Promise<PurgeOutcome>;
}

export interface Waiting {
  /** Queues that have ready tasks. */
  readonly readyQueues: readonly string[];
  /** Whether any task is ready or scheduled. */
  readonly isAny: boolean;
}

export interface QueueCounts {
  readonly queue: string;
  readonly ready: number;
  readonly scheduled: number;
  readonly running: number;
  readonly settled: Readonly<Record<SettledState, number>>;
}

export interface LaneCount {
  readonly lane: string;
  readonly ready: number;
}

export interface PriorityOldest {
  readonly priority: number;
  readonly createdAt: number;
}

/** Limits are checked by inserts and claims alone: what is beyond a lowered one stays. */
export interface QueueSettings {
  readonly queue: string;
  readonly isPaused: boolean;
  /** Tasks that may wait (ready, scheduled, parents); 0: no limit. */
  readonly maxWaiting: number;
  /** Tasks that may run at once over all sessions; 0: no limit. */
  readonly maxRunning: number;
  /** How long settled tasks are kept; null: as long as the server's default says. */
  readonly retention: Retention | null;
}

export const DEFAULT_SETTINGS: Omit<QueueSettings, 'queue'> = Object.freeze({
  isPaused: false,
  maxWaiting: 0,
  maxRunning: 0,
  retention: null,
});

/** Whether a queue has any settings of its own. */
export function hasSettings({ isPaused, maxWaiting, maxRunning, retention }: QueueSettings): boolean {
  return isPaused || maxWaiting > 0 || maxRunning > 0 || retention !== null;
}

/** Who changes the settings of a queue. */
export interface QueueActor extends Actor {
  /** The queue is deleted, and with it its settings. Default: false. */
  readonly isDeletion?: boolean;
}

/** New settings of a queue; what is left out stays. */
export type QueueChange = Pick<QueueSettings, 'queue'> & Partial<QueueSettings>;

export interface PurgeOutcome {
  /** Tasks that were cancelled. */
  readonly count: number;
  /** Their results, and those of parents of broadcasts whose last child this was. */
  readonly events: readonly SettledRecord[];
}
