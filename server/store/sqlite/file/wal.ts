import { closeSync, fdatasync, openSync } from 'node:fs';

/** The write-ahead log's way to disk, beside the event loop: what SQLite itself would do would hold everybody up. */
export interface Wal {
  /** Resolves once all that was committed before this call is on disk; rejects when nobody knows any more. */
  sync(): Promise<void>;
  /** Once no sync is under way. */
  close(): void;
}

export function walOf(file: string): string {
  return `${file}-wal`;
}

/** @param file of the database, which has been written to: then the log is there, until the last connection closes */
export function openWal(file: string): Wal {
  const log = openSync(walOf(file), 'r+');
  return {
    sync: () =>
      new Promise((resolve, reject) => {
        fdatasync(log, (error) => (error ? reject(error) : resolve()));
      }),
    close: () => closeSync(log),
  };
}
