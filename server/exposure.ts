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

/** What somebody who starts a server should hear, though it may be meant: what others than this machine can do with it. */
export function findExposed(
  { auth, isEncrypted }: Pick<Exposure, 'auth' | 'isEncrypted'>,
  addresses: readonly Address[],
): readonly string[] {
  const beyond = addresses.find((address) => !isLocal(address));
  if (!beyond) return [];
  const where = writeAddress(beyond);
  return [
    ...(auth === 'off' ? [`anybody who reaches ${where} can do everything, as auth is off and insecure is said`] : []),
    ...(isEncrypted
      ? []
      : [`what goes by ${where} can be read on the way, credentials too: have TLS (--tls auto), or a proxy before it`]),
  ];
}
