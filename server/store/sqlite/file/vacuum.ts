import type { Database } from './database.ts';
import { faultOf } from './fault.ts';

const INCREMENTAL = 2;

/**
 * A database whose free pages can be given back needs a map of its pages, which it has from its first page or by being
 * written anew: once, with room for a copy of it and for the log that carries it. Without room it stays as it is.
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
  // A copy of the whole database does not fit into memory.
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
