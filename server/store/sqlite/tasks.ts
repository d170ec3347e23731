import { isInScope, type QueueScope } from '../../model/caller.ts';
import { decideCancel, decideExpiry } from '../../model/delivery.ts';
import { PARENT_LANE } from '../../model/lane.ts';
import type { Actor } from '../acts.ts';
import type { CancelOutcome, RedriveOutcome, WakeOutcome } from '../tasks.ts';
import {
  type Context,
  endNumber,
  prepareForgetting,
  READY,
  settledName,
  type TaskRow,
  uniqueLanes,
} from './context.ts';
import { type Deliveries, recordsOf, type Settled } from './deliveries.ts';

/** What operators and timers do to tasks. */
export interface TaskOperations {
  cancelTasks(ids: readonly string[], reason: string, act: Act): readonly CancelOutcome[];
  redriveTasks(ids: readonly string[], act: Act): readonly RedriveOutcome[];
  deleteTasks(ids: readonly string[], scope: QueueScope, actor?: Actor): readonly boolean[];
  wakeTasks(now: number, limit: number): WakeOutcome;
}

/** Who does something to tasks of which queues, and when. */
export interface Act {
  readonly now: number;
  readonly scope: QueueScope;
  readonly by: string;
  /** Whether it is told of with what else was ordered. Default: true. */
  readonly isOrder?: boolean;
}

interface NewestResult {
  readonly position: number;
  readonly state: number;
  readonly delivery: number;
  readonly claimed_at: number | null;
}

export function createTaskOperations(
  { db, catalog, counters, tasks, sessions, children, acts, actLog }: Context,
  deliveries: Deliveries,
): TaskOperations {
  const setCancel = db.prepare('UPDATE live SET cancel_reason = ? WHERE task_key = ?');
  const selectResult = db.prepare<NewestResult>(
    'SELECT position, state, delivery, claimed_at FROM result WHERE task_key = ? ORDER BY position DESC LIMIT 1',
  );
  const selectRedrive = db.prepare<{ lane: string; priority: number; bytes: number; has_checkpoint: number }>(
    `SELECT lane, priority, length(payload) AS bytes,
       EXISTS (SELECT 1 FROM checkpoint WHERE task_key = task.key) AS has_checkpoint FROM task WHERE key = ?`,
  );
  // A task that is redriven has no expiry any more: an operator wants it to run.
  const insertLive = db.prepare(
    `INSERT INTO live (task_key, state, lane_id, nprio, seq, bytes, delivery, claimed_at, ended, has_checkpoint, attempt,
       lost) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)`,
  );
  const forget = prepareForgetting(db);
  const selectExpired = db.prepare<{ task_key: number }>(
    `SELECT task_key FROM live WHERE expires_at IS NOT NULL AND state <> 1 AND expires_at <= ?
     ORDER BY expires_at, task_key LIMIT ?`,
  );
  const selectLastError = db.prepare<{ last_error: string | null }>('SELECT last_error FROM live WHERE task_key = ?');
  const selectDue = db.prepare<{ task_key: number; lane_id: number }>(
    'SELECT task_key, lane_id FROM live WHERE state = 2 AND run_at <= ? ORDER BY run_at, task_key LIMIT ?',
  );
  const updateDue = db.prepare('UPDATE live SET state = 0, seq = ?, run_at = NULL WHERE task_key = ?');
  const selectNextDue = db.prepare<{ at: number | null }>('SELECT min(run_at) AS at FROM live WHERE state = 2');
  const selectNextExpiry = db.prepare<{ at: number | null }>(
    'SELECT min(expires_at) AS at FROM live WHERE expires_at IS NOT NULL AND state <> 1',
  );

  function findIn(scope: QueueScope, id: string): TaskRow | undefined {
    const row = tasks.byId(id);
    return row && isInScope(scope, catalog.queueById(row.queueId).name) ? row : undefined;
  }

  function cancelOne(id: string, reason: string, { now, scope, by, isOrder = true }: Act): CancelOutcome {
    const row = findIn(scope, id);
    if (!row) return { id, kind: 'not_found' };
    if (row.state === null) return { id, kind: 'settled' };
    const hasChildren = isParent(row);
    const decision = decideCancel(row, reason, hasChildren);
    // Who asks once more changes nothing.
    if (row.cancelReason === null) {
      acts.note(row.key, { kind: 'cancelled', at: now, by, reason });
      if (isOrder) actLog.note({ kind: 'tasks_cancelled', at: now, by, ...nameTask(row), reason });
    }
    if (decision.kind === 'settled') return { id, kind: 'cancelled', ...deliveries.settle(row, decision, now) };
    tasks.beginChange(row);
    if (row.cancelReason === null) setCancel.run(decision.reason, row.key);
    if (hasChildren) return { id, kind: 'children' };
    const key = row.sessionKey!;
    const session = { key, epoch: sessions.get(key)!.epoch };
    return { id, kind: 'requested', session, delivery: row.delivery, reason: decision.reason };
  }

  function nameTask({ id, queueId }: TaskRow): { readonly taskId: string; readonly queue: string } {
    return { taskId: id, queue: catalog.queueById(queueId).name };
  }

  function isParent({ key, laneId }: TaskRow): boolean {
    return catalog.laneById(laneId).ref.lane === PARENT_LANE && children.find(key) !== undefined;
  }

  function redriveOne(id: string, { now, scope, by }: Act): RedriveOutcome {
    const row = findIn(scope, id);
    if (!row) return { id, kind: 'not_found' };
    const newest = row.state === null ? selectResult.get(row.key) : undefined;
    if (!newest || settledName(newest.state) !== 'failed') return { id, kind: 'not_failed' };
    const { lane: name, priority, bytes, has_checkpoint } = selectRedrive.get(row.key)!;
    if (name === PARENT_LANE) return { id, kind: 'not_failed' };
    const queue = catalog.queueById(row.queueId);
    const lane = catalog.internLane(queue.name, name);
    catalog.move(lane, 'failed', 'redriven', row.terms.createdBy);
    const seq = counters.drawSeq();
    const { delivery, claimed_at } = newest;
    const ended = endNumber('redriven');
    insertLive.run(row.key, READY, lane.id, 0 - priority, seq, bytes, delivery, claimed_at, ended, has_checkpoint);
    acts.note(row.key, { kind: 'redriven', at: now, by, reason: '' });
    actLog.note({ kind: 'tasks_redriven', at: now, by, ...nameTask(row) });
    return { id, kind: 'ready', lane: lane.ref };
  }

  function deleteOne(id: string, scope: QueueScope, actor: Actor | undefined): boolean {
    const row = findIn(scope, id);
    if (row?.state !== null) return false;
    const newest = selectResult.get(row.key)!;
    if (newest.position === counters.nextPosition - 1) counters.keepPosition();
    catalog.remove(catalog.queueById(row.queueId), settledName(newest.state));
    forget([row.key]);
    if (actor) actLog.note({ kind: 'tasks_deleted', at: actor.now, by: actor.by, ...nameTask(row) });
    return true;
  }

  function expire(row: TaskRow, now: number): Settled {
    return deliveries.settle(row, decideExpiry(row, selectLastError.get(row.key)!.last_error), now);
  }

  function wakeTasks(now: number, limit: number): WakeOutcome {
    const expired = selectExpired.all(now, limit).map(({ task_key }) => expire(tasks.byKey(task_key), now));
    const ready = selectDue.all(now, limit - expired.length).map(({ task_key, lane_id }) => {
      const lane = catalog.laneById(lane_id);
      catalog.wake(lane);
      updateDue.run(counters.drawSeq(), task_key);
      return lane.ref;
    });
    const next = [selectNextDue.get()!.at, selectNextExpiry.get()!.at].filter((at) => at !== null);
    return {
      ready: uniqueLanes(ready),
      expired: recordsOf(expired),
      nextDueAt: next.length === 0 ? null : Math.min(...next),
    };
  }

  return {
    cancelTasks: (ids, reason, act) => ids.map((id) => cancelOne(id, reason, act)),
    redriveTasks: (ids, act) => ids.map((id) => redriveOne(id, act)),
    deleteTasks: (ids, scope, actor) => ids.map((id) => deleteOne(id, scope, actor)),
    wakeTasks,
  };
}
