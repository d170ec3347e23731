import { addresseeOf, PARENT_LANE } from '../model/lane.ts';
import type { TaskRecord } from '../model/task.ts';
import type { TaskQueue } from './queue.ts';

/** Why a task is not running, as a text for people; empty when it is running or settled. */
export function explainWaiting(
  record: TaskRecord,
  queue: Pick<TaskQueue, 'isDrawn' | 'countReceivers' | 'operations'>,
): string {
  const { state, lane } = record;
  if (state === 'scheduled') {
    if (record.runAt === null) return 'its broadcast to be complete';
    const at = new Date(record.runAt).toISOString();
    return record.attempt > 0 ? `a retry at ${at}, after ${record.attempt} failed attempts` : `its time, ${at}`;
  }
  if (state !== 'ready') return '';
  if (lane === PARENT_LANE) return 'its children';
  if (queue.operations.isPaused(record.queue)) return `the queue ${record.queue} to be resumed: it is paused`;
  if (!queue.isDrawn(record)) {
    const to = addresseeOf(lane);
    if (to.kind === 'client') return `client ${to.clientId}, which is not connected or does not serve the queue`;
    if (to.kind === 'selector') return `a client that matches ${to.selector}: none that serves the queue is connected`;
    return `a client: none that is connected serves the queue ${record.queue}`;
  }
  const count = queue.countReceivers(record.queue);
  const who = count === 1 ? 'the one client' : `the ${count} clients`;
  const why = count === 1 ? 'it is busy or drained, or gives' : 'they are busy or drained, or give';
  return `credit: ${who} of the queue ${count === 1 ? 'takes' : 'take'} no more now: ${why} tasks back`;
}
