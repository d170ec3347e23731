import type { LogPlace, LogRecord, TaskLogLine } from '../../server/model/tasklog.ts';
import type { ModelTask } from './task.ts';

const KEPT_OF_ATTEMPT = 100;
const KEPT_OF_TASK = 1_000;

/** Keeps a line, and of what there is then the newest. */
export function keepLine(task: ModelTask, { delivery, number, level, at, text }: TaskLogLine): void {
  if (task.log.some((one) => one.delivery === delivery && one.number === number)) return;
  const all = [...task.log, { delivery, number, level, at, text }].sort(inOrder);
  const own = all.filter((one) => one.delivery === delivery).slice(-KEPT_OF_ATTEMPT);
  task.log = all.filter((one) => one.delivery !== delivery || own.includes(one)).slice(-KEPT_OF_TASK);
}

export function linesAfter(task: ModelTask | undefined, place: LogPlace): readonly LogRecord[] {
  return task?.log.filter((one) => inOrder(one, place) > 0) ?? [];
}

function inOrder(a: LogPlace, b: LogPlace): number {
  return a.delivery - b.delivery || a.number - b.number;
}
