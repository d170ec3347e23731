import type { DatabaseSync } from 'node:sqlite';
import { ContactError } from '../shared/errors.ts';
import { loadSqlite } from '../shared/quietsqlite.ts';

/** One report, as the file has it. */
export interface SpoolRow {
  /** Names the delivery. */
  readonly key: string;
  readonly kind: string;
  readonly message: Uint8Array;
  /** CRC-32 of the message. */
  readonly checksum: number;
}

/** The session that the reports of a file belong to. */
export interface SpoolSession {
  readonly clientId: string;
  readonly sessionId: string;
}

/** What is written together or not at all. */
export interface SpoolChange {
  readonly drops: Iterable<string>;
  readonly rows: readonly SpoolRow[];
  /** The newest session; null: the one in the file stays. */
  readonly session: SpoolSession | null;
}

/**
 * The file of a spool: a SQLite database, since that knows how to append, how to throw away a torn end, how to use
 * space again, and how to keep a second process out by a lock that dies with its holder. While it is open, and after
 * a kill, PATH-wal belongs to it. See docs/decisions/0006-spool-file.md.
 */
export interface SpoolFile {
  session(): SpoolSession | null;
  /** Every report, in the order they were written. */
  rows(): Iterable<SpoolRow>;
  change(change: SpoolChange): void;
  /** Gives free space back to the disk. */
  compact(): void;
  /** Runs what reads the file; what SQLite cannot read becomes a clear error. */
  guard<T>(read: () => T): T;
  close(): void;
}

/** "ctSp" marks a spool, so that a wrong path does no harm to the file that is there. */
const APPLICATION_ID = 0x63745370;
const VERSION = 1;
const SCHEMA = `
  CREATE TABLE session (one INTEGER PRIMARY KEY CHECK (one = 1), client_id TEXT NOT NULL, session_id TEXT NOT NULL) STRICT;
  CREATE TABLE report (place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    message BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${VERSION};`;
const BUSY = 5;
const CORRUPT = 11;
const NO_DATABASE = 26;

export function openSpoolFile(path: string): SpoolFile {
  const db = openDatabase(path);

  function guard<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      db.close();
      throw explain(path, error);
    }
  }

  guard(() => prepareFile(db, path));
  const selectSession = db.prepare('SELECT client_id AS clientId, session_id AS sessionId FROM session');
  const selectRows = db.prepare('SELECT key, kind, message, checksum FROM report ORDER BY place');
  const replaceSession = db.prepare('INSERT OR REPLACE INTO session (one, client_id, session_id) VALUES (1, ?, ?)');
  const insertRow = db.prepare('INSERT OR REPLACE INTO report (key, kind, message, checksum) VALUES (?, ?, ?, ?)');
  const deleteRow = db.prepare('DELETE FROM report WHERE key = ?');

  return {
    session: () => guard(() => (selectSession.get() as unknown as SpoolSession | undefined) ?? null),
    rows: () => selectRows.all() as unknown as SpoolRow[],
    change({ drops, rows, session }) {
      db.exec('BEGIN');
      try {
        for (const key of drops) deleteRow.run(key);
        for (const { key, kind, message, checksum } of rows) insertRow.run(key, kind, message, checksum);
        if (session) replaceSession.run(session.clientId, session.sessionId);
        db.exec('COMMIT');
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    },
    compact: () => db.exec('PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)'),
    guard,
    close: () => {
      if (db.isOpen) db.close();
    },
  };
}

/** Loaded by those who spool: nobody else needs it. */
function openDatabase(path: string): DatabaseSync {
  const { DatabaseSync } = loadSqlite();
  try {
    return new DatabaseSync(path, { timeout: 0 });
  } catch (error) {
    throw explain(path, error);
  }
}

function prepareFile(db: DatabaseSync, path: string): void {
  // This setting holds only if it comes before the first page of an empty file is written.
  db.exec('PRAGMA auto_vacuum = INCREMENTAL');
  // The lock is taken here and kept until the file is closed, or its process has died.
  db.exec('PRAGMA locking_mode = EXCLUSIVE');
  db.exec('BEGIN EXCLUSIVE');
  const isEmpty = read(db, 'SELECT count(*) FROM sqlite_schema') === 0 && read(db, 'PRAGMA application_id') === 0;
  const isSpool = read(db, 'PRAGMA application_id') === APPLICATION_ID;
  db.exec('COMMIT');
  if (!isEmpty && !isSpool) throw notSpool(path);
  if (isSpool && read(db, 'PRAGMA user_version') !== VERSION) {
    throw new ContactError('FAILED_PRECONDITION', `${path} was written by a newer version`, { field: 'spool' });
  }
  db.exec('PRAGMA journal_mode = WAL');
  // No fsync but at checkpoints: the file is sound after a loss of power, and has what was written until the last one.
  db.exec('PRAGMA synchronous = NORMAL');
  db.exec('PRAGMA journal_size_limit = 4194304');
  if (isEmpty) db.exec(`BEGIN; ${SCHEMA} COMMIT`);
}

function read(db: DatabaseSync, sql: string): unknown {
  return Object.values(db.prepare(sql).get() ?? {})[0];
}

function notSpool(path: string): ContactError {
  return new ContactError('FAILED_PRECONDITION', `${path} is there already and is no spool file`, { field: 'spool' });
}

function explain(path: string, error: unknown): unknown {
  if (error instanceof ContactError || !(error instanceof Error)) return error;
  const code = 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : 0;
  if (code === BUSY) {
    return new ContactError('FAILED_PRECONDITION', `${path} is in use by another worker`, {
      field: 'spool',
      cause: error,
    });
  }
  if (code === NO_DATABASE) return notSpool(path);
  const message =
    code === CORRUPT
      ? `${path} is damaged; move it away, and the tasks whose results it has run again`
      : `${path}: ${error.message}`;
  return new ContactError('FAILED_PRECONDITION', message, { field: 'spool', cause: error });
}
