import { isInScope, type QueueScope } from '../../server/model/caller.ts';
import type { TaskRecord } from '../../server/model/task.ts';
import type { TaskFilter } from '../../server/store/tasks.ts';
import type { World } from './rules.ts';
import { describe } from './task.ts';

/** The tasks that a filter finds, in no order. */
export function findTasks({ tasks, sessions }: World, filter: TaskFilter, scope: QueueScope): TaskRecord[] {
  return [...tasks.values()]
    .filter(({ input }) => isInScope(scope, input.queue))
    .map((task) => describe(task, sessions))
    .filter((task) => meets(task, filter));
}

/** Whether every condition that is set holds. */
function meets(task: TaskRecord, filter: TaskFilter): boolean {
  const { settled } = task;
  const { queues, states, createdAfter, createdBefore, parentId, settledAfter, settledBefore } = filter;
  const { errorCodes, clientIds, metadata = {}, claimedBefore } = filter;
  return (
    (queues?.includes(task.queue) ?? true) &&
    (states?.includes(task.state) ?? true) &&
    (createdAfter === undefined || task.createdAt > createdAfter) &&
    (createdBefore === undefined || task.createdAt < createdBefore) &&
    (parentId === undefined || task.parentId === parentId) &&
    (settledAfter === undefined || (settled !== null && settled.settledAt > settledAfter)) &&
    (settledBefore === undefined || (settled !== null && settled.settledAt < settledBefore)) &&
    (errorCodes === undefined || (settled?.error != null && errorCodes.includes(settled.error.code))) &&
    (clientIds === undefined || (task.clientId !== '' && clientIds.includes(task.clientId))) &&
    Object.entries(metadata).every(([name, value]) => task.metadata[name] === value) &&
    (claimedBefore === undefined ||
      (task.state === 'running' && task.claimedAt !== null && task.claimedAt <= claimedBefore))
  );
}
