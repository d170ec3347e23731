import { type Address, isLocal, writeAddress } from '../shared/address.ts';
import { ContactError } from '../shared/errors.ts';

/** What of a server's options says who is let in. */
export interface Exposure {
  /** Undefined: on with TLS, and where the server listens beyond loopback. */
  readonly auth: 'on' | 'off' | undefined;
  /** Whoever reaches the server may do everything, from anywhere. */
  readonly insecure: boolean;
  readonly isEncrypted: boolean;
}

/**
 * Whether callers have to say who they are. INVALID_ARGUMENT: nobody would have to, and others than this machine reach the
 * server.
 */
export function resolveAuth({ auth, insecure, isEncrypted }: Exposure, addresses: readonly Address[]): 'on' | 'off' {
  const beyond = addresses.find((address) => !isLocal(address));
  if (auth === 'off' && beyond && !insecure) {
    const problem =
      `anybody who reaches ${writeAddress(beyond)} could do everything, as auth is off: turn it on (--auth on, best with ` +
      '--tls auto), listen on loopback, or say that you want that (--insecure)';
    throw new ContactError('INVALID_ARGUMENT', problem, { field: 'listen' });
  }
  if (auth !== undefined) return auth;
  return (isEncrypted || beyond !== undefined) && !insecure ? 'on' : 'off';
}
