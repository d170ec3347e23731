import type { LogRecord, TaskLogLine } from '../../model/tasklog.ts';
import type { Context } from './context.ts';

/** Keeps what workers say: of each line whether there is its task. */
export type LogTasks = (lines: readonly TaskLogLine[]) => readonly boolean[];

export function createLogTasks({ tasks, log }: Context): LogTasks {
  return (lines) => {
    const byDelivery = new Map<string, { taskId: string; lines: LogRecord[] }>();
    for (const { taskId, delivery, number, level, at, text } of lines) {
      const name = `${taskId} ${delivery}`;
      const found = byDelivery.get(name) ?? { taskId, lines: [] };
      byDelivery.set(name, found);
      found.lines.push({ delivery, number, level, at, text });
    }
    const known = new Set<string>();
    for (const one of byDelivery.values()) {
      const row = tasks.byId(one.taskId);
      if (!row) continue;
      known.add(one.taskId);
      log.add(row.key, one.lines);
    }
    return lines.map(({ taskId }) => known.has(taskId));
  };
}
