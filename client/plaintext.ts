import { isLocal, readAddress } from '../shared/address.ts';
import { invalid } from '../shared/errors.ts';
import type { TlsOptions } from './tls.ts';

export interface Way {
  /** HOST:PORT or unix:PATH. */
  readonly server: string;
  readonly tls?: TlsOptions | undefined;
  readonly insecure?: boolean | undefined;
}

/**
 * Whoever can read a line without TLS has the token that is sent over it. INVALID_ARGUMENT naming `field`: the server is on
 * another machine, perhaps, and there is no TLS.
 */
export function assertTokenMayTravel({ server, tls, insecure }: Way, field = 'token'): void {
  if (tls !== undefined || insecure === true) return;
  const address = readAddress(server);
  if (address && isLocal(address)) return;
  const advice = 'give `tls`, or say that whoever can read the line may have it: `insecure: true`';
  throw invalid(field, `would be sent to ${server} where others can read it: ${advice}`);
}
