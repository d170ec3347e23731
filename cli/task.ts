import { type Children, TaskState, TaskStateSchema } from '../gen/contact/v1/task_pb.ts';
import { wordOf } from '../json/word.ts';

/** `running` for TASK_STATE_RUNNING. */
export function stateName(state: TaskState): string {
  return wordOf(TaskStateSchema, state);
}

/** The states as people write them. */
export const STATES = ['scheduled', 'ready', 'running', 'succeeded', 'failed', 'cancelled', 'expired'] as const;

export function isSettledState(state: TaskState): boolean {
  return state >= TaskState.SUCCEEDED;
}

/** `5: 3 succeeded, 1 failed, 1 not settled` */
export function describeChildren({ total, succeeded, failed, cancelled, expired }: Children): string {
  const open = total - succeeded - failed - cancelled - expired;
  const counts = describeCounts({ succeeded, failed, cancelled, expired, 'not settled': open });
  return counts === '' ? String(total) : `${total}: ${counts}`;
}

/** `3 succeeded, 1 failed`; what is 0 is left out. */
export function describeCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count.toLocaleString('en')} ${name}`)
    .join(', ');
}

/** `CODE: message`, or what there is of both. */
export function describeError(error: { readonly code: string; readonly message: string } | null | undefined): string {
  return [error?.code, error?.message].filter(Boolean).join(': ');
}

/** `1 task`, `2 tasks` */
export function countTasks(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'task' : 'tasks'}`;
}
