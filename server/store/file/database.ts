import { ContactError } from '../../../shared/errors.ts';
import { DatabaseSync } from '../../../shared/sqlite.ts';

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
  // This takes effect only before the first page is written; `space.ts` converts older databases.
  db.exec('PRAGMA auto_vacuum = INCREMENTAL');
  db.exec(`PRAGMA journal_mode = ${journal}`);
  // Commits are synced by `wal.ts`, beside the event loop; SQLite itself syncs around checkpoints.
  db.exec('PRAGMA synchronous = NORMAL');
  // 16 MiB: keys grow with time, so what is worked on lies together; 64 MiB gained nothing and stayed for good.
  db.exec('PRAGMA cache_size = -16384');
  db.exec('PRAGMA temp_store = MEMORY');
  // `wal.ts` copies the log, in a thread of its own.
  db.exec('PRAGMA wal_autocheckpoint = 0');
  db.exec('PRAGMA journal_size_limit = 67108864');
  const found = { journal: db.pragma('journal_mode'), synchronous: db.pragma('synchronous') };
  if (found.journal !== journal || found.synchronous !== 1) {
    throw new Error(
      `expected journal_mode ${journal} and synchronous 1, got ${found.journal} and ${found.synchronous}`,
    );
  }
}

/** `PRAGMA auto_vacuum` of a database whose free pages can be given back. */
export const INCREMENTAL = 2;

/** Pages that stay free for what comes next: 8 MiB, and a sixteenth of the database. */
const SPARE_PAGES = 2_048;
const SPARE_SHARE = 16;
/** Pages that one step gives back: a page at the end of the file is moved to a free place for each. */
const STEP_PAGES = 64;

/** Whether more of the file is free than what comes next needs, and the file can be made shorter. */
export function hasPagesToGiveBack(db: Database): boolean {
  const free = Number(db.pragma('freelist_count'));
  if (free <= SPARE_PAGES || db.pragma('auto_vacuum') !== INCREMENTAL) return false;
  return free > SPARE_PAGES + Number(db.pragma('page_count')) / SPARE_SHARE;
}

/** Makes the database shorter by one step, within a transaction. */
export function giveBackPages(db: Database): void {
  if (hasPagesToGiveBack(db)) db.exec(`PRAGMA incremental_vacuum(${STEP_PAGES})`);
}

/** Rows that one call of a statement for many takes: of a call for one row, a good part is the call itself. */
export const MANY = 16;

/** Runs a statement for MANY rows; answers how many it changed. */
export type RunMany = (rows: readonly (readonly Value[])[]) => number;

/**
 * @param head up to VALUES
 * @param shared so many of the first columns mostly have the same value in all rows: it is bound once then, for binding
 * is a good part of what a row costs
 * @param tail what follows the rows
 */
export function prepareMany(db: Database, head: string, columns: number, shared = 0, tail = ''): RunMany {
  // Numbered marks have names that are looked up for each value, so there are no more of them than need be.
  const common = Array.from({ length: shared }, (_, column) => `?${column + 1}`);
  const alike = `(${[...common, ...Array<string>(columns - shared).fill('?')].join(', ')})`;
  const prepare = (row: string) => db.prepare(`${head} ${Array(MANY).fill(row).join(', ')} ${tail}`);
  const runAlike = prepare(alike);
  const runAny = prepare(marks(columns));

  return (rows) => {
    const first = rows[0]!;
    const values: Value[] = first.slice(0, shared);
    for (const row of rows) {
      for (let column = 0; column < shared; column++) {
        if (row[column] !== first[column]) return Number(runAny.run(...rows.flat()).changes);
      }
      for (let column = shared; column < columns; column++) values.push(row[column]!);
    }
    return Number(runAlike.run(...values).changes);
  };
}

/** Rows that are gathered and run together: whoever reads what they change has to flush first. */
export interface Rows {
  add(row: readonly Value[]): void;
  flush(): void;
  /** Drops the rows that were gathered: after a rollback. */
  clear(): void;
}

/** As prepareMany, but for any number of rows. */
export function prepareRows(db: Database, head: string, columns: number, shared?: number): Rows {
  const runOne = db.prepare(`${head} ${marks(columns)}`);
  const runMany = prepareMany(db, head, columns, shared);
  let rows: (readonly Value[])[] = [];

  return {
    add: (row) => {
      rows.push(row);
      if (rows.length < MANY) return;
      runMany(rows);
      rows = [];
    },
    flush: () => {
      if (rows.length === 0) return;
      for (const row of rows) runOne.run(...row);
      rows = [];
    },
    clear: () => {
      rows = [];
    },
  };
}

/** @param sql ending in IN; answers what runs it for keys, after the values of the other marks */
export function prepareKeys(db: Database, sql: string): (leading: readonly Value[], keys: readonly number[]) => void {
  const runOne = db.prepare(`${sql} ${marks(1)}`);
  const runMany = db.prepare(`${sql} ${marks(MANY)}`);
  return (leading, keys) => {
    let at = 0;
    for (; at + MANY <= keys.length; at += MANY) runMany.run(...leading, ...keys.slice(at, at + MANY));
    for (; at < keys.length; at += 1) runOne.run(...leading, keys[at]!);
  };
}

/** So many marks: `(?, ?, …)`. */
export function marks(count: number): string {
  return `(${Array(count).fill('?').join(', ')})`;
}

/** What an error of SQLite means to the group that met it. */
export type Fault =
  /** The group is refused and changed nothing; worth trying again. */
  | { readonly kind: 'refused'; readonly error: ContactError }
  /** What is on disk is no longer known: the process must end. */
  | { readonly kind: 'fatal' }
  /** The error is a fault of our own: the transaction is rolled back and the culprit found. */
  | { readonly kind: 'bug' };

const BUSY = 5;
const LOCKED = 6;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/**
 * The index of the WAL, which is rebuilt when it is gone, could not grow: with the disk full this comes before FULL.
 */
const IOERR_SHMSIZE = IOERR | (19 << 8);

export function faultOf(error: unknown): Fault {
  const code = sqliteCode(error);
  if (code === FULL || extendedCode(error) === IOERR_SHMSIZE) {
    return {
      kind: 'refused',
      error: new ContactError('RESOURCE_EXHAUSTED', 'store: the disk is full', { retryAfterMs: 1_000, cause: error }),
    };
  }
  if (code === BUSY || code === LOCKED) {
    return {
      kind: 'refused',
      error: new ContactError('UNAVAILABLE', 'store: the database is locked', { retryAfterMs: 100, cause: error }),
    };
  }
  if (code === IOERR || code === CORRUPT || code === CANTOPEN || code === NOTADB) return { kind: 'fatal' };
  return { kind: 'bug' };
}

/** The primary result code; undefined: not an error of SQLite. */
export function sqliteCode(error: unknown): number | undefined {
  const code = extendedCode(error);
  return code === undefined ? undefined : code & 0xff;
}

function extendedCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode;
}
