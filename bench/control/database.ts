import { DatabaseSync } from 'node:sqlite';
import type { Result, Task } from './gen/control_pb.ts';

/** Where a control keeps tasks, one transaction per event-loop turn. */
export interface ControlDatabase {
  commit(tasks: Iterable<Task>, results: Iterable<Result>): void;
  /** Rows without and with a result, counted. */
  count(): { readonly left: number; readonly settled: number };
}

/** One table and two statements on a file with WAL and `synchronous=FULL`, both read back. */
export function openControlDatabase(path: string): ControlDatabase {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL');
  const read = (pragma: string): unknown => Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0];
  if (read('journal_mode') !== 'wal' || read('synchronous') !== 2) throw new Error('SQLite is not WAL with FULL');
  database.exec(
    'CREATE TABLE task(id TEXT PRIMARY KEY, queue TEXT, payload BLOB, state INT NOT NULL, ts INT, result BLOB) WITHOUT ROWID',
  );
  const insert = database.prepare('INSERT OR REPLACE INTO task VALUES(?,?,?,0,?,NULL)');
  const settle = database.prepare('UPDATE task SET state=2,result=? WHERE id=?');
  const count = database.prepare(
    'SELECT count(*) FILTER (WHERE state=0) AS l, count(*) FILTER (WHERE state=2) AS s FROM task',
  );
  return {
    commit(tasks, results) {
      database.exec('BEGIN');
      for (const { id, queue, payload } of tasks) insert.run(id, queue, payload, Date.now());
      for (const { id, output } of results) settle.run(output, id);
      database.exec('COMMIT');
    },
    count() {
      const { l, s } = count.get()!;
      return { left: Number(l), settled: Number(s) };
    },
  };
}
