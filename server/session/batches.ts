import type { ClaimedTask } from '../model/task.ts';

/** Tasks in one message: enough for speed, few enough that the first is not kept waiting. */
const TASKS_PER_MESSAGE = 500;

/** Of a message beside the payloads: ids, names, framing. */
const TASK_OVERHEAD_BYTES = 160;

/** Tasks that go down in one message. */
export interface Batch {
  readonly tasks: ClaimedTask[];
  bytes: number;
}

/** Messages of at most TASKS_PER_MESSAGE tasks and `maxBytes`; a larger single task goes alone. */
export function splitTasks(tasks: readonly ClaimedTask[], maxBytes: number): Batch[] {
  const batches: Batch[] = [];
  let batch: Batch | undefined;
  for (const task of tasks) {
    const bytes = weigh(task);
    if (!batch || batch.tasks.length >= TASKS_PER_MESSAGE || batch.bytes + bytes > maxBytes) {
      batch = { tasks: [], bytes: 0 };
      batches.push(batch);
    }
    batch.tasks.push(task);
    batch.bytes += bytes;
  }
  return batches;
}

function weigh(task: ClaimedTask): number {
  let bytes = TASK_OVERHEAD_BYTES + task.payload.byteLength + (task.checkpoint?.byteLength ?? 0);
  for (const key in task.metadata) bytes += 8 + 3 * (key.length + (task.metadata[key]?.length ?? 0));
  return bytes;
}
