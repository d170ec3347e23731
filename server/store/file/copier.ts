import { closeSync, fdatasyncSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { backup, DatabaseSync } from '../../../shared/sqlite.ts';
import type { CopyEnd, CopyJob } from './backup.ts';
import { faultOf } from './database.ts';
import { freeBytesOf } from './space.ts';
import { walOf } from './wal.ts';

// A thread: copies one state of the database into a file, in steps with pauses between, which here hold up nobody. What
// was written goes to disk bit by bit, so that no commit has to wait for all of it.

/** Pages that are copied in one go. */
const STEP_PAGES = 200;
const PAUSE_MS = 5;
/** Steps between two syncs. */
const SYNC_STEPS = 10;

const { file, path, given, maxLogBytes, minFreeBytes } = workerData as CopyJob;
const flags = new Int32Array(given);

/** Why the copy is given up. */
class GivenUp extends Error {
  readonly end: CopyEnd;

  constructor(end: CopyEnd) {
    super('given up');
    this.end = end;
  }
}

function check(): void {
  if (Atomics.load(flags, 0) !== 0) throw new GivenUp({ kind: 'cancelled' });
  const log = statSync(walOf(file)).size;
  if (log > maxLogBytes)
    throw new GivenUp({ kind: 'refused', problem: `the log grew to ${log} bytes while the backup was made` });
  const free = freeBytesOf(dirname(file));
  if (free < minFreeBytes)
    throw new GivenUp({ kind: 'refused', problem: `only ${free} bytes of disk were free while the backup was made` });
}

function endOf(error: unknown): CopyEnd {
  if (error instanceof GivenUp) return error.end;
  const fault = faultOf(error);
  return fault.kind === 'refused'
    ? { kind: 'refused', problem: fault.error.problem.replace(/^store: /, '') }
    : { kind: 'failed', problem: String(error) };
}

async function copy(): Promise<void> {
  // A connection of its own, which holds one state of the database: else each commit has the copy begin again.
  const source = new DatabaseSync(file, { readOnly: true, timeout: 0 });
  const target = openSync(path, 'r+');
  try {
    source.exec('BEGIN');
    source.prepare('SELECT count(*) FROM sqlite_schema').get();
    check();
    let steps = 0;
    const progress = (): void => {
      check();
      steps += 1;
      if (steps % SYNC_STEPS === 0) fdatasyncSync(target);
      // It wakes at once when the copy is given up.
      Atomics.wait(flags, 0, 0, PAUSE_MS);
    };
    await backup(source, path, { rate: STEP_PAGES, progress });
  } finally {
    closeSync(target);
    source.close();
  }
}

try {
  await copy();
  parentPort!.postMessage({ kind: 'done' } satisfies CopyEnd);
} catch (error) {
  parentPort!.postMessage(endOf(error));
}
