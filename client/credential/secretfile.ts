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
  return { text: decode(bytes), stamp: stampOf(stat), exposure: exposureOf(Number(stat.mode), path) };
}

/** UTF-8, or what a shell of Windows writes where its output goes into a file. */
function decode(bytes: Buffer): string {
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  return isUtf16 ? bytes.subarray(2).toString('utf16le') : bytes.toString();
}

/** What somebody has put into a file that is to hold another secret, and the option that it is for; undefined: nothing known. */
export function nameOther(text: string): string | undefined {
  const begin = text.trimStart();
  if (begin.startsWith('cj_')) return 'holds a join text: `join` is for that';
  if (begin.startsWith('ct_')) return 'holds a token: `tokenFile` is for that';
  return /^\{\s*"version"/.test(begin) ? 'is a credential file: `credentialFile` is for that' : undefined;
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
