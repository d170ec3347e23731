import { ContactError, invalid } from '../../../shared/errors.ts';
import { PARENT_LANE } from '../../model/broadcast.ts';
import type { TaskInput } from '../../model/task.ts';
import { MAX_BROADCAST_BYTES, MAX_CHILDREN } from '../operators.ts';
import type { InsertOutcome } from '../store.ts';
import type { Context } from './context.ts';
import type { Inserting } from './insert.ts';

export type InsertBroadcast = (parent: TaskInput, children: readonly TaskInput[], now: number) => InsertOutcome;

export function createInsertBroadcast(
  { counters, children: counting }: Context,
  inserting: Inserting,
): InsertBroadcast {
  function insertBroadcast(given: TaskInput, children: readonly TaskInput[], now: number): InsertOutcome {
    const parent = { ...given, lane: PARENT_LANE, runAt: null, expiresAt: null };
    const parentKey = counters.nextTaskKey;
    const stored = inserting.insertTasks([parent], now);
    if (stored[0]!.deduplicated) return stored[0]!;
    try {
      insertChildren(parent, children, now);
    } catch (error) {
      inserting.takeBack(parentKey, [parent], stored, now);
      throw error;
    }
    counting.open(parentKey, parentKey + 1, parentKey + children.length);
    return stored[0]!;
  }

  function insertChildren(parent: TaskInput, children: readonly TaskInput[], now: number): void {
    checkChildren(children);
    const firstKey = counters.nextTaskKey;
    const named = children.map((child) => (child.parentId === parent.id ? child : { ...child, parentId: parent.id }));
    try {
      const outcomes = inserting.insertTasks(named, now);
      if (!outcomes.some((outcome) => outcome.deduplicated)) return;
      inserting.takeBack(firstKey, named, outcomes, now);
    } catch (error) {
      throw error instanceof ContactError ? nameBroadcast(error) : error;
    }
    throw new ContactError('ALREADY_EXISTS', 'tasks[0].id: a task has the id of a child');
  }

  return insertBroadcast;
}

function checkChildren(children: readonly TaskInput[]): void {
  if (children.length === 0) throw new ContactError('FAILED_PRECONDITION', 'tasks[0].broadcast: no client matches');
  if (children.length > MAX_CHILDREN) {
    throw invalid('tasks[0].broadcast', `${children.length} clients match, at most ${MAX_CHILDREN} may`);
  }
  let bytes = 0;
  for (const child of children) bytes += child.payload.byteLength;
  if (bytes <= MAX_BROADCAST_BYTES) return;
  throw invalid('tasks[0].payload', `for ${children.length} clients it is more than ${MAX_BROADCAST_BYTES} bytes`);
}

/** Children are nobody's batch: what is wrong with one is wrong with the broadcast. */
function nameBroadcast({ code, message, retryAfterMs }: ContactError): ContactError {
  const detail = retryAfterMs === undefined ? {} : { retryAfterMs };
  return new ContactError(code, message.replace(/^tasks\[\d+\]/, 'tasks[0]'), detail);
}
