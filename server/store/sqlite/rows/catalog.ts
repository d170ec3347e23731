import { ChurnSet } from '../../../../shared/churn.ts';
import type { LimitUse } from '../../../model/figures.ts';
import { isSettled, nextState, type Transition } from '../../../model/states.ts';
import type { Lane, SettledState, TaskState } from '../../../model/task.ts';
import type { Database } from '../../file/database.ts';
import { refuseQueue } from '../../full.ts';
import { createNames, type NameBounds } from '../../name/names.ts';
import { DEFAULT_SETTINGS, hasSettings, type QueueChange, type QueueSettings } from '../../queues.ts';
import { count, countLanes, isWaiting, type LaneCounts } from './counts.ts';
import { isUnused, isVacant, type LaneEntry, type QueueEntry, type QueueRow, readQueue } from './entries.ts';
import type { Principals } from './principals.ts';

/**
 * Queue and lane names as small numbers, the counts of each queue and lane, and the settings of queues. Mirrored in
 * memory: as many queues as there are among the tasks kept, the settings and those lanes, new ones as far as `name/names.ts`
 * has room; as many lanes as there are among the unsettled tasks, and up to MAX_EMPTY more. The counts of lanes are in
 * memory alone, so that they cost no write.
 */
export interface Catalog {
  /** @param createdBy who makes the queue, if there is none of that name: `refuseName` was asked. Default: nobody */
  internLane(queue: string, lane: Lane, createdBy?: string): LaneEntry;
  findLane(queue: string, lane: Lane): LaneEntry | undefined;
  laneById(id: number): LaneEntry;
  queueById(id: number): QueueEntry;
  findQueue(queue: string): QueueEntry | undefined;
  /** Counts a task that is inserted, or whose insert is taken back; `createdBy` is whose it is. */
  add(lane: LaneEntry, state: 'ready' | 'scheduled', by: 1 | -1, createdBy: string): void;
  /** Counts a settled task that is forgotten. */
  remove(queue: QueueEntry, state: SettledState): void;
  /** Tasks that may wait beside those that do, in all queues together; of a store that has more than it takes, below 0. */
  readonly waitingRoom: number;
  /** How much is used of what all queues together may have. */
  usage(): readonly LimitUse[];
  /** Why this principal may make no queue of this name; undefined: there is one, or may be. */
  refuseName(queue: string, createdBy: string): string | undefined;
  /** Names that this principal may make beside those that there are. */
  nameRoomOf(createdBy: string): number;
  /** Counts a transition of the state table of a task that `createdBy` has made; an illegal one throws. */
  move(lane: LaneEntry, from: TaskState, transition: Transition, createdBy: string): TaskState;
  /** Counts a scheduled task that is due: it goes on waiting, whosever it is. */
  wake(lane: LaneEntry): void;
  /** Changes what is given; answers all settings of the queue. RESOURCE_EXHAUSTED: `createdBy` may make none of that name. */
  set(change: QueueChange, createdBy?: string): QueueSettings;
  /** Notes the oldest result that a queue keeps: before its position the queue keeps no settled task. */
  keepFrom(queue: QueueEntry, position: number, settledAt: number | undefined): void;
  /** Writes what changed: before every COMMIT. */
  flush(): void;
  /** Takes the counts for committed: after every COMMIT. */
  confirm(): void;
  /** Forgets what was not committed: after every ROLLBACK. */
  reload(): void;
  queues(): Iterable<QueueEntry>;
}

/** Tasks of all queues that are ready or scheduled. */
const MAX_WAITING = 10_000_000;

/** Lanes without tasks that are remembered for the next one. */
const MAX_EMPTY = 1_000;

export interface CatalogBounds extends NameBounds {
  readonly maxWaitingTasks?: number;
}

export interface CatalogOptions extends CatalogBounds {
  /** The newest position of the results log: of a new queue all results come after it. Default: 0. */
  readonly newestPosition?: () => number;
}

export function createCatalog(
  db: Database,
  principals: Pick<Principals, 'count'>,
  { newestPosition = () => 0, maxWaitingTasks = MAX_WAITING, ...nameBounds }: CatalogOptions = {},
): Catalog {
  const selectQueues = db.prepare<QueueRow>('SELECT * FROM queue ORDER BY name');
  const selectLanes = db.prepare<{ id: number; queue_id: number; lane: string }>('SELECT * FROM lane');
  const insertQueue = db.prepare<QueueRow>(
    'INSERT INTO queue VALUES (?, ?, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, ?, ?) RETURNING *',
  );
  const insertLane = db.prepare('INSERT INTO lane VALUES (?, ?, ?)');
  const deleteQueue = db.prepare('DELETE FROM queue WHERE id = ?');
  const deleteLane = db.prepare('DELETE FROM lane WHERE id = ?');
  const updateSettings = db.prepare(
    `UPDATE queue SET is_paused = ?, max_waiting = ?, max_running = ?, retain_ms = ?, retain_count = ? WHERE id = ?`,
  );
  const updatePruned = db.prepare('UPDATE queue SET pruned_to = ? WHERE id = ?');
  const updateCounts = db.prepare(
    `UPDATE queue SET ready = ?, running = ?, scheduled = ?, succeeded = ?, failed = ?, cancelled = ?, expired = ?
     WHERE id = ?`,
  );
  const names = createNames(db, nameBounds);
  const byName = new Map<string, QueueEntry>();
  const byId = new Map<number, QueueEntry>();
  const lanes = new Map<number, LaneEntry>();
  // Entries say whether they are in it, since every step of every task comes by here.
  let changed: QueueEntry[] = [];
  let changedLanes: LaneEntry[] = [];
  const emptyLanes = new ChurnSet<LaneEntry>();
  /** Queues that may have nothing any more; looked at before the commit. */
  const idleQueues = new ChurnSet<QueueEntry>();
  /** Tasks of all queues that wait. */
  let waiting = 0;
  let lastQueue = 0;
  let lastLane = 0;
  /** The lane that was asked for last: the tasks of a batch mostly go to one. */
  let interned: LaneEntry | undefined;
  /** A queue without anything has a name, which counts for somebody, or is wanted. */
  let isNameWanted = false;

  function addQueue(entry: QueueEntry): QueueEntry {
    const { id, name, counts, countedFor } = entry;
    byName.set(name, entry);
    byId.set(id, entry);
    names.count(countedFor, 1);
    waiting += counts.ready + counts.scheduled;
    lastQueue = Math.max(lastQueue, id);
    return entry;
  }

  function addLane(id: number, queue: QueueEntry, lane: Lane, ready: number, live: number): LaneEntry {
    const ref = { queue: queue.name, lane };
    const committed = { committedReady: ready, committedLive: live };
    const entry: LaneEntry = { id, queue, ref, ready, live, ...committed, isChanged: false };
    queue.lanes.set(lane, entry);
    lanes.set(id, entry);
    if (live === 0) emptyLanes.add(entry);
    lastLane = Math.max(lastLane, id);
    return entry;
  }

  function internQueue(name: string, createdBy: string): QueueEntry {
    const known = byName.get(name);
    if (known) return known;
    return addQueue(readQueue(insertQueue.get(lastQueue + 1, name, newestPosition(), names.holderOf(createdBy))!));
  }

  function refuseName(name: string, createdBy: string): string | undefined {
    if (byName.has(name)) return undefined;
    const holder = names.holderOf(createdBy);
    if (names.roomOf(holder) > 0) return undefined;
    isNameWanted = true;
    return names.explain(holder);
  }

  function internLane(name: string, lane: Lane, createdBy = ''): LaneEntry {
    if (interned?.ref.lane === lane && interned.ref.queue === name) return interned;
    const queue = internQueue(name, createdBy);
    interned = queue.lanes.get(lane);
    if (interned) return interned;
    insertLane.run(lastLane + 1, queue.id, lane);
    interned = addLane(lastLane + 1, queue, lane, 0, 0);
    return interned;
  }

  /** Counts by lane come from the last commit, not from a million rows: a locked file takes a group back every time. */
  function reload(committed: ReadonlyMap<number, LaneCounts> = new Map(lanes)): void {
    for (const map of [byName, byId, lanes, emptyLanes, idleQueues, names]) map.clear();
    changed = [];
    changedLanes = [];
    interned = undefined;
    waiting = 0;
    lastQueue = 0;
    lastLane = 0;
    for (const row of selectQueues.all()) addQueue(readQueue(row));
    for (const { id, queue_id: queueId, lane } of selectLanes.all()) {
      const { committedReady = 0, committedLive = 0 } = committed.get(id) ?? {};
      addLane(id, byId.get(queueId)!, lane, committedReady, committedLive);
    }
  }

  function changeQueue(queue: QueueEntry, state: TaskState, by: number): void {
    count(queue.counts, state, by);
    if (isWaiting(state)) waiting += by;
    if (queue.isChanged) return;
    queue.isChanged = true;
    changed.push(queue);
  }

  function change(lane: LaneEntry, state: TaskState, by: number): void {
    changeQueue(lane.queue, state, by);
    if (isSettled(state)) return;
    lane.live += by;
    if (state === 'ready') lane.ready += by;
    if (lane.isChanged) return;
    lane.isChanged = true;
    changedLanes.push(lane);
  }

  function step(lane: LaneEntry, from: TaskState, transition: Transition): TaskState {
    const to = nextState(from, transition);
    if (to === undefined) throw new Error(`illegal transition of a ${from} task: ${transition}`);
    change(lane, from, -1);
    change(lane, to, 1);
    return to;
  }

  /** Drops lanes that were empty at the last commit too: a rollback needs the counts of the others. */
  function dropEmptyLanes(): void {
    for (const lane of emptyLanes) {
      if (lane.live > 0) continue;
      deleteLane.run(lane.id);
      lane.queue.lanes.delete(lane.ref.lane);
      if (lane.queue.lanes.size === 0) idleQueues.add(lane.queue);
      lanes.delete(lane.id);
      lane.isChanged = false;
    }
    emptyLanes.clear();
    interned = undefined;
  }

  /** Drops queues as if they had never been: whoever enqueues makes names up, and they have a bound. */
  function dropIdleQueues(): void {
    for (const queue of idleQueues) {
      if (!isUnused(queue)) continue;
      deleteQueue.run(queue.id);
      byName.delete(queue.name);
      byId.delete(queue.id);
      names.count(queue.countedFor, -1);
    }
    idleQueues.clear();
  }

  reload(countLanes(db));
  return {
    internLane,
    findLane: (queue, lane) => byName.get(queue)?.lanes.get(lane),
    laneById: (id) => lanes.get(id)!,
    queueById: (id) => byId.get(id)!,
    findQueue: (queue) => byName.get(queue),
    add: (lane, state, by, createdBy) => {
      change(lane, state, by);
      principals.count(createdBy, by);
    },
    remove: (queue, state) => {
      changeQueue(queue, state, -1);
      if (queue.lanes.size === 0) idleQueues.add(queue);
      else isNameWanted ||= isVacant(queue);
    },
    get waitingRoom() {
      return maxWaitingTasks - waiting;
    },
    usage: () => [{ name: 'waiting_tasks', used: waiting, max: maxWaitingTasks }, names.usage()],
    refuseName,
    nameRoomOf: (createdBy) => names.roomOf(names.holderOf(createdBy)),
    move: (lane, from, transition, createdBy) => {
      const to = step(lane, from, transition);
      if (isWaiting(from)) principals.count(createdBy, -1);
      if (isWaiting(to)) principals.count(createdBy, 1);
      return to;
    },
    wake: (lane) => {
      step(lane, 'scheduled', 'due');
    },
    set: (change, createdBy = '') => {
      const settings = { ...(byName.get(change.queue)?.settings ?? DEFAULT_SETTINGS), ...change };
      const isSet = hasSettings(settings);
      if (!isSet && !byName.has(change.queue)) return settings; // Of no queue nothing is taken away.
      const refusal = refuseName(change.queue, createdBy);
      if (refusal !== undefined) throw refuseQueue(refusal);
      const queue = internQueue(change.queue, createdBy);
      isNameWanted ||= !isSet;
      const { isPaused, maxWaiting, maxRunning, retention } = settings;
      const { maxAgeMs = null, maxCount = null } = retention ?? {};
      updateSettings.run(isPaused ? 1 : 0, maxWaiting, maxRunning, maxAgeMs, maxCount, queue.id);
      queue.settings = settings;
      if (queue.lanes.size === 0) idleQueues.add(queue);
      return settings;
    },
    keepFrom: (queue, position, settledAt) => {
      queue.oldestAt = settledAt;
      if (queue.prunedTo === position - 1) return;
      queue.prunedTo = position - 1;
      updatePruned.run(queue.prunedTo, queue.id);
    },
    flush: () => {
      for (const queue of changed) {
        const { id, counts: c } = queue;
        updateCounts.run(c.ready, c.running, c.scheduled, c.succeeded, c.failed, c.cancelled, c.expired, id);
        queue.isChanged = false;
      }
      changed = [];
      if (emptyLanes.size > MAX_EMPTY || isNameWanted) dropEmptyLanes();
      isNameWanted = false;
      if (idleQueues.size > 0) dropIdleQueues();
    },
    confirm: () => {
      for (const lane of changedLanes) {
        if (!lane.isChanged) continue; // Dropped.
        lane.isChanged = false;
        lane.committedReady = lane.ready;
        lane.committedLive = lane.live;
        if (lane.live === 0) emptyLanes.add(lane);
        else emptyLanes.delete(lane);
      }
      changedLanes = [];
    },
    reload: () => reload(),
    queues: () => byName.values(),
  };
}
