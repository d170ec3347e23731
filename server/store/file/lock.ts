import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { ContactError } from '../../../shared/errors.ts';
import { type Database, openDatabase, sqliteCode } from './database.ts';

export interface FileLock {
  release(): void;
}

const BUSY = 5;

/**
 * Keeps a second server out of `file`. Node has no flock, but SQLite locks with fcntl, which the kernel frees when the
 * process dies, however it dies: so the lock is an exclusive transaction on an empty database beside the file. The
 * holder's pid is in a file of its own, because closing any other descriptor of the locked file would drop the lock;
 * it is only for the message, and may be stale for the moment between lock and write.
 */
export function lockFile(file: string): FileLock {
  const lockPath = `${file}.lock`;
  const pidPath = `${file}.pid`;
  createPrivate(lockPath);
  const db = openDatabase(lockPath);
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE');
    db.exec('BEGIN EXCLUSIVE');
    writePid(pidPath);
  } catch (error) {
    db.close();
    if (sqliteCode(error) !== BUSY) throw error;
    throw new ContactError('FAILED_PRECONDITION', `store: ${file} is in use by ${describeHolder(pidPath)}`);
  }
  return { release: () => releaseLock(db, pidPath) };
}

/** Creates an empty file for this user alone, unless it is there; never opens one that is. */
export function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

/** Writes the pid into a new file, whatever has the name: a link that somebody left there would be written through. */
function writePid(pidPath: string): void {
  rmSync(pidPath, { force: true });
  writeFileSync(pidPath, `${process.pid}\n`, { mode: 0o600, flag: 'wx' });
}

/** The pid is removed first: afterwards it might be the next holder's; it is that already if the lock was removed. */
function releaseLock(db: Database, pidPath: string): void {
  if (readPid(pidPath) === process.pid) rmSync(pidPath, { force: true });
  db.exec('ROLLBACK');
  db.close();
}

/** The pid in the file; NaN: there is none. */
function readPid(pidPath: string): number {
  try {
    return Number(readFileSync(pidPath, 'utf8').trim());
  } catch {
    return Number.NaN;
  }
}

function describeHolder(pidPath: string): string {
  const pid = readPid(pidPath);
  return Number.isSafeInteger(pid) && pid > 0 && isAlive(pid) ? `process ${pid}` : 'another process';
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
