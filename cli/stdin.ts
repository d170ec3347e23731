import { readSync } from 'node:fs';
import { usageError } from './exit.ts';

/** More than any secret has. */
const MAX_BYTES = 64 * 1024;
const LOOK_MS = 10;

/**
 * A secret on stdin, to its end.
 * @throws CommandFailure with exit code 2 for more than 64 KiB, and for what cannot be read
 */
export function readSecretInput(flag: string): string {
  const bytes = Buffer.alloc(MAX_BYTES + 1);
  let length = 0;
  for (;;) {
    const count = readSome(flag, bytes, length);
    if (count === 0) return bytes.toString('utf8', 0, length);
    length += count;
    if (length > MAX_BYTES) throw usageError(`${flag}: stdin has more than ${MAX_BYTES} bytes, which is no secret`);
  }
}

function readSome(flag: string, into: Buffer, from: number): number {
  for (;;) {
    try {
      return readSync(0, into, from, into.byteLength - from, null);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      // Windows says the end of a pipe so.
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw usageError(`${flag}: stdin cannot be read: ${message}`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
    }
  }
}
