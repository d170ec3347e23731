import { type BigIntStats, closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { ContactError } from './errors.ts';

/** A file as it was read, and what the file system says of it. */
export interface PlainFile {
  readonly bytes: Buffer;
  readonly stat: BigIntStats;
}

/**
 * Reads a file that somebody named. A named pipe, a device or a folder is refused: opening or reading one could wait for ever,
 * and the whole process with it, signals included.
 * @param maxBytes what is larger is another file
 * @throws ContactError FAILED_PRECONDITION: it is no regular file, or too large; else what the file system says
 * @example readPlainFile('/etc/contact/cert.pem', 1 << 20).bytes.toString()
 */
export function readPlainFile(path: string, maxBytes: number): PlainFile {
  // One descriptor, so that what is read is what was looked at. Without O_NONBLOCK opening a pipe waits for who writes;
  // Windows has no such flag.
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stat = fstatSync(file, { bigint: true });
    if (!stat.isFile()) throw refused(`${path} is no regular file`);
    if (stat.size > maxBytes) throw refused(`${path} has ${stat.size} bytes, at most ${maxBytes} are expected`);
    return { bytes: readFileSync(file), stat };
  } finally {
    closeSync(file);
  }
}

function refused(problem: string): ContactError {
  return new ContactError('FAILED_PRECONDITION', problem);
}
