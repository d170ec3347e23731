import { ContactError, nameTask, refuseTask } from '../../../shared/errors.ts';
import { UNTIL_OPEN } from '../../model/broadcast.ts';
import { PARENT_LANE } from '../../model/lane.ts';
import type { BroadcastInput, LaneRef, TaskInput } from '../../model/task.ts';
import { MAX_BROADCAST_BYTES, MAX_CHILDREN, type OpenedBroadcast } from '../broadcasts.ts';
import type { InsertOutcome } from '../tasks.ts';
import { type Context, uniqueLanes } from './context.ts';
import { type Deliveries, recordsOf, type Settled } from './deliveries.ts';
import type { Inserting } from './insert.ts';

/** How broadcasts come to be: in one go, or filled, then opened or abandoned. */
export interface Broadcasts {
  insert(parent: BroadcastInput, children: readonly TaskInput[], now: number, filledBy: string | null): InsertOutcome;
  extend(parentId: string, children: readonly TaskInput[], now: number): void;
  open(parentId: string, limit: number, now: number): OpenedBroadcast;
  abandon(parentId: string, limit: number): boolean;
}

/** What children have of their parent. */
type Parent = Pick<TaskInput, 'id' | 'createdBy'>;

export function createBroadcasts(context: Context, inserting: Inserting, deliveries: Deliveries): Broadcasts {
  const { db, catalog, counters, tasks, acts, children: counting } = context;
  const updateReady = db.prepare('UPDATE live SET state = 0, seq = ? WHERE task_key = ?');
  const updateScheduled = db.prepare('UPDATE live SET run_at = ? WHERE task_key = ?');
  const deleteLive = db.prepare('DELETE FROM live WHERE task_key = ?');
  const deleteTask = db.prepare('DELETE FROM task WHERE key = ?');

  function insert(
    given: BroadcastInput,
    children: readonly TaskInput[],
    now: number,
    filledBy: string | null,
  ): InsertOutcome {
    const parent = { ...given, lane: PARENT_LANE, runAt: null, expiresAt: null };
    const parentKey = counters.nextTaskKey;
    const stored = inserting.insertTasks([parent], now);
    if (stored[0]!.deduplicated) return stored[0]!;
    try {
      if (children.length === 0) {
        throw new ContactError('FAILED_PRECONDITION', `no client of the queue ${parent.queue} matches`, {
          field: 'broadcast',
        });
      }
      insertChildren(parent, children, now, filledBy === null);
    } catch (error) {
      inserting.takeBack(parentKey, [parent], stored, now);
      throw error;
    }
    const { audience } = parent;
    if (filledBy === null) counting.create(parentKey, { phase: 'open', runAt: null, node: '', audience });
    else counting.create(parentKey, { phase: 'filling', runAt: children[0]!.runAt, node: filledBy, audience });
    counting.add(parentKey, parentKey + 1, parentKey + children.length);
    return stored[0]!;
  }

  function extend(parentId: string, children: readonly TaskInput[], now: number): void {
    const parent = tasks.byId(parentId);
    if (!parent || counting.phaseOf(parent.key)?.phase !== 'filling') {
      throw refuseTask('FAILED_PRECONDITION', 0, 'id', `${parentId} is not a broadcast that is filling`);
    }
    if (children.length === 0) return;
    const firstKey = counters.nextTaskKey;
    insertChildren({ id: parentId, createdBy: parent.terms.createdBy }, children, now, false);
    counting.add(parent.key, firstKey, firstKey + children.length - 1);
  }

  function insertChildren(parent: Parent, children: readonly TaskInput[], now: number, isWhole: boolean): void {
    checkChildren(children);
    const firstKey = counters.nextTaskKey;
    const named = children.map((child) => nameChild(child, parent, isWhole));
    try {
      const outcomes = inserting.insertTasks(named, now);
      if (!outcomes.some((outcome) => outcome.deduplicated)) return;
      inserting.takeBack(firstKey, named, outcomes, now);
    } catch (error) {
      // Nobody sent the children as a batch, so what is wrong with one is told as wrong with the broadcast.
      throw error instanceof ContactError ? nameTask(error, 'tasks[0]') : error;
    }
    throw refuseTask('ALREADY_EXISTS', 0, 'id', 'a task has the id of a child');
  }

  function open(parentId: string, limit: number, now: number): OpenedBroadcast {
    const parent = tasks.byId(parentId);
    const { phase = 'open', runAt = null } = (parent && counting.phaseOf(parent.key)) ?? {};
    if (!parent || phase === 'open') return { ready: [], events: [], isOpen: true, dueAt: null };
    if (phase === 'filling') counting.move(parent.key, 'opening');
    const { key, cancelReason: reason } = parent;
    const isDue = runAt === null || runAt <= now;
    const ready: LaneRef[] = [];
    const settled: Settled[] = [];
    // Who has cancelled the broadcast has cancelled what it still holds.
    const { by = '' } = (reason !== null && acts.list(key)[0]) || {};
    const isOpen = counting.takeHeld(key, limit, (childKey, laneId) => {
      if (reason !== null) {
        acts.note(childKey, { kind: 'cancelled', at: now, by, reason });
        settled.push(deliveries.cancel(tasks.byKey(childKey), reason, now));
      } else if (isDue) {
        const lane = catalog.laneById(laneId);
        catalog.wake(lane);
        updateReady.run(counters.drawSeq(), childKey);
        ready.push(lane.ref);
      } else {
        updateScheduled.run(runAt, childKey);
      }
    });
    const events = recordsOf(settled);
    if (isOpen) {
      counting.move(key, 'open');
      const end = deliveries.endBroadcast(key, counting.find(key)!, now);
      if (end) events.push(end);
    }
    return { ready: uniqueLanes(ready), events, isOpen, dueAt: isDue ? null : runAt };
  }

  function abandon(parentId: string, limit: number): boolean {
    const parent = tasks.byId(parentId);
    if (!parent || counting.phaseOf(parent.key)?.phase !== 'filling') return true;
    const { createdBy } = parent.terms;
    const isDone = counting.takeHeld(parent.key, limit, (childKey, laneId) => {
      catalog.add(catalog.laneById(laneId), 'scheduled', -1, createdBy);
      remove(childKey);
    });
    if (!isDone) return false;
    catalog.add(catalog.laneById(parent.laneId), 'ready', -1, createdBy);
    counting.forget(parent.key);
    remove(parent.key);
    return true;
  }

  function remove(key: number): void {
    deleteLive.run(key);
    acts.forget(key);
    deleteTask.run(key);
  }

  return { insert, extend, open, abandon };
}

/** A child is whose its parent is. */
function nameChild(child: TaskInput, { id: parentId, createdBy }: Parent, isWhole: boolean): TaskInput {
  if (!isWhole) return { ...child, parentId, createdBy, runAt: UNTIL_OPEN };
  return child.parentId === parentId && child.createdBy === createdBy ? child : { ...child, parentId, createdBy };
}

function checkChildren(children: readonly TaskInput[]): void {
  if (children.length > MAX_CHILDREN) {
    throw refuseTask(
      'INVALID_ARGUMENT',
      0,
      'broadcast',
      `${children.length} clients match, at most ${MAX_CHILDREN} may at once`,
    );
  }
  let bytes = 0;
  for (const child of children) bytes += child.payload.byteLength;
  if (bytes <= MAX_BROADCAST_BYTES) return;
  const problem = `for ${children.length} clients it is more than ${MAX_BROADCAST_BYTES} bytes`;
  throw refuseTask('INVALID_ARGUMENT', 0, 'payload', problem);
}
