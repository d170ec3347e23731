import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { ContactError } from '../../shared/errors.ts';

/** A key and a certificate or two are a tenth of it. */
const MAX_BYTES = 64 << 10;
const OTHERS = 0o077;

/**
 * Reads a file that only this user may read; undefined: there is none. FAILED_PRECONDITION: it is a link, somebody else's, or
 * others may read it, so what is in it may be known to them, or theirs.
 */
export function readSecretFile(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw refused(code === 'ELOOP' ? `${path} is a symbolic link` : message, error);
  }
  try {
    // Of what was opened, which is what is read, whatever has the name by then.
    const { mode, uid, size } = fstatSync(file);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw refused(`${path} is not a file`);
    if (uid !== process.geteuid?.()) throw refused(`${path} belongs to another user`);
    if ((mode & OTHERS) !== 0)
      throw refused(`${path} may be read by others: chmod 600 it, or remove it to have a new one`);
    if (size > MAX_BYTES) throw refused(`${path} is larger than what belongs there`);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

/** Writes a file for this user alone: whole or not at all, and on the disk when this returns. */
export function writeSecretFile(path: string, content: string): void {
  const draft = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const file = openSync(draft, 'wx', 0o600);
    try {
      // Unlike `writeSync()` it goes on until all of it is written.
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw refused(`${path} cannot be written: ${(error as Error).message}`, error);
  }
}

function refused(problem: string, cause?: unknown): ContactError {
  return new ContactError('FAILED_PRECONDITION', problem, { cause });
}
