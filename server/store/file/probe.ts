import { accessSync, closeSync, constants, existsSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { ContactError } from '../../../shared/errors.ts';
import { checkPlaces, findRealPath } from './presence.ts';
import { APPLICATION_ID } from './schema.ts';

/** What every file of SQLite begins with, and where the number of its program is (https://sqlite.org/fileformat.html). */
const MAGIC = 'SQLite format 3\0';
const APPLICATION_AT = 68;
const HEADER_LENGTH = 100;

/**
 * Whether a server could open this file, as far as a look can tell that changes nothing, also while a server has it.
 * @param path a file
 * @throws ContactError FAILED_PRECONDITION: it could not
 */
export function probeFile(path: string): void {
  const file = findRealPath(path);
  checkPlaces(file);
  const isThere = existsSync(file);
  const needed = isThere ? file : dirname(file);
  try {
    accessSync(needed, constants.R_OK | constants.W_OK);
    if (isThere) checkHeader(file);
  } catch (error) {
    if (error instanceof ContactError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new ContactError('FAILED_PRECONDITION', `store: ${needed} cannot be read and written: ${code}`);
  }
}

/** A new database has no header before its first commit is copied out of the log. */
function checkHeader(file: string): void {
  const header = Buffer.alloc(HEADER_LENGTH);
  const fd = openSync(file, 'r');
  try {
    if (readSync(fd, header) === 0) return;
  } finally {
    closeSync(fd);
  }
  const application = header.readUInt32BE(APPLICATION_AT);
  if (header.toString('latin1', 0, MAGIC.length) === MAGIC && (application === 0 || application === APPLICATION_ID))
    return;
  throw new ContactError('FAILED_PRECONDITION', `store: ${file} is no store of contact`);
}
