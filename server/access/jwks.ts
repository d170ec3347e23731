import { readFileSync, statSync } from 'node:fs';
import { createLocalJWKSet, createRemoteJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { ContactError } from '../../shared/errors.ts';

/** Between two looks whether the file of keys has changed, which a key that nobody knows asks for. */
const LOOK_MS = 5_000;
const FETCH_TIMEOUT_MS = 5_000;

/**
 * The keys that sign tokens: of a file, or of a URL, where they are fetched when one is missing, and every ten minutes.
 * @param source a path, or `https://…`; `http://` is for this machine alone
 * @throws ContactError INVALID_ARGUMENT naming the option `jwks`
 */
export function openKeys(source: string, monotonic: () => number): JWTVerifyGetKey {
  return /^https?:\/\//.test(source) ? openUrl(source) : openFile(source, monotonic);
}

function openUrl(source: string): JWTVerifyGetKey {
  const url = URL.canParse(source) ? new URL(source) : undefined;
  if (!url) throw refuse(`to be a path or a URL, got \`${source}\``);
  if (url.protocol === 'http:' && !['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)) {
    throw refuse(`to begin with https://, since whoever is on the way could give keys of their own`);
  }
  return createRemoteJWKSet(url, { timeoutDuration: FETCH_TIMEOUT_MS });
}

function openFile(path: string, monotonic: () => number): JWTVerifyGetKey {
  let stamp = '';
  let lookedAt = Number.NEGATIVE_INFINITY;

  function read(): ReturnType<typeof createLocalJWKSet> {
    try {
      stamp = stampOf(path);
      return createLocalJWKSet(JSON.parse(readFileSync(path, 'utf8')) as JSONWebKeySet);
    } catch (error) {
      throw refuse(`to be a file with a JSON Web Key Set: ${path}: ${(error as Error).message}`);
    }
  }

  let keys = read();
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      const isUnknown = error instanceof errors.JWKSNoMatchingKey;
      if (!isUnknown || monotonic() - lookedAt < LOOK_MS) throw error;
      lookedAt = monotonic();
      if (stampOf(path) === stamp) throw error;
      keys = read();
      return keys(header, token);
    }
  };
}

function stampOf(path: string): string {
  const { ino, size, mtimeMs } = statSync(path);
  return `${ino}:${size}:${mtimeMs}`;
}

function refuse(problem: string): ContactError {
  return new ContactError('INVALID_ARGUMENT', `Expected \`jwks\` ${problem}`);
}
