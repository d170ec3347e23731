import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { invalid } from '../../shared/errors.ts';
import { isName, newSessionId } from '../../shared/ids.ts';
import { isBytes32, readJoinText, writeJoinText } from '../../shared/jointext.ts';
import type { Secret } from './secret.ts';
import { nameOther, readSecretFile, type SecretFile } from './secretfile.ts';

/** What a client keeps of its enrolment, so that its next start needs no join text. */
export interface KeptCredential extends Secret {
  /** The server has stored it; false: nobody knows, for no answer has come. */
  readonly isEnrolled: boolean;
  /** The one id that the client may have. */
  readonly clientId: string;
  /** Where the server is, to be tried in this order. */
  readonly addresses: readonly string[];
  /** By which the server is known before anything is sent; empty: by a well-known authority, or there is no TLS. */
  readonly pin: string;
  /** Wall clock, milliseconds: when it is time for another secret. Absent: never. */
  readonly renewAt?: number;
  /** Likewise, when it expires. */
  readonly expiresAt?: number;
  /** Drawn for the next credential, which the server may have stored already. */
  readonly next?: Secret;
}

const VERSION = 1;
const FIELD = 'credentialFile';

/** A credential file as it was read. */
export interface ReadCredential {
  readonly kept: KeptCredential;
  readonly file: SecretFile;
}

/** Undefined: there is no such file. @throws ContactError INVALID_ARGUMENT for one that cannot be read, which quotes nothing of it */
export function readCredentialFile(path: string): ReadCredential | undefined {
  let file: SecretFile;
  try {
    file = readSecretFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw invalid(FIELD, (error as Error).message);
  }
  const kept = parse(file.text);
  if (kept) return { kept, file };
  const isOne = file.text.trimStart().startsWith('{');
  const problem = isOne ? undefined : nameOther(file.text);
  throw invalid(FIELD, `${path} ${problem ?? 'is no credential file of this version; move it away to enrol anew'}`);
}

/** Writes the first of its kind; false: there is one already, which stays. */
export function createCredentialFile(path: string, kept: KeptCredential): boolean {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = writeDraft(path, kept);
  try {
    // A link, unlike a rename, does not replace what another process has written meanwhile.
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Replaces the file as a whole: whoever reads it has the old one or the new one, and so has who is killed here. */
export function replaceCredentialFile(path: string, kept: KeptCredential): void {
  const draft = writeDraft(path, kept);
  try {
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function writeDraft(path: string, { isEnrolled, ...kept }: KeptCredential): string {
  const draft = `${path}.${newSessionId()}`;
  const written = { version: VERSION, enrolled: isEnrolled, ...kept };
  try {
    writeFileSync(draft, `${JSON.stringify(written, null, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true });
    return draft;
  } catch (error) {
    // A full disk takes the name of a file and nothing of what is in it.
    rmSync(draft, { force: true });
    throw new Error(`${path} cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

function parse(text: string): KeptCredential | undefined {
  try {
    const { version, enrolled, clientId, renewAt, expiresAt, next, ...rest } = JSON.parse(text);
    const { addresses, pin, id, secret } = rest;
    const isRight =
      version === VERSION &&
      typeof enrolled === 'boolean' &&
      typeof clientId === 'string' &&
      isName(clientId) &&
      [renewAt, expiresAt].every((at) => at === undefined || Number.isFinite(at)) &&
      (next === undefined || isSecret(next));
    if (!isRight) return undefined;
    // The rest has the parts of a join text, and is checked as one.
    const parts = readJoinText(writeJoinText({ addresses, pin, id, secret }));
    return {
      ...parts,
      isEnrolled: enrolled,
      clientId,
      ...(renewAt === undefined ? {} : { renewAt }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(next === undefined ? {} : { next: { id: next.id, secret: next.secret } }),
    };
  } catch {
    return undefined;
  }
}

function isSecret(value: { readonly id?: unknown; readonly secret?: unknown }): boolean {
  return typeof value.id === 'string' && /^[a-z0-9]{16}$/.test(value.id) && isBytes32(value.secret);
}
