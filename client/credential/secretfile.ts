import { readPlainFile } from '../../shared/plainfile.ts';

/** More than any token, join text or credential has: what is larger is another file. */
const MAX_BYTES = 64 * 1024;
/** Permissions of the group and of all others. */
const OTHERS = 0o077;

/** A file that holds a secret, as it was read. */
export interface SecretFile {
  readonly text: string;
  /** Changes when the file does: its number, size and times. */
  readonly stamp: string;
  /** Why others than its owner can read it, in words for people; undefined: they cannot. */
  readonly exposure: string | undefined;
}

/** Reads a small file that holds a secret. Throws what the file system says, and as `readPlainFile()`. */
export function readSecretFile(path: string): SecretFile {
  const { bytes, stat } = readPlainFile(path, MAX_BYTES);
  return { text: bytes.toString(), stamp: stampOf(stat), exposure: exposureOf(Number(stat.mode), path) };
}

/** What `SecretFile.stamp` is made of. */
export function stampOf(stat: { readonly ino: bigint; readonly size: bigint; readonly mtimeNs: bigint }): string {
  return `${stat.ino}:${stat.size}:${stat.mtimeNs}`;
}

/** Windows has no such permissions: there every file looks as if all might read it. */
function exposureOf(mode: number, path: string): string | undefined {
  if (process.platform === 'win32' || (mode & OTHERS) === 0) return undefined;
  return `others can read ${path} (mode ${(mode & 0o777).toString(8)}): chmod 600 it`;
}
