import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import type { Clock } from '../../shared/clock.ts';
import { pause } from '../pause.ts';

const LOOK_MS = 50;
/** Whoever holds it does so for one call of the server; one that holds it longer was killed. */
const STALE_MS = 60_000;

/**
 * Runs `work` while no other process runs its own under this path. The lock is a file that its holder removes; of one that
 * was killed it is taken away once it is old. Two that do so at the same moment may both go on: what is done under it has
 * to be right then too, if not thrifty.
 */
export async function withFileLock<T>(path: string, clock: Clock, work: () => Promise<T>): Promise<T> {
  while (!tryLock(path)) {
    if (isStale(path)) rmSync(path, { force: true });
    else await pause(clock, LOOK_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function tryLock(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx', 0o600));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** By the wall clock of the machine, which the times of files go by. */
function isStale(path: string): boolean {
  try {
    return Date.now() - statSync(path).mtimeMs > STALE_MS;
  } catch {
    return false;
  }
}
