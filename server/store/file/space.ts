import { statfsSync, statSync } from 'node:fs';
import { ContactError } from '../../../shared/errors.ts';
import { DISK_FIELD, type StoreSpace } from '../space.ts';
import { type Database, faultOf, INCREMENTAL } from './database.ts';
import { createReserve } from './reserve.ts';
import { walOf } from './wal.ts';

export interface DiskGuard {
  /** Why tasks are refused; undefined: enough of the disk is free. */
  refusal(): ContactError | undefined;
  /** Why those of `who` are, which would put so many bytes there; undefined: they are taken, and counted for it. */
  refusalOf(who: string, bytes: number): ContactError | undefined;
}

const CACHED_MS = 1_000;
const COME_AGAIN_MS = 1_000;
/** With less free than so many times what refuses all, who has filled the disk is refused, and others go on. */
const RESERVE_FACTOR = 2;

/**
 * Refuses new tasks while little disk is free, so that results can always be written; before that of those who have filled it,
 * so that others can go on. Asks the disk once a second.
 */
export function createDiskGuard(freeBytes: () => number, minFreeBytes: number): DiskGuard {
  let askedAt = Number.NEGATIVE_INFINITY;
  let free = 0;
  const reserve = createReserve();

  function isBelow(bytes: number): boolean {
    const at = performance.now();
    if (at - askedAt >= CACHED_MS) {
      free = freeBytes();
      askedAt = at;
    }
    return free < bytes;
  }

  function refusal(): ContactError | undefined {
    if (!isBelow(minFreeBytes)) return undefined;
    const problem = 'store: too little disk is free for new tasks';
    return new ContactError('RESOURCE_EXHAUSTED', problem, { retryAfterMs: COME_AGAIN_MS });
  }

  return {
    refusal,
    refusalOf: (who, bytes) => {
      const ofAll = refusal();
      if (ofAll) return ofAll;
      if (isBelow(RESERVE_FACTOR * minFreeBytes) && reserve.isCrowding(who)) {
        const problem = `little is left, and ${who} has filled it most: the rest is for others (minFreeBytes)`;
        return new ContactError('RESOURCE_EXHAUSTED', problem, { field: DISK_FIELD, retryAfterMs: COME_AGAIN_MS });
      }
      reserve.note(who, bytes);
      return undefined;
    },
  };
}

/** What the files of a database take, as the file system says. */
export function spaceOf(file: string): Pick<StoreSpace, 'bytes' | 'logBytes'> {
  const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return { bytes: sizeOf(file), logBytes: sizeOf(walOf(file)) };
}

export function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/**
 * A database whose free pages can be given back needs a map of its pages, which it has from its first page or by being
 * written anew, once, if the disk has space for a copy of it and for the log that carries it; else it stays as it is.
 */
export function convertToIncremental(
  db: Database,
  file: string,
  freeBytes: () => number,
  onNotice: (message: string) => void = () => {},
): void {
  if (db.pragma('auto_vacuum') === INCREMENTAL) return;
  const bytes = Number(db.pragma('page_count')) * Number(db.pragma('page_size'));
  const needed = 3 * bytes;
  if (freeBytes() < needed) {
    onNotice(`${file} cannot give back space yet: to be converted it needs ${needed} bytes of free disk, once`);
    return;
  }
  onNotice(`converting ${file} (${bytes} bytes), so that it can give back space`);
  // The copy of the database is made in a file: it may not fit into memory.
  db.exec('PRAGMA temp_store = FILE');
  try {
    db.exec('PRAGMA auto_vacuum = INCREMENTAL');
    db.exec('VACUUM');
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch (error) {
    if (faultOf(error).kind !== 'refused') throw error;
    onNotice(`${file} was not converted: ${(error as Error).message}`);
  } finally {
    db.exec('PRAGMA temp_store = MEMORY');
  }
}
