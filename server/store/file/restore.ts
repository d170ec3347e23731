import { randomBytes } from 'node:crypto';
import { constants, copyFileSync, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { ContactError } from '../../../shared/errors.ts';
import { type Database, openDatabase } from './database.ts';
import { createPrivate, lockFile } from './lock.ts';
import { checkPlaces, findRealPath } from './presence.ts';
import { checkSchema } from './schema.ts';
import { freeBytesOf } from './space.ts';
import { syncLeftovers, syncPath, walOf } from './wal.ts';

/** What a restored store is. */
export interface Restored {
  /** The path of the database. */
  readonly file: string;
  readonly bytes: number;
  readonly tasks: number;
  /** The newest position of its results log. */
  readonly newest: number;
  /** A new one: cursors of before end. */
  readonly epoch: string;
}

export interface RestoreOptions {
  /** Replaces a database that is there. Default: false. */
  readonly isForced?: boolean;
}

/** Everything that may lie beside a database and speaks of another one then. */
const LEFTOVERS = ['-wal', '-shm', '-journal', '.origin'];

/**
 * Puts a backup where a store is to be opened. It is copied and looked through first, and then takes its name at once:
 * until then whatever is there stays as it is.
 * @throws ContactError FAILED_PRECONDITION: a server has the store, there is one already, or the backup is none
 */
export function restoreFile(backup: string, path: string, { isForced = false }: RestoreOptions = {}): Restored {
  const file = findRealPath(path);
  checkSource(backup, file);
  checkPlaces(file);
  const lock = lockFile(file);
  const copy = `${file}.restoring`;
  try {
    if (existsSync(file) && !isForced) throw refusal(`${file} is there already: say --force to replace it`);
    removeAll(copy);
    checkRoom(backup, file);
    createPrivate(copy);
    copyFileSync(backup, copy, constants.COPYFILE_FICLONE);
    const restored = prepareCopy(copy, backup);
    syncPath(copy);
    if (isForced) for (const ending of LEFTOVERS) rmSync(file + ending, { force: true });
    renameSync(copy, file);
    syncLeftovers(file);
    return { file, ...restored };
  } finally {
    removeAll(copy);
    lock.release();
  }
}

function checkSource(backup: string, file: string): void {
  const found = statSync(backup, { throwIfNoEntry: false });
  if (!found?.isFile()) throw refusal(`${backup} is ${found ? 'no file' : 'not there'}`);
  if (existsSync(file) && statSync(file).ino === found.ino && statSync(file).dev === found.dev)
    throw refusal(`${backup} is the database of that store itself`);
  const log = statSync(walOf(backup), { throwIfNoEntry: false });
  if (log && log.size > 0) throw refusal(`${backup} has a log beside it (${basename(walOf(backup))}): it is no backup`);
}

function checkRoom(backup: string, file: string): void {
  const [needed, free] = [statSync(backup).size, freeBytesOf(dirname(file))];
  if (free < needed) throw refusal(`${needed} bytes of disk are needed in ${dirname(file)}, ${free} are free`);
}

function prepareCopy(copy: string, backup: string): Omit<Restored, 'file'> {
  let db: Database | undefined;
  try {
    db = openDatabase(copy);
    checkSchema(db, backup);
    const fault = db.pragma('integrity_check');
    if (fault !== 'ok') throw refusal(`${backup} is damaged: ${fault}`);
    return { bytes: statSync(copy).size, ...drawEpoch(db) };
  } catch (error) {
    if (error instanceof ContactError) throw error;
    throw refusal(`${backup} is no backup: ${(error as Error).message}`, error);
  } finally {
    db?.close();
  }
}

/** The copy is a store of its own from now on: it has another history of positions than what went on elsewhere. */
function drawEpoch(db: Database): Pick<Restored, 'tasks' | 'newest' | 'epoch'> {
  const epoch = randomBytes(8).toString('hex');
  db.exec('BEGIN IMMEDIATE');
  db.prepare(`UPDATE meta SET value = ? WHERE name = 'epoch'`).run(epoch);
  db.exec(`DELETE FROM meta WHERE name IN ('origin', 'place'); COMMIT`);
  const { tasks, newest } = db
    .prepare<{ tasks: number; newest: number }>(
      `SELECT (SELECT count(*) FROM task) AS tasks, max(coalesce((SELECT max(position) FROM result), 0),
         coalesce((SELECT value FROM meta WHERE name = 'position'), 0)) AS newest`,
    )
    .get()!;
  return { epoch, tasks, newest };
}

function removeAll(copy: string): void {
  for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(copy + ending, { force: true });
}

function refusal(problem: string, cause?: unknown): ContactError {
  return new ContactError('FAILED_PRECONDITION', `store: ${problem}`, { cause });
}
