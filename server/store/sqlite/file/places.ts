import { lstatSync, type Stats } from 'node:fs';
import { ContactError } from '../../../../shared/errors.ts';
import { walOf } from './wal.ts';

/** Beside the database, by their endings: none of them is a database to be opened as a store. */
const COMPANIONS = ['-wal', '-shm', '-journal', '.lock', '.pid', '.origin'];

/**
 * Refuses what SQLite would follow, mistake for a new store, or share unseen with another server: anything but regular
 * files, a second hard link (which has a lock of its own), and an empty database whose log has commits.
 */
export function checkPlaces(file: string): void {
  const companion = COMPANIONS.find((ending) => file.endsWith(ending));
  if (companion) throw refusal(`${file} belongs to a store (its name ends in ${companion}): name the database itself`);
  const database = lookAt(file);
  // The one with the pid is replaced, never followed.
  for (const ending of COMPANIONS) if (ending !== '.pid') lookAt(file + ending);
  const log = lookAt(walOf(file));
  if (log && log.size > 0 && !database?.size) {
    throw refusal(
      `${file} is ${database ? 'empty' : 'gone'} but its log ${walOf(file)} is not: ` +
        'restore the database, or move the log away to begin a new store',
    );
  }
}

function lookAt(path: string): Stats | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isFile()) throw refusal(`${path} is ${kindOf(found)}, expected a regular file`);
  if (found && found.nlink > 1) {
    throw refusal(
      `${path} has ${found.nlink} hard links, and another server may use it by the other: remove the others`,
    );
  }
  return found;
}

function kindOf(found: Stats): string {
  if (found.isSymbolicLink()) return 'a symbolic link';
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a pipe';
  return found.isSocket() ? 'a socket' : 'a device';
}

function refusal(message: string): ContactError {
  return new ContactError('FAILED_PRECONDITION', `store: ${message}`);
}
