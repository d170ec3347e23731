import { type BigIntStats, closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { ContactError } from './errors.ts';

/** What a file of certificates, keys or options may have that somebody named: a page or some; what is larger is another file. */
const MAX_BYTES = 1 << 20;

/** A file as it was read, and what the file system says of it. */
export interface PlainFile {
  readonly bytes: Buffer;
  readonly stat: BigIntStats;
}

/**
 * Reads a file that somebody named. A named pipe, a device or a folder is refused: opening or reading one could wait for ever,
 * and the whole process with it, signals included.
 * @param maxBytes what is larger is another file; 1 MiB unless it is said
 * @throws ContactError FAILED_PRECONDITION: it is no regular file, or too large; else what the file system says
 * @example readPlainFile('/etc/contact/cert.pem').bytes.toString()
 */
export function readPlainFile(path: string, maxBytes: number = MAX_BYTES): PlainFile {
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
