import { dirname } from 'node:path';
import { ContactError } from '../../../shared/errors.ts';
import type { StoreOptions } from '../options.ts';
import type { StoreSpace } from '../space.ts';
import { type Backups, createBackups, removeLeftover } from './backup.ts';
import { applySettings, type Database, openDatabase } from './database.ts';
import { createPrivate, type FileLock, lockFile } from './lock.ts';
import { type Origin, openOrigin } from './origin.ts';
import { checkPlaces, findRealPath, type Presence, watchPresence } from './presence.ts';
import { checkSchema, migrate } from './schema.ts';
import { convertToIncremental, createDiskGuard, type DiskGuard, freeBytesOf, spaceOf } from './space.ts';
import { createWalCheckpoints, holdLog, openWal, syncLeftovers, type Wal, type WalCheckpoints } from './wal.ts';

export { probeFile } from './probe.ts';
export { type Restored, type RestoreOptions, restoreFile } from './restore.ts';

const MEMORY = ':memory:';

/** What belongs to a database that outlives the process. */
export interface OpenDisk {
  readonly wal: Wal;
  readonly checkpoints: WalCheckpoints;
  readonly presence: Presence;
  readonly origin: Origin;
  readonly guard: DiskGuard;
  readonly backups: Backups;
  space(): StoreSpace;
}

/** A database that is open, its schema the newest. */
export interface OpenFile {
  readonly db: Database;
  /** Undefined: the database is in memory. */
  readonly disk: OpenDisk | undefined;
  /** The disk's content is no longer known: told once, with a file that is gone as the cause of whatever failed. */
  fail(error: unknown): void;
  /** Closes the file, once nothing is committed any more. */
  close(): Promise<void>;
}

/** What is made of the file before it counts as open. */
export interface Uses<T> {
  /** Does to the rows what is to be done before anybody reads them. */
  prepare(db: Database): void;
  use(file: OpenFile): T;
}

/** @param path a file, or `:memory:` */
export function openFile<T>(path: string, options: StoreOptions, { prepare, use }: Uses<T>): T {
  if (path === MEMORY) return use(openMemory(options, prepare));
  const file = findRealPath(path);
  let lock: FileLock | undefined;
  try {
    checkPlaces(file);
    lock = lockFile(file);
    createPrivate(file);
    removeLeftover(file);
    syncLeftovers(file);
    const db = openReady(file, prepare);
    const freeBytes = options.freeBytes ?? (() => freeBytesOf(dirname(file)));
    convertToIncremental(db, file, freeBytes, options.onNotice);
    const origin = openOrigin(db, file);
    // The log is new, perhaps.
    syncLeftovers(file);
    origin.confirm();
    if (origin.isCopy) options.onNotice?.(`${file} is a copy, or an older state: it has a new epoch, cursors end`);
    const minFreeBytes = options.minFreeBytes ?? 64 << 20;
    const guard = createDiskGuard(freeBytes, minFreeBytes);
    const space = () => ({ ...spaceOf(file), freeBytes: freeBytes(), minFreeBytes });
    const backups = createBackups({ file, countBytes: () => countBytes(db), freeBytes, minFreeBytes });
    return use(keepOpen(db, { file, lock, guard, origin, backups, space }, options));
  } catch (error) {
    lock?.release();
    if (error instanceof ContactError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ContactError('FAILED_PRECONDITION', `store: ${file} cannot be opened: ${reason}`, { cause: error });
  }
}

function openMemory({ onFatal = endProcess }: StoreOptions, prepare: (db: Database) => void): OpenFile {
  const db = openReady(MEMORY, prepare);
  return { db, disk: undefined, fail: createFail(onFatal).fail, close: async () => db.close() };
}

function openReady(file: string, prepare: (db: Database) => void): Database {
  const db = openDatabase(file);
  try {
    checkSchema(db, file);
    applySettings(db, file);
    migrate(db);
    prepare(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

interface Place {
  readonly file: string;
  readonly lock: FileLock;
  readonly guard: DiskGuard;
  readonly origin: Origin;
  readonly backups: Backups;
  readonly space: () => StoreSpace;
}

function countBytes(db: Database): number {
  return Number(db.pragma('page_count')) * Number(db.pragma('page_size'));
}

function keepOpen(db: Database, { file, lock, guard, origin, backups, space }: Place, options: StoreOptions): OpenFile {
  const { onFatal = endProcess, onNotice, isServed = false } = options;
  const faults = createFail(onFatal);
  const heldLog = holdLog(file);
  const presence = watchPresence({ file, countBytes: () => countBytes(db), onGone: faults.fail, onNotice });
  const fail = (error: unknown): void => faults.fail(presence.look() ?? error);
  const wal = openWal(file);
  const checkpoints = createWalCheckpoints({ file, onFatal: fail, startsAtOnce: isServed });

  async function close(): Promise<void> {
    await backups.close();
    await checkpoints.close();
    wal.close();
    origin.close();
    // A last look, since the log is not to be copied into a file that was cut or replaced since the look before.
    presence.look();
    presence.close();
    if (!faults.isFaulty()) heldLog.close();
    db.close();
    // After a fault acknowledged commits may be in the log alone, so the log has to stay.
    if (faults.isFaulty()) heldLog.close();
    lock.release();
  }

  return { db, disk: { wal, checkpoints, presence, origin, guard, backups, space }, fail, close };
}

/** Reports the first failure alone: what fails afterwards fails because of it. */
function createFail(tell: (error: unknown) => void) {
  let isFaulty = false;
  return {
    isFaulty: () => isFaulty,
    fail: (error: unknown): void => {
      if (isFaulty) return;
      isFaulty = true;
      tell(error);
    },
  };
}

/** Ends the process: what is on disk is unknown, so acknowledging anything more would be a guess. */
function endProcess(error: unknown): void {
  console.error('store: the disk failed, ending the process:', error);
  process.exit(70);
}
