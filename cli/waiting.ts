import { type Task, type Waiting, WaitingKind } from '../gen/contact/v1/task_pb.ts';

const RUNNING: readonly WaitingKind[] = [WaitingKind.LOST, WaitingKind.CLAIMED, WaitingKind.RUNNING];

/** How a task runs, in words; empty: it does not, or the server does not say. */
export function describeRun({ waiting }: Pick<Task, 'waiting'>): string {
  return waiting && RUNNING.includes(waiting.kind) ? waiting.text : '';
}

/** The same of what waits or runs, for a column of both. */
export function describeStanding(task: Pick<Task, 'waiting' | 'waitingFor'>): string {
  const run = describeRun(task);
  return run === '' ? task.waitingFor : `(running ${run})`;
}

/** Everything that it waits for, in one line. */
export function describeWaiting(waiting: Waiting | undefined): string {
  return waiting ? [waiting, ...waiting.others].map(({ text }) => text).join('; also ') : '';
}
