import { statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { DatabaseSync, type StatementSync } from '../../../shared/sqlite.ts';
import { faultOf } from './database.ts';
import type { Pass } from './wal.ts';

// A thread: copies what the log has into the database, pass by pass, each when it is asked for. A connection of its
// own, since a pass blocks the one it runs on; commits go on beside it.

const { file, bytes } = workerData as { readonly file: string; readonly bytes: number };
/** The size that the last pass left: only passes write to the database, so that the next one finds the same. */
let expected = bytes;
let db: DatabaseSync | undefined;
let pass: StatementSync;

// Never a new file where the database was removed; nor one that was cut: SQLite removes the log of an empty one as it
// opens it.
if (findSize() >= bytes) {
  const place = pathToFileURL(file);
  place.searchParams.set('mode', 'rw');
  db = new DatabaseSync(place, { timeout: 0 });
  pass = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
}

/**
 * How the database was cut; undefined: it has what the pass before left there. A pass would fill up what was cut, with
 * holes where pages were that are no longer in the log, and no later look would find anything.
 */
function findCut(): string | undefined {
  const found = findSize();
  if (db && (found >= expected || found >= countBytes(db))) return undefined;
  return `${file} was cut from ${expected} to ${found} bytes while the server had it open`;
}

function findSize(): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** The size of the database by its own count: another program may have made it smaller than a pass left it. */
function countBytes(db: DatabaseSync): number {
  const sql = 'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size';
  return (db.prepare(sql).get() as { bytes: number }).bytes;
}

function run(): Pass {
  try {
    const cut = findCut();
    if (cut !== undefined) return { kind: 'failed', message: cut };
    const { log, checkpointed } = pass.get() as { log: number; checkpointed: number };
    expected = findSize();
    return { kind: 'done', pages: log, copied: checkpointed };
  } catch (error) {
    return faultOf(error).kind === 'refused' ? { kind: 'refused' } : { kind: 'failed', message: String(error) };
  }
}

parentPort!.on('message', (command: 'run' | 'close') => {
  if (command === 'run') {
    parentPort!.postMessage(run());
    return;
  }
  db?.close();
  parentPort!.close();
});
