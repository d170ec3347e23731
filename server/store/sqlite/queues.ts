import { isSelectorLane, PARENT_LANE } from '../../model/lane.ts';
import type { LaneRef } from '../../model/task.ts';
import { type Head, isBefore } from '../../model/turns.ts';
import {
  hasSettings,
  type LaneCount,
  type PriorityOldest,
  type PurgeOutcome,
  type QueueCounts,
  type QueueSettings,
  type Waiting,
} from '../queues.ts';
import type { Context, LaneEntry, QueueEntry } from './context.ts';
import { type Deliveries, recordsOf, type Settled } from './deliveries.ts';

/** What operators see of queues and lanes, and the purge. */
export interface Queues {
  purgeTasks(purge: Purge): PurgeOutcome;
  listSelectorLanes(limit: number): readonly LaneRef[];
  findWaiting(): Waiting;
  isUsed(queue: string): boolean;
  listUsed(limit: number): readonly string[];
  countLanes(queue: string, limit: number): readonly LaneCount[];
  listOldest(queue: string, limit: number): readonly PriorityOldest[];
  countAhead(id: string, limit: number): number;
  countQueues(): readonly QueueCounts[];
  /** The settings of queues that have any. */
  listSettings(): readonly QueueSettings[];
}

export interface Purge {
  readonly queue: string;
  readonly limit: number;
  readonly reason: string;
  readonly now: number;
  readonly by: string;
}

/** Where a task is, as its rows say. */
interface Placed {
  readonly key: number;
  readonly queue_id: number;
  readonly lane: string;
  readonly priority: number;
  readonly first_seq: number | null;
  readonly state: number | null;
}

/** Lanes that a look for the oldest visits. */
const MAX_LANES = 1_000;

export function createQueues({ db, catalog, tasks, fresh, acts, actLog }: Context, deliveries: Deliveries): Queues {
  const selectReady = db.prepare<{ task_key: number }>(
    'SELECT task_key FROM live WHERE state = 0 AND lane_id = ? ORDER BY nprio, seq LIMIT ?',
  );
  const selectScheduled = db.prepare<{ task_key: number }>(
    'SELECT task_key FROM live WHERE state = 2 AND lane_id = ? ORDER BY run_at, task_key LIMIT ?',
  );
  // The head of the next priority: one seek for each priority, however many tasks it has.
  const selectHead = db.prepare<{ task_key: number; nprio: number; seq: number }>(
    'SELECT task_key, nprio, seq FROM live WHERE state = 0 AND lane_id = ? AND nprio > ? ORDER BY nprio, seq LIMIT 1',
  );

  const selectPlace = db.prepare<Partial<Head> & Placed>(
    `SELECT t.key, t.queue_id, t.lane, t.priority, t.seq AS first_seq, l.state, l.nprio, l.seq FROM task t
     LEFT JOIN live l ON l.task_key = t.key WHERE t.id = ?`,
  );
  const selectAhead = db.prepare<{ count: number }>(
    `SELECT count(*) AS count FROM (SELECT 1 FROM live WHERE state = 0 AND lane_id = ? AND (nprio, seq) < (?, ?)
     LIMIT ?)`,
  );

  /** The lanes of a queue without that of parents, which wait for their children. */
  function lanesOf(queue: string): LaneEntry[] {
    const lanes = catalog.findQueue(queue)?.lanes.values() ?? [];
    return [...lanes].filter((lane) => lane.live > 0 && lane.ref.lane !== PARENT_LANE);
  }

  function fullestLanes(queue: string): LaneEntry[] {
    return lanesOf(queue)
      .filter((lane) => lane.ready > 0)
      .sort((a, b) => b.ready - a.ready || compare(a.ref.lane, b.ref.lane));
  }

  function purgeTasks({ queue, limit, reason, now, by }: Purge): PurgeOutcome {
    const settled: Settled[] = [];
    for (const lane of lanesOf(queue).sort((a, b) => compare(a.ref.lane, b.ref.lane))) {
      fresh.writeHead(lane, limit - settled.length);
      for (const select of [selectReady, selectScheduled]) {
        if (settled.length >= limit) return outcomeOf(settled);
        for (const { task_key } of select.all(lane.id, limit - settled.length)) {
          const task = tasks.byKey(task_key);
          acts.note(task_key, { kind: 'cancelled', at: now, by, reason });
          actLog.note({ kind: 'queue_purged', at: now, by, queue, taskId: task.id });
          settled.push(deliveries.cancel(task, reason, now));
        }
      }
    }
    return outcomeOf(settled);
  }

  /** When the next task of a lane was created, by priority. */
  function headsOf(lane: LaneEntry, limit: number): Map<number, number> {
    const freshByPriority = new Map(fresh.heads(lane).map((task) => [task.nprio, task]));
    const createdAt = (key: number) => tasks.byKey(key).terms.createdAt;
    const heads = new Map([...freshByPriority].map(([nprio, task]) => [0 - nprio, createdAt(task.task_key)]));
    let nprio = Number.MIN_SAFE_INTEGER;
    for (let count = 0; count < limit; count++) {
      const head = selectHead.get(lane.id, nprio);
      if (!head) break;
      nprio = head.nprio;
      const { seq = Number.POSITIVE_INFINITY } = freshByPriority.get(nprio) ?? {};
      if (head.seq < seq) heads.set(0 - nprio, createdAt(head.task_key));
    }
    return heads;
  }

  function listOldest(queue: string, limit: number): readonly PriorityOldest[] {
    const createdAtByPriority = new Map<number, number>();
    for (const lane of fullestLanes(queue).slice(0, MAX_LANES)) {
      for (const [priority, createdAt] of headsOf(lane, limit)) {
        createdAtByPriority.set(priority, Math.min(createdAtByPriority.get(priority) ?? createdAt, createdAt));
      }
    }
    return [...createdAtByPriority]
      .sort(([a], [b]) => b - a)
      .slice(0, limit)
      .map(([priority, createdAt]) => ({ priority, createdAt }));
  }

  function countAhead(id: string, limit: number): number {
    const task = selectPlace.get(id);
    const lane = task && catalog.findLane(catalog.queueById(task.queue_id).name, task.lane);
    // Without a row in `live` it is fresh, if it waits at all: then it has the place of its insert.
    if (!lane || (task.state !== 0 && fresh.find(task.key, id)?.state !== 'ready')) return 0;
    const place = task.state === null ? { nprio: 0 - task.priority, seq: task.first_seq! } : (task as Head);
    const others = [...fresh.peek(lane, limit), ...fresh.readNext(lane, undefined, limit)];
    const { count } = selectAhead.get(lane.id, place.nprio, place.seq, limit)!;
    return Math.min(limit, count + others.filter((other) => isBefore(other, place)).length);
  }

  function findWaiting(): Waiting {
    const readyQueues: string[] = [];
    let isAny = false;
    for (const { name, counts } of catalog.queues()) {
      if (counts.ready > 0) readyQueues.push(name);
      isAny ||= counts.ready + counts.scheduled > 0;
    }
    return { readyQueues, isAny };
  }

  function isUsed(name: string): boolean {
    const { counts } = catalog.findQueue(name) ?? {};
    return counts !== undefined && counts.running + counts.succeeded + counts.failed > 0;
  }

  function listUsed(limit: number): readonly string[] {
    const used: string[] = [];
    let looked = 0;
    for (const { name } of catalog.queues()) {
      if (looked++ === limit) break;
      if (isUsed(name)) used.push(name);
    }
    return used;
  }

  return {
    purgeTasks,
    findWaiting,
    isUsed,
    listUsed,
    listSelectorLanes: (limit) =>
      [...catalog.queues()]
        .flatMap((queue) => [...queue.lanes.values()])
        .filter((lane) => lane.live > 0 && isSelectorLane(lane.ref.lane))
        .map((lane) => lane.ref)
        .sort((a, b) => compare(a.queue, b.queue) || compare(a.lane, b.lane))
        .slice(0, limit),
    countLanes: (queue, limit) =>
      fullestLanes(queue)
        .slice(0, limit)
        .map(({ ref, ready }) => ({ lane: ref.lane, ready })),
    listOldest,
    countAhead,
    countQueues: () => [...catalog.queues()].map(toCounts),
    listSettings: () => listSettings(catalog.queues()),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function outcomeOf(settled: readonly Settled[]): PurgeOutcome {
  return { count: settled.length, events: recordsOf(settled) };
}

function listSettings(queues: Iterable<QueueEntry>): readonly QueueSettings[] {
  return [...queues]
    .map((queue) => queue.settings)
    .filter(hasSettings)
    .sort((a, b) => (a.queue < b.queue ? -1 : 1));
}

function toCounts({ name, counts }: QueueEntry): QueueCounts {
  const { ready, scheduled, running, succeeded, failed, cancelled, expired } = counts;
  return { queue: name, ready, scheduled, running, settled: { succeeded, failed, cancelled, expired } };
}
