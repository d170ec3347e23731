import { ContactError, refuseTask } from '../../shared/errors.ts';
import type { QueueSettings } from './queues.ts';
import { PRINCIPAL_FIELD } from './tasks.ts';

// Why a batch of tasks, or a setting, is refused by a store that has as many as it takes. `index` is the place in the batch of
// the task that would be one too many.

/** After which a producer tries again: workers may have taken some by then. */
const WAITING_RETRY_MS = 1_000;
/** Names become free when what is settled is forgotten, which takes longer. */
const NAME_RETRY_MS = 60_000;

/** The queue has as many tasks that wait as its operator lets it have. */
export function refuseInQueue(
  index: number,
  { queue, maxWaiting }: Pick<QueueSettings, 'queue' | 'maxWaiting'>,
): ContactError {
  const problem = `${queue} is full, at most ${maxWaiting} tasks may wait in it`;
  return refuseTask('RESOURCE_EXHAUSTED', index, 'queue', problem, { retryAfterMs: WAITING_RETRY_MS });
}

/** All queues together have as many tasks that wait as the store takes. */
export function refuseInAll(index: number): ContactError {
  const problem = 'all queues together have as many tasks that wait as the server takes (maxWaitingTasks)';
  return refuseTask('RESOURCE_EXHAUSTED', index, 'queue', problem, { retryAfterMs: WAITING_RETRY_MS });
}

/** @param waiting the tasks of the principal that wait; 0: it is one principal more than the store counts for */
export function refuseOfPrincipal(principal: string, waiting: number): ContactError {
  const problem =
    waiting === 0
      ? 'as many principals as the server takes have tasks that wait'
      : `${principal} has ${waiting} that wait, and may have no more (maxWaitingTasksPerPrincipal)`;
  return new ContactError('RESOURCE_EXHAUSTED', problem, { field: PRINCIPAL_FIELD, retryAfterMs: WAITING_RETRY_MS });
}

/** A queue would come to be by this task, and there may be no more. */
export function refuseName(index: number, problem: string): ContactError {
  return refuseTask('RESOURCE_EXHAUSTED', index, 'queue', problem, { retryAfterMs: NAME_RETRY_MS });
}

/** As above, by a setting. */
export function refuseQueue(problem: string): ContactError {
  return new ContactError('RESOURCE_EXHAUSTED', problem, { field: 'queue', retryAfterMs: NAME_RETRY_MS });
}
