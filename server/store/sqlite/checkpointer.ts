import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { Pass } from './checkpoints.ts';
import { faultOf } from './fault.ts';

// A thread: copies what the log has into the database, pass by pass, each when it is asked for. A connection of its own,
// since a pass blocks the one it runs on; commits go on beside it.

// Never a new file where the database was removed.
const place = pathToFileURL((workerData as { readonly file: string }).file);
place.searchParams.set('mode', 'rw');
const db = new DatabaseSync(place, { timeout: 0 });
const pass = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');

function run(): Pass {
  try {
    const { log, checkpointed } = pass.get() as { log: number; checkpointed: number };
    return { kind: 'done', pages: log, copied: checkpointed };
  } catch (error) {
    return faultOf(error).kind === 'refused' ? { kind: 'refused' } : { kind: 'failed', message: String(error) };
  }
}

parentPort!.on('message', (word: 'run' | 'close') => {
  if (word === 'run') {
    parentPort!.postMessage(run());
    return;
  }
  db.close();
  parentPort!.close();
});
