import { closeSync, existsSync, fsyncSync, openSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { ContactError } from '../../../../shared/errors.ts';
import { walOf } from './wal.ts';

export interface DiskGuard {
  /** Undefined: there is room. */
  refusal(): ContactError | undefined;
}

const CACHED_MS = 1_000;
const COME_AGAIN_MS = 1_000;

/** Refuses new tasks while little disk is free, so that results always find room. Asks the disk once a second. */
export function createDiskGuard(freeBytes: () => number, minFreeBytes: number): DiskGuard {
  let askedAt = Number.NEGATIVE_INFINITY;
  let free = 0;
  return {
    refusal: () => {
      const at = performance.now();
      if (at - askedAt >= CACHED_MS) {
        free = freeBytes();
        askedAt = at;
      }
      if (free >= minFreeBytes) return undefined;
      return new ContactError('RESOURCE_EXHAUSTED', 'store: too little disk is free for new tasks', {
        retryAfterMs: COME_AGAIN_MS,
      });
    },
  };
}

export function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/**
 * A process that was killed may have left commits that SQLite finds again and that no disk has yet. Whoever asks about
 * them is told that they are stored, often without a commit of its own: so they are put on disk before anybody asks.
 */
export function syncLeftovers(file: string): void {
  const log = walOf(file);
  if (existsSync(log)) syncPath(log);
  // Windows syncs no folders.
  if (process.platform !== 'win32') syncPath(dirname(file));
}

function syncPath(path: string): void {
  const handle = openSync(path, process.platform === 'win32' ? 'r+' : 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
