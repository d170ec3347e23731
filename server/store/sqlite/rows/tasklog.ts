import {
  type LogLevel,
  type LogPlace,
  type LogRecord,
  MAX_ATTEMPT_LINES,
  MAX_TASK_LINES,
} from '../../../model/tasklog.ts';
import type { Database, Value } from '../../file/database.ts';

/** What workers have said while they had tasks: rows of `task_log`. A task of which nobody said anything has none. */
export interface TaskLog {
  /** Keeps lines of one delivery; one whose number is there already stays as it was said first. */
  add(taskKey: number, lines: readonly LogRecord[]): void;
  /** Those after a place, in their order. */
  list(taskKey: number, after?: LogPlace): LogRecord[];
}

/** Levels as they are stored, by their places. */
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** With less than this many deliveries a task has no more lines than it may have. */
const FULL_DELIVERIES = MAX_TASK_LINES / MAX_ATTEMPT_LINES;
const BEGINNING: LogPlace = Object.freeze({ delivery: 0, number: 0 });

export function createTaskLog(db: Database): TaskLog {
  const insert = db.prepare(
    'INSERT OR IGNORE INTO task_log (task_key, delivery, number, level, at, text) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const selectNewest = db.prepare<{ number: number }>(
    'SELECT number FROM task_log WHERE task_key = ? AND delivery = ? ORDER BY number DESC LIMIT 1',
  );
  const selectNewestDelivery = db.prepare<{ delivery: number }>(
    'SELECT delivery FROM task_log WHERE task_key = ? ORDER BY delivery DESC LIMIT 1',
  );
  const deleteOfAttempt = db.prepare(
    `DELETE FROM task_log WHERE task_key = ?1 AND delivery = ?2 AND number <= (SELECT number FROM task_log
       WHERE task_key = ?1 AND delivery = ?2 ORDER BY number DESC LIMIT 1 OFFSET ${MAX_ATTEMPT_LINES})`,
  );
  const deleteOfTask = db.prepare(
    `DELETE FROM task_log WHERE task_key = ?1 AND (delivery, number) <= (SELECT delivery, number FROM task_log
       WHERE task_key = ?1 ORDER BY delivery DESC, number DESC LIMIT 1 OFFSET ${MAX_TASK_LINES})`,
  );
  const select = db.prepareColumns(
    `SELECT delivery, number, level, at, text FROM task_log WHERE task_key = ? AND (delivery, number) > (?, ?)
     ORDER BY delivery, number`,
    toLine,
  );

  return {
    add: (taskKey, lines) => {
      for (const { delivery, number, level, at, text } of lines) {
        insert.run(taskKey, delivery, number, LEVELS.indexOf(level), at, text);
      }
      const { delivery } = lines[0]!;
      if (selectNewest.get(taskKey, delivery)!.number > MAX_ATTEMPT_LINES) deleteOfAttempt.run(taskKey, delivery);
      if (selectNewestDelivery.get(taskKey)!.delivery > FULL_DELIVERIES) deleteOfTask.run(taskKey);
    },
    list: (taskKey, { delivery, number } = BEGINNING) => select.all(taskKey, delivery, number),
  };
}

function toLine(c: readonly Value[]): LogRecord {
  return {
    delivery: c[0] as number,
    number: c[1] as number,
    level: LEVELS[c[2] as number]!,
    at: c[3] as number,
    text: c[4] as string,
  };
}
