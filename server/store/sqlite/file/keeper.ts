import { DatabaseSync } from 'node:sqlite';

/**
 * Keeps the log of a database that is not what it was. The last connection that closes copies the log into the database
 * and removes it, without a look at what became of the database; and node:sqlite cannot tell it not to. A connection
 * that only reads can do neither, and while it is open no other one is the last.
 */
export interface LogKeeper {
  /** Before the other connections: the last of them removes the log. After them: the log stays as it is. */
  close(): void;
}

/** @param file of a database in WAL mode that is not empty: SQLite removes the log of an empty one as it opens it */
export function keepLog(file: string): LogKeeper {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 0 });
  // Only a connection that has read something has the log open.
  db.prepare('PRAGMA schema_version').get();
  return { close: () => db.close() };
}
