import type { Clock } from '../../shared/clock.ts';
import { invalid } from '../../shared/errors.ts';
import type { ConnectionOptions } from '../options.ts';
import { openTokenFile } from './tokenfile.ts';

/** What a connection proves itself with. */
export interface Credential {
  /** Sent with every call that begins now; undefined: nothing is. */
  readonly token: string | undefined;
  /** A connection is about to be made: what lies in a file is read anew. */
  refresh(): void;
}

export interface CredentialContext {
  readonly clock: Clock;
  readonly warn: (line: string) => void;
}

/** @throws ContactError INVALID_ARGUMENT naming the option that is wrong */
export function createCredential(options: ConnectionOptions, { clock, warn }: CredentialContext): Credential {
  const { token, tokenFile } = options;
  if (tokenFile === undefined) return { token, refresh: () => undefined };
  if (token !== undefined) throw invalid('tokenFile', 'not together with token');
  return openTokenFile({ path: tokenFile, clock, warn });
}
