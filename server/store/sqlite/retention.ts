import { isOver, type Retention } from '../../model/retention.ts';
import type { SettledState } from '../../model/task.ts';
import type { PruneOutcome } from '../tasks.ts';
import {
  type Context,
  countSettled,
  giveBackPages,
  hasPagesToGiveBack,
  prepareForgetting,
  type QueueEntry,
  settledName,
  type Value,
} from './context.ts';

/**
 * Pruning, step by step. A sweep goes along the results log from the first position at which a queue may have something
 * to prune, and leaves each of those queues at the first result that it keeps: all before that is gone, or is of a task
 * that was redriven, whose next result lies further on. So a queue is looked at from there the next time, and a result
 * that another queue keeps is passed once and not with every sweep.
 */
export interface RetentionOperations {
  /** Whether there is something to prune, or space to give back; asks memory, and the header of the file. */
  isDue(retention: Retention, now: number): boolean;
  prune(retention: Retention, limit: number, now: number): PruneOutcome;
  /** Begins anew: after a rollback. */
  reload(): void;
}

interface Sweep {
  /** The log was read up to here. */
  position: number;
  /** Queues that have not come to a result that they keep. */
  readonly queues: Set<QueueEntry>;
}

/** A result, and whether its task is not settled or has a newer one. */
interface LoggedRow {
  readonly position: number;
  readonly key: number;
  readonly id: string;
  readonly queueId: number;
  readonly state: SettledState;
  readonly settledAt: number;
  readonly isOlder: boolean;
}

/** Results that one step passes, most of which other queues keep. */
const SCANNED = 1_000;

export function createRetention({ db, catalog, counters, tasks }: Context): RetentionOperations {
  const selectLogged = db.prepareColumns(
    `SELECT r.position, r.task_key, t.id, t.queue_id, r.state, r.settled_at,
       EXISTS (SELECT 1 FROM live WHERE task_key = r.task_key)
         OR EXISTS (SELECT 1 FROM result n WHERE n.task_key = r.task_key AND n.position > r.position)
     FROM result r JOIN task t ON t.key = r.task_key WHERE r.position > ? ORDER BY r.position LIMIT ?`,
    toLogged,
  );
  const forget = prepareForgetting(db);
  let sweep: Sweep | undefined;

  function isQueueDue(queue: QueueEntry, retention: Retention, now: number): boolean {
    const count = countSettled(queue.counts);
    if (count === 0) return false;
    const own = queue.settings.retention ?? retention;
    if (own.maxAgeMs === 0 && own.maxCount === 0) return false;
    return queue.oldestAt === undefined || isOver(own, queue.oldestAt, count, now);
  }

  function beginSweep(retention: Retention, now: number): Sweep | undefined {
    const queues = new Set([...catalog.queues()].filter((queue) => isQueueDue(queue, retention, now)));
    if (queues.size === 0) return undefined;
    return { position: firstOf(queues), queues };
  }

  /** Goes on along the log; answers the tasks that are pruned, at most `limit`. */
  function advance(current: Sweep, retention: Retention, limit: number, now: number): LoggedRow[] {
    const pruned: LoggedRow[] = [];
    for (let scanned = 0; scanned < SCANNED && current.queues.size > 0; ) {
      // What is left may begin far behind those that are done.
      current.position = Math.max(current.position, firstOf(current.queues));
      const wanted = Math.min(limit, SCANNED - scanned);
      const rows = selectLogged.all(current.position, wanted);
      scanned += wanted;
      for (const row of rows) {
        if (pruned.length >= limit || current.queues.size === 0) return pruned;
        current.position = row.position;
        if (isPruned(row, current, retention, now)) pruned.push(row);
      }
      if (rows.length < wanted) {
        for (const queue of current.queues) catalog.keepFrom(queue, counters.nextPosition, undefined);
        current.queues.clear();
      }
    }
    return pruned;
  }

  function isPruned(row: LoggedRow, current: Sweep, retention: Retention, now: number): boolean {
    const queue = catalog.queueById(row.queueId);
    if (row.isOlder || row.position <= queue.prunedTo || !current.queues.has(queue)) return false;
    const count = countSettled(queue.counts);
    if (isOver(queue.settings.retention ?? retention, row.settledAt, count, now)) {
      catalog.remove(queue, row.state);
      return true;
    }
    catalog.keepFrom(queue, row.position, row.settledAt);
    current.queues.delete(queue);
    return false;
  }

  function prune(retention: Retention, limit: number, now: number): PruneOutcome {
    // Results of this transaction that are only gathered so far have their place in the log.
    tasks.flush();
    const current = sweep ?? beginSweep(retention, now);
    sweep = current;
    if (!current) {
      giveBackPages(db);
      return { taskIds: [], isDone: !hasPagesToGiveBack(db) };
    }
    const pruned = advance(current, retention, limit, now);
    if (pruned.at(-1)?.position === counters.nextPosition - 1) counters.keepPosition();
    forget(pruned.map(({ key }) => key));
    if (current.queues.size === 0) sweep = undefined;
    return { taskIds: pruned.map(({ id }) => id), isDone: !isDue(retention, now) };
  }

  function isDue(retention: Retention, now: number): boolean {
    if (sweep) return true;
    for (const queue of catalog.queues()) if (isQueueDue(queue, retention, now)) return true;
    return hasPagesToGiveBack(db);
  }

  return {
    isDue,
    prune,
    reload: () => {
      sweep = undefined;
    },
  };
}

/** The first position after which one of the queues may have something to prune. */
function firstOf(queues: Iterable<QueueEntry>): number {
  let position = Number.POSITIVE_INFINITY;
  for (const { prunedTo } of queues) position = Math.min(position, prunedTo);
  return position;
}

function toLogged(c: readonly Value[]): LoggedRow {
  return {
    position: c[0] as number,
    key: c[1] as number,
    id: c[2] as string,
    queueId: c[3] as number,
    state: settledName(c[4] as number),
    settledAt: c[5] as number,
    isOlder: c[6] === 1,
  };
}
