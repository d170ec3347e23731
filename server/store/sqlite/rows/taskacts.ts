import { MAX_TASK_ACTS, type TaskActRecord } from '../../../model/taskact.ts';
import type { Database, Value } from '../../file/database.ts';

/** What somebody did to tasks: rows of `task_act`. */
export interface TaskActs {
  note(taskKey: number, act: TaskActRecord): void;
  /** The oldest first. */
  list(taskKey: number): TaskActRecord[];
  /** Of a task that is taken away with nothing left of it. */
  forget(taskKey: number): void;
}

/** Kinds as they are stored, by their places. */
const KINDS: readonly TaskActRecord['kind'][] = ['cancelled', 'redriven'];

export function createTaskActs(db: Database): TaskActs {
  const selectNewest = db.prepare<{ number: number }>(
    'SELECT number FROM task_act WHERE task_key = ? ORDER BY number DESC LIMIT 1',
  );
  const insert = db.prepare(
    'INSERT INTO task_act (task_key, number, kind, at, principal, reason) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const deleteOld = db.prepare('DELETE FROM task_act WHERE task_key = ? AND number <= ?');
  const deleteAll = db.prepare('DELETE FROM task_act WHERE task_key = ?');
  const select = db.prepareColumns(
    'SELECT kind, at, principal, reason FROM task_act WHERE task_key = ? ORDER BY number',
    toAct,
  );

  return {
    note: (taskKey, { kind, at, by, reason }) => {
      const number = (selectNewest.get(taskKey)?.number ?? 0) + 1;
      insert.run(taskKey, number, KINDS.indexOf(kind), at, by, reason);
      if (number > MAX_TASK_ACTS) deleteOld.run(taskKey, number - MAX_TASK_ACTS);
    },
    list: (taskKey) => select.all(taskKey),
    forget: (taskKey) => {
      deleteAll.run(taskKey);
    },
  };
}

function toAct(c: readonly Value[]): TaskActRecord {
  return { kind: KINDS[c[0] as number]!, at: c[1] as number, by: c[2] as string, reason: c[3] as string };
}
