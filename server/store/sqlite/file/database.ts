import { DatabaseSync } from 'node:sqlite';

export type Value = null | number | string | Uint8Array;

/** A prepared statement whose rows have the shape that its SQL gives them. */
export interface Statement<Row> {
  get(...values: Value[]): Row | undefined;
  all(...values: Value[]): Row[];
  iterate(...values: Value[]): Iterable<Row>;
  run(...values: Value[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint };
}

export interface Database {
  prepare<Row = never>(sql: string): Statement<Row>;
  /** For hot statements: reading columns by number takes less than half of what an object of names does. */
  prepareColumns<Row>(sql: string, toRow: (columns: readonly Value[]) => Row): Omit<Statement<Row>, 'run'>;
  /** Makes `run` known to SQL by this name. */
  define(name: string, run: (...values: Value[]) => Value): void;
  exec(sql: string): void;
  pragma(name: string): Value;
  isInTransaction(): boolean;
  close(): void;
}

/** Opens a connection; settings come with `applySettings`, after the file was found to be ours. */
export function openDatabase(file: string): Database {
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: false, timeout: 0 });
  return {
    prepare: <Row>(sql: string) => db.prepare(sql) as unknown as Statement<Row>,
    prepareColumns: (sql, toRow) => {
      const statement = db.prepare(sql);
      statement.setReturnArrays(true);
      return {
        get: (...values) => {
          const columns = statement.get(...values) as unknown as Value[] | undefined;
          return columns && toRow(columns);
        },
        all: (...values) => (statement.all(...values) as unknown as Value[][]).map(toRow),
        iterate: function* (...values) {
          for (const columns of statement.iterate(...values)) yield toRow(columns as unknown as Value[]);
        },
      };
    },
    define: (name, run) => db.function(name, { varargs: true }, (...values) => run(...(values as Value[]))),
    exec: (sql) => db.exec(sql),
    pragma: (name) => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0] as Value,
    isInTransaction: () => db.isTransaction,
    close: () => db.close(),
  };
}

/**
 * Durability is read back, not hoped for: on a file system without shared memory SQLite would quietly keep the old
 * journal mode.
 */
export function applySettings(db: Database, file: string): void {
  const journal = file === ':memory:' ? 'memory' : 'wal';
  // Only before the first page is written; `vacuum.ts` converts what is older.
  db.exec('PRAGMA auto_vacuum = INCREMENTAL');
  db.exec(`PRAGMA journal_mode = ${journal}`);
  // What is committed is synced by `wal.ts`, beside the event loop; SQLite itself syncs around checkpoints.
  db.exec('PRAGMA synchronous = NORMAL');
  // 16 MiB: keys grow with time, so what is worked on lies together; 64 MiB gained nothing and stayed for good.
  db.exec('PRAGMA cache_size = -16384');
  db.exec('PRAGMA temp_store = MEMORY');
  // `walcheckpoints.ts` does that, in a thread of its own.
  db.exec('PRAGMA wal_autocheckpoint = 0');
  db.exec('PRAGMA journal_size_limit = 67108864');
  const found = { journal: db.pragma('journal_mode'), synchronous: db.pragma('synchronous') };
  if (found.journal !== journal || found.synchronous !== 1) {
    throw new Error(
      `expected journal_mode ${journal} and synchronous 1, got ${found.journal} and ${found.synchronous}`,
    );
  }
}
