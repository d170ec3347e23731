import { statSync } from 'node:fs';
import type { Clock } from '../../shared/clock.ts';
import { invalid } from '../../shared/errors.ts';
import * as check from '../check.ts';
import { nameOther, readSecretFile, stampOf } from './secretfile.ts';

/** How often calls look whether the file has changed. */
const LOOK_MS = 1_000;

export interface TokenFileOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Told of a file that others can read, and of one that cannot be read any more; lines for people. */
  readonly warn: (line: string) => void;
}

/** A token that lies in a file, as it is there now. */
export interface TokenFile {
  /** Looks at the file again once a second at most. */
  readonly token: string;
  /** Reads the file if it has changed, however short ago it was looked at. */
  refresh(): void;
}

/**
 * Opens a token file. One that cannot be read later, while somebody replaces it, leaves the token as it was.
 * @throws ContactError INVALID_ARGUMENT `tokenFile: …`, which never quotes what is in it
 */
export function openTokenFile({ path, clock, warn }: TokenFileOptions): TokenFile {
  let stamp = '';
  let token = '';
  let lookedAt = clock.monotonic();
  let trouble = '';

  function read(): void {
    const file = readSecretFile(path);
    const text = file.text.trim();
    const other = text.startsWith('ct_') ? undefined : nameOther(text);
    if (other !== undefined) throw new Error(`${path} ${other}`);
    if (check.headerText(text) !== null)
      throw new Error(`${path} holds no token: expected one line of printable ASCII`);
    if (file.stamp !== stamp && file.exposure !== undefined) warn(`tokenFile: ${file.exposure}`);
    ({ stamp } = file);
    token = text;
    trouble = '';
  }

  function refresh(): void {
    lookedAt = clock.monotonic();
    try {
      if (stampOf(statSync(path, { bigint: true })) !== stamp) read();
    } catch (error) {
      const { message } = error as Error;
      if (message !== trouble) warn(`tokenFile: ${message}; going on with the token that was read before`);
      trouble = message;
    }
  }

  try {
    read();
  } catch (error) {
    throw invalid('tokenFile', (error as Error).message);
  }
  return {
    get token() {
      if (clock.monotonic() - lookedAt >= LOOK_MS) refresh();
      return token;
    },
    refresh,
  };
}
