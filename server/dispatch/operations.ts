import { ContactError } from '../../shared/errors.ts';
import { isInScope, type QueueScope } from '../model/caller.ts';
import { PARENT_LANE } from '../model/lane.ts';
import type { Retention } from '../model/retention.ts';
import {
  DEFAULT_SETTINGS,
  hasSettings,
  type PriorityOldest,
  type QueueChange,
  type QueueCounts,
  type QueueSettings,
  type QueueStore,
} from '../store/queues.ts';
import type { LaneTable } from './lanes.ts';

const PURGE_BATCH = 500;

/** The reason that purged tasks are cancelled for. */
const PURGED = 'the queue was purged';

/** Lanes looked at when unroutable tasks are counted; the fullest come first. */
const MAX_LANES = 1_000;

/** Lanes of a queue that are named: why it waits is looked for in them. */
const MAX_FULLEST = 5;

/** Priorities told for a queue. */
const MAX_PRIORITIES = 32;

/** One queue as an operator sees it. */
export interface QueueView extends QueueCounts, Omit<QueueSettings, 'queue' | 'retention'> {
  /** How long settled tasks are kept. */
  readonly retention: Retention;
  /** It is the queue's own, not the server's default. */
  readonly hasOwnRetention: boolean;
  /** Sessions that draw from it. */
  readonly workers: number;
  /** Tasks that are ready in lanes that nobody draws from. */
  readonly unroutable: number;
  readonly oldest: readonly PriorityOldest[];
  /** Its fullest lanes with ready tasks. */
  readonly fullest: readonly string[];
}

type QueueLimits = Pick<QueueSettings, 'maxWaiting' | 'maxRunning'>;

/** What operators do with queues. */
export interface Operations {
  settingsOf(queue: string): Omit<QueueSettings, 'queue'>;
  /** Whether an operator has set anything of the queue. */
  isSet(queue: string): boolean;
  /** Queues of the scope that have a task, a worker or settings, in the order of their names, those after `after`. */
  listQueues(after: string, limit: number, scope: QueueScope): Promise<readonly QueueView[]>;
  /**
   * Stops claiming at once; remembered.
   * @param by whose act it is, as of the next four; default: nobody's
   * @throws ContactError NOT_FOUND, as the next four: the queue has no task, no worker and no settings, and is not to
   * be created
   */
  pauseQueue(queue: string, isCreated?: boolean, by?: string): Promise<void>;
  resumeQueue(queue: string, by?: string): Promise<void>;
  setQueueLimits(queue: string, limits: QueueLimits, isCreated?: boolean, by?: string): Promise<void>;
  /** How long settled tasks of the queue are kept; null: as long as the server's default says. */
  setQueueRetention(queue: string, retention: Retention | null, isCreated?: boolean, by?: string): Promise<void>;
  /** What the store counts of a queue. @throws ContactError NOT_FOUND, as above */
  findQueue(queue: string): Promise<QueueCounts>;
  /** Cancels everything that waits; answers how many tasks that were. @param by whose act it is */
  purgeQueue(queue: string, by: string): Promise<number>;
  /** The settings of a queue are these now. */
  learn(settings: QueueSettings): void;
  /** Of the queues that an operator has set. */
  settings(): Iterable<QueueSettings>;
  /** All queues that have settings, as the store lists them. */
  learnAll(settings: readonly QueueSettings[]): void;
  /** Runs have ended, so that queues with a limit of them may have more claimed. False: no queue has a limit. */
  markLimited(): boolean;
}

export interface OperationsOptions {
  readonly store: QueueStore;
  readonly lanes: LaneTable;
  readonly now: () => number;
  /** Of queues that have none of their own. */
  readonly retention: Retention;
  /** Lanes may have work. */
  readonly onReady: () => void;
}

const NO_TASKS: Omit<QueueCounts, 'queue'> = Object.freeze({
  ready: 0,
  scheduled: 0,
  running: 0,
  settled: Object.freeze({ succeeded: 0, failed: 0, cancelled: 0, expired: 0 }),
});

export async function createOperations(options: OperationsOptions): Promise<Operations> {
  const { store, lanes, now, retention, onReady } = options;
  // One entry for each queue that an operator has set, which is the bound.
  const settingsByQueue = new Map<string, QueueSettings>();
  const limitedQueues = new Set<string>();

  function learn(settings: QueueSettings): void {
    const { queue, isPaused, maxRunning } = settings;
    if (hasSettings(settings)) settingsByQueue.set(queue, settings);
    else settingsByQueue.delete(queue);
    if (isPaused) lanes.pause(queue);
    else lanes.resume(queue);
    if (maxRunning > 0) limitedQueues.add(queue);
    else limitedQueues.delete(queue);
    lanes.markQueue(queue);
  }

  async function change(
    queue: string,
    part: Omit<QueueChange, 'queue'>,
    isCreated: boolean | undefined,
    by: string | undefined,
  ): Promise<void> {
    const isKnown = isCreated === true || isServedOrSet(queue);
    // Pausing holds from now on, whatever the store takes for writing it down.
    if (part.isPaused && isKnown) lanes.pause(queue);
    try {
      if (!isKnown) await findQueue(queue);
      await store.setQueueSettings({ queue, ...part }, by === undefined ? undefined : { by, now: now() });
    } catch (error) {
      learn({ queue, ...DEFAULT_SETTINGS, ...settingsByQueue.get(queue) });
      onReady();
      throw error;
    }
  }

  async function view(counts: QueueCounts): Promise<QueueView> {
    const { queue } = counts;
    const found = counts.ready === 0 ? [] : await store.countLanes(queue, MAX_LANES);
    const unroutable = found.filter(({ lane }) => lane !== PARENT_LANE && !lanes.isDrawn({ queue, lane }));
    const settings = { ...DEFAULT_SETTINGS, ...settingsByQueue.get(queue) };
    return {
      ...settings,
      ...counts,
      retention: settings.retention ?? retention,
      hasOwnRetention: settings.retention !== null,
      workers: lanes.countReceivers(queue),
      unroutable: unroutable.reduce((sum, { ready }) => sum + ready, 0),
      fullest: found.slice(0, MAX_FULLEST).map(({ lane }) => lane),
      oldest: counts.ready === 0 ? [] : await store.listOldest(queue, MAX_PRIORITIES),
    };
  }

  const isServedOrSet = (queue: string): boolean => settingsByQueue.has(queue) || lanes.isServed(queue);

  /**
   * Every queue that there is, by name, with what the store counts in it. One whose last task was deleted, that nobody
   * serves and nobody has set, is as one that never was.
   */
  async function countQueues(): Promise<ReadonlyMap<string, QueueCounts>> {
    const found = new Map<string, QueueCounts>();
    for (const counts of await store.countQueues()) if (hasTasks(counts)) found.set(counts.queue, counts);
    for (const names of [lanes.servedQueues(), settingsByQueue.keys()]) {
      for (const queue of names) if (!found.has(queue)) found.set(queue, { queue, ...NO_TASKS });
    }
    return found;
  }

  async function findQueue(queue: string): Promise<QueueCounts> {
    const counts = (await countQueues()).get(queue);
    if (counts) return counts;
    throw new ContactError('NOT_FOUND', `no queue "${queue}"; it has no tasks, no workers and no settings`, {
      field: 'queue',
    });
  }

  for (const settings of await store.listQueueSettings()) learn(settings);

  return {
    learn,
    learnAll(all) {
      const known = new Set(all.map(({ queue }) => queue));
      for (const queue of [...settingsByQueue.keys()]) if (!known.has(queue)) learn({ queue, ...DEFAULT_SETTINGS });
      for (const settings of all) if (!areSame(settings, settingsByQueue.get(settings.queue))) learn(settings);
    },
    settings: () => settingsByQueue.values(),
    isSet: (queue) => settingsByQueue.has(queue),
    settingsOf: (queue) => settingsByQueue.get(queue) ?? DEFAULT_SETTINGS,

    async listQueues(after, limit, scope) {
      const all = [...(await countQueues()).values()];
      const counts = all.filter(({ queue }) => queue > after && isInScope(scope, queue));
      counts.sort((a, b) => (a.queue < b.queue ? -1 : 1));
      return Promise.all(counts.slice(0, limit).map(view));
    },

    findQueue,
    pauseQueue: (queue, isCreated, by) => change(queue, { isPaused: true }, isCreated, by),
    resumeQueue: (queue, by) => change(queue, { isPaused: false }, false, by),
    setQueueLimits: (queue, limits, isCreated, by) => change(queue, limits, isCreated, by),
    setQueueRetention: (queue, own, isCreated, by) => change(queue, { retention: own }, isCreated, by),

    async purgeQueue(queue, by) {
      // What comes while it goes is not its business, else a busy producer would keep it going for ever.
      const { ready, scheduled } = await findQueue(queue);
      const waiting = ready + scheduled;
      let total = 0;
      while (total < waiting) {
        const { count } = await store.purgeTasks(queue, Math.min(PURGE_BATCH, waiting - total), PURGED, now(), by);
        total += count;
        if (count === 0) break;
      }
      return total;
    },

    markLimited() {
      for (const queue of limitedQueues) lanes.markQueue(queue);
      return limitedQueues.size > 0;
    },
  };
}

function hasTasks({ ready, scheduled, running, settled }: QueueCounts): boolean {
  return Object.values(settled).some((count) => count > 0) || ready + scheduled + running > 0;
}

function areSame(a: QueueSettings, b: QueueSettings | undefined): boolean {
  return (
    a.isPaused === b?.isPaused &&
    a.maxWaiting === b.maxWaiting &&
    a.maxRunning === b.maxRunning &&
    a.retention?.maxAgeMs === b.retention?.maxAgeMs &&
    a.retention?.maxCount === b.retention?.maxCount
  );
}
