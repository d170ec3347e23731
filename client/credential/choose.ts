import { invalid } from '../../shared/errors.ts';
import type { ConnectionOptions } from '../options.ts';
import type { Credential, CredentialContext } from './credential.ts';
import { openEnrolled } from './enrolled.ts';
import { openTokenFile } from './tokenfile.ts';

/** What a connection with these options proves itself with. @throws ContactError INVALID_ARGUMENT naming the option that is wrong */
export function chooseCredential(options: ConnectionOptions, context: CredentialContext): Credential {
  const { token, tokenFile, join, joinAs, credentialFile: path } = options;
  if (tokenFile !== undefined && token !== undefined) throw invalid('tokenFile', 'not together with token');
  if (path !== undefined) {
    if (token !== undefined || tokenFile !== undefined)
      throw invalid('credentialFile', `not together with ${token === undefined ? 'tokenFile' : 'token'}`);
    if (joinAs !== undefined && context.clientId !== undefined && joinAs !== context.clientId)
      throw invalid('joinAs', `expected the worker's own clientId, ${context.clientId}, or nothing`);
    return openEnrolled({ join, path, clientId: joinAs ?? context.clientId }, context);
  }
  for (const [field, value] of Object.entries({ join, joinAs }))
    if (value !== undefined)
      throw invalid('credentialFile', `expected together with ${field}: it keeps what came of it`);
  if (tokenFile === undefined) return { ...READY, token, hasOther: () => false };
  const file = openTokenFile({ path: tokenFile, ...context });
  return {
    ...READY,
    get token() {
      return file.token;
    },
    refresh: file.refresh,
    hasOther(refused) {
      file.refresh();
      return file.token !== refused;
    },
  };
}

/** What is given needs nothing to be done for it. */
const READY = Object.freeze({
  isReady: true,
  renewAt: Number.POSITIVE_INFINITY,
  refresh: () => undefined,
  enrol: async () => undefined,
  renew: async () => undefined,
});
