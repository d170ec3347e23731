import { nextState, type Transition } from '../../model/states.ts';
import type { Lane, LaneRef, TaskState } from '../../model/task.ts';
import type { Database } from './database.ts';

type Counts = Record<TaskState, number>;

export interface QueueEntry {
  readonly id: number;
  readonly name: string;
  readonly counts: Counts;
  readonly lanes: Map<Lane, LaneEntry>;
}

export interface LaneEntry {
  readonly id: number;
  readonly queue: QueueEntry;
  readonly ref: LaneRef;
  /** False: nothing in it is ready, so a claim need not look. */
  mayHaveReady: boolean;
}

/**
 * Queue and lane names as small numbers, and the counts of each queue. Mirrored in memory: as many entries as there
 * are names among the tasks kept; what nothing uses any more is dropped when the store opens.
 */
export interface Catalog {
  internLane(queue: string, lane: Lane): LaneEntry;
  findLane(queue: string, lane: Lane): LaneEntry | undefined;
  laneById(id: number): LaneEntry;
  queueById(id: number): QueueEntry;
  add(queue: QueueEntry, state: TaskState): void;
  remove(queue: QueueEntry, state: TaskState): void;
  /** Counts a transition of the state table; an illegal one throws. */
  move(queue: QueueEntry, from: TaskState, transition: Transition): TaskState;
  /** Writes the counts that changed: before every COMMIT. */
  flush(): void;
  /** Forgets what was not committed: after every ROLLBACK. */
  reload(): void;
  queues(): Iterable<QueueEntry>;
}

type QueueRow = { id: number; name: string } & Counts;

export function createCatalog(db: Database): Catalog {
  const selectQueues = db.prepare<QueueRow>('SELECT * FROM queue ORDER BY name');
  const selectLanes = db.prepare<{ id: number; queue_id: number; lane: string }>('SELECT * FROM lane');
  const insertQueue = db.prepare('INSERT INTO queue VALUES (?, ?, 0, 0, 0, 0, 0, 0, 0)');
  const insertLane = db.prepare('INSERT INTO lane VALUES (?, ?, ?)');
  const updateCounts = db.prepare(
    `UPDATE queue SET ready = ?, running = ?, scheduled = ?, succeeded = ?, failed = ?, cancelled = ?, expired = ?
     WHERE id = ?`,
  );
  const byName = new Map<string, QueueEntry>();
  const byId = new Map<number, QueueEntry>();
  const lanes = new Map<number, LaneEntry>();
  const changed = new Set<QueueEntry>();
  let lastQueue = 0;
  let lastLane = 0;

  function addQueue(id: number, name: string, counts: Counts): QueueEntry {
    const entry: QueueEntry = { id, name, counts, lanes: new Map() };
    byName.set(name, entry);
    byId.set(id, entry);
    lastQueue = Math.max(lastQueue, id);
    return entry;
  }

  function addLane(id: number, queue: QueueEntry, lane: Lane): LaneEntry {
    const entry: LaneEntry = { id, queue, ref: { queue: queue.name, lane }, mayHaveReady: true };
    queue.lanes.set(lane, entry);
    lanes.set(id, entry);
    lastLane = Math.max(lastLane, id);
    return entry;
  }

  function internQueue(name: string): QueueEntry {
    const known = byName.get(name);
    if (known) return known;
    insertQueue.run(lastQueue + 1, name);
    const none = { ready: 0, running: 0, scheduled: 0, succeeded: 0, failed: 0, cancelled: 0, expired: 0 };
    return addQueue(lastQueue + 1, name, none);
  }

  function internLane(name: string, lane: Lane): LaneEntry {
    const queue = internQueue(name);
    const known = queue.lanes.get(lane);
    if (known) return known;
    insertLane.run(lastLane + 1, queue.id, lane);
    return addLane(lastLane + 1, queue, lane);
  }

  function reload(): void {
    for (const map of [byName, byId, lanes, changed]) map.clear();
    lastQueue = 0;
    lastLane = 0;
    for (const { id, name, ...counts } of selectQueues.all()) addQueue(id, name, counts);
    for (const row of selectLanes.all()) addLane(row.id, byId.get(row.queue_id)!, row.lane);
  }

  function change(queue: QueueEntry, state: TaskState, by: number): void {
    queue.counts[state] += by;
    changed.add(queue);
  }

  reload();
  return {
    internLane,
    findLane: (queue, lane) => byName.get(queue)?.lanes.get(lane),
    laneById: (id) => lanes.get(id)!,
    queueById: (id) => byId.get(id)!,
    add: (queue, state) => change(queue, state, 1),
    remove: (queue, state) => change(queue, state, -1),
    move: (queue, from, transition) => {
      const to = nextState(from, transition);
      if (to === undefined) throw new Error(`illegal transition of a ${from} task: ${transition}`);
      change(queue, from, -1);
      change(queue, to, 1);
      return to;
    },
    flush: () => {
      for (const { id, counts: c } of changed) {
        updateCounts.run(c.ready, c.running, c.scheduled, c.succeeded, c.failed, c.cancelled, c.expired, id);
      }
      changed.clear();
    },
    reload,
    queues: () => byName.values(),
  };
}

/** Drops lanes that no unsettled task uses and queues without tasks; before the catalog is made. */
export function pruneCatalog(db: Database): void {
  db.exec(`
    BEGIN IMMEDIATE;
    DELETE FROM lane WHERE (SELECT count(*) FROM lane) > 1000 AND id NOT IN (SELECT lane_id FROM live);
    DELETE FROM queue
      WHERE ready + running + scheduled + succeeded + failed + cancelled + expired = 0
        AND NOT EXISTS (SELECT 1 FROM lane WHERE lane.queue_id = queue.id);
    COMMIT;`);
}

/** The refs come from the catalog, so that equal lanes are one object. */
export function uniqueLanes(refs: readonly LaneRef[]): readonly LaneRef[] {
  return refs.length < 2 ? refs : [...new Set(refs)];
}
