import { resolve } from 'node:path';
import type { Logger } from '../shared/logger.ts';
import { besideStore } from '../shared/storefiles.ts';
import type { KeepOperatorToken } from './identity.ts';
import { storeFileOf } from './store/open.ts';
import { writeSecretFile } from './tls/secretfile.ts';

/**
 * Keeps the first operator's token in `FILE.operator-token` beside the FILE of the store, for this user alone, and tells the log
 * where. Undefined: the store has no file, so nobody gets a token.
 */
export function keepTokenBeside(store: string, logger: Pick<Logger, 'info'>): KeepOperatorToken | undefined {
  const storeFile = storeFileOf(store);
  if (storeFile === undefined) return undefined;
  const file = besideStore(resolve(storeFile), 'operatorToken');
  return (token) => {
    writeSecretFile(file, `${token}\n`);
    logger.info({ file }, 'the first token of an operator is in this file, for this user alone');
  };
}
