import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import { pause } from '../pause.ts';

const LOOK_MS = 50;
/** Whoever holds it does so for one call of the server; one that holds it longer was killed. Of the shortest life a third. */
const STALE_MS = 15_000;
/** Longer than it takes any lock to be stale. */
const MAX_WAIT_MS = 18_000;

/**
 * Runs `work` while no other process runs its own under this path. The lock is a file that its holder removes; of one that
 * was killed it is taken away once it is old. Two that do so at the same moment may both go on: what is done under it has
 * to be right then too, if not thrifty. FAILED_PRECONDITION: others have held it all the time.
 */
export async function withFileLock<T>(path: string, clock: Clock, work: () => Promise<T>): Promise<T> {
  const beganAt = clock.monotonic();
  while (!tryLock(path)) {
    if (isStale(path)) rmSync(path, { force: true });
    else if (clock.monotonic() - beganAt < MAX_WAIT_MS) await pause(clock, LOOK_MS);
    else throw new ContactError('FAILED_PRECONDITION', `${path} has been held by others for ${MAX_WAIT_MS / 1_000} s`);
  }
  try {
    return await work();
  } finally {
    remove(path);
  }
}

/** What cannot be removed, in a folder that has become read-only, is stale soon; what was done has been done. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Said above.
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

/** By the wall clock of the machine, which the times of files go by; a time to come is one of before it was set. */
function isStale(path: string): boolean {
  try {
    return Math.abs(Date.now() - statSync(path).mtimeMs) > STALE_MS;
  } catch {
    return false;
  }
}
