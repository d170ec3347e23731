import { statSync } from 'node:fs';
import type { JSONWebKeySet, JWTPayload, JWTVerifyOptions } from 'jose';
import { decodeProtectedHeader } from 'jose/decode/protected_header';
import * as errors from 'jose/errors';
import { createLocalJWKSet } from 'jose/jwks/local';
import { createRemoteJWKSet } from 'jose/jwks/remote';
import type { Complaint } from '../../shared/authorities.ts';
import { ContactError, invalid } from '../../shared/errors.ts';
import { readPlainFile } from '../../shared/plainfile.ts';
import { maskPassword } from '../../shared/redact.ts';
import { examineKeySet } from './keyset.ts';
import { UNKNOWN_KEY } from './refusals.ts';
import { isOfNoKey, KeysError, verifyToken } from './signature.ts';

/** Between two looks whether the file of keys has changed, but for those that a key asks for that nobody knows. */
const LOOK_MS = 5_000;
/** Keys of a URL are fetched anew when they are older, since one may have been taken out. */
const FETCH_EVERY_MS = 300_000;
const FETCH_TIMEOUT_MS = 5_000;
/** Keys of a URL are fetched no sooner again for a key that is not among them. */
const COOL_DOWN_MS = 30_000;

/** Keys that sign tokens. */
export interface Keys {
  /**
   * Checks a token by them, and once more if they are younger by then than when it was found to be signed by none.
   * @throws UNKNOWN_KEY where the key is not there, and may be by now; KeysError; an error of jose
   */
  verify(text: string, options: JWTVerifyOptions): Promise<JWTPayload>;
}

/**
 * The keys that sign tokens: of a file, or of a URL, where they are fetched when one is missing, and when those that are there
 * are five minutes old.
 * @param source a path, or `https://…`; `http://` is for this machine alone
 * @param onTrouble told of a file that has changed and cannot be read: the keys that there are go on
 * @param onComplaint told each time that a file was read of what is to be mended in it
 * @throws ContactError INVALID_ARGUMENT naming the option `jwks`
 */
export function openKeys(
  source: string,
  monotonic: () => number,
  onTrouble: (error: unknown) => void = () => undefined,
  onComplaint: (complaint: Complaint) => void = () => undefined,
): Keys {
  return isUrl(source) ? openUrl(source) : openFile(source, monotonic, onTrouble, onComplaint);
}

/**
 * What is to be mended about a file of keys; nothing is said of a URL, which nobody fetches for that.
 * @throws ContactError INVALID_ARGUMENT naming the option `jwks`
 */
export function examineKeys(source: string): readonly Complaint[] {
  return isUrl(source) ? [] : examineKeySet(readKeySet(source), source);
}

function isUrl(source: string): boolean {
  return /^https?:\/\//.test(source);
}

function openUrl(source: string): Keys {
  const url = URL.canParse(source) ? new URL(source) : undefined;
  if (!url) throw refuse(`to be a path or a URL, got \`${maskPassword(source)}\``);
  if (url.protocol === 'http:' && !['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)) {
    throw refuse(`to begin with https://, since whoever is on the way could give keys of their own`);
  }
  if (url.username !== '' || url.password !== '') throw refuse('to have no user and no password: keys are public');
  const keys = createRemoteJWKSet(url, {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cacheMaxAge: FETCH_EVERY_MS,
    cooldownDuration: COOL_DOWN_MS,
  });
  return {
    async verify(text, options) {
      const mayFetch = !keys.coolingDown;
      try {
        return await verifyToken(text, keys, options);
      } catch (error) {
        // A name that is known is that of its key: one that is newer has another.
        if (!isOfNoKey(error) || (isNamed(text) && !(error instanceof errors.JWKSNoMatchingKey))) throw error;
        if (!mayFetch) throw UNKNOWN_KEY;
        // They were fetched for it a moment ago.
        if (keys.coolingDown) throw error;
      }
      await keys.reload().catch((error: unknown) => {
        throw new KeysError(error);
      });
      return verifyToken(text, keys, options);
    },
  };
}

function isNamed(text: string): boolean {
  return decodeProtectedHeader(text).kid !== undefined;
}

function readKeySet(path: string): JSONWebKeySet {
  try {
    const set = JSON.parse(readPlainFile(path).bytes.toString()) as JSONWebKeySet;
    createLocalJWKSet(set);
    return set;
  } catch (error) {
    // What a parser says of a file quotes it, and it may be another one than was meant.
    const reason =
      error instanceof ContactError ? error.message : ((error as NodeJS.ErrnoException).code ?? 'it is none');
    throw refuse(`to be a file with a JSON Web Key Set: ${path}: ${reason}`);
  }
}

function openFile(
  path: string,
  monotonic: () => number,
  onTrouble: (error: unknown) => void,
  onComplaint: (complaint: Complaint) => void,
): Keys {
  let stamp = '';

  function read(): ReturnType<typeof createLocalJWKSet> {
    stamp = findStamp(path);
    const set = readKeySet(path);
    for (const complaint of examineKeySet(set, path)) onComplaint(complaint);
    return createLocalJWKSet(set);
  }

  let keys = read();
  let lookedAt = monotonic();

  /** A key that was taken out is to count no more. */
  function look(): void {
    if (monotonic() - lookedAt < LOOK_MS) return;
    lookedAt = monotonic();
    try {
      if (stampOf(path) !== stamp) keys = read();
    } catch (error) {
      stamp = '';
      onTrouble(error);
    }
  }

  return {
    async verify(text, options) {
      look();
      try {
        return await verifyToken(text, keys, options);
      } catch (error) {
        // A look costs less than the token did, so it is taken for each: a key may be a newer one.
        if (!isOfNoKey(error) || stampOf(path) === stamp) throw error;
      }
      try {
        keys = read();
      } catch (unreadable) {
        stamp = '';
        throw unreadable;
      }
      return verifyToken(text, keys, options);
    },
  };
}

/** Empty: the file is not there, which reading it says. */
function findStamp(path: string): string {
  try {
    return stampOf(path);
  } catch {
    return '';
  }
}

function stampOf(path: string): string {
  const { ino, size, mtimeMs } = statSync(path);
  return `${ino}:${size}:${mtimeMs}`;
}

function refuse(problem: string): ContactError {
  return invalid('jwks', `expected ${problem}`);
}
