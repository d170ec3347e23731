import { dirname, resolve } from 'node:path';
import { type Address, MAX_SOCKET_PATH_BYTES, writeAddress } from '../shared/address.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { ContactError } from '../shared/errors.ts';
import { MAX_JOIN_ADDRESSES } from '../shared/jointext.ts';
import type { Logger } from '../shared/logger.ts';
import { besideStore } from '../shared/storefiles.ts';
import { resolveAuth } from './exposure.ts';
import type { ServerOptions } from './options.ts';
import { storeFileOf } from './store/open.ts';
import type { TlsIdentity } from './tls/identity.ts';
import { hostsOf, namesOf } from './tls/names.ts';
import { createLoader, openTlsSource, type TlsSource } from './tls/source.ts';

/** A socket is born in a folder beside its place, whose name and its own there are this long. */
const MAX_FOLDER_BYTES = MAX_SOCKET_PATH_BYTES - '/.12345678/s'.length;

export type TlsOptions = Pick<ServerOptions, 'tls' | 'tlsName' | 'tlsCert' | 'tlsKey' | 'tlsClientCa' | 'store'>;

/** Whether ports speak TLS. INVALID_ARGUMENT: options that do not go together. */
export function isEncrypted({ tls, tlsName, tlsCert, tlsKey, tlsClientCa }: TlsOptions): boolean {
  const check = (field: string, isWrong: boolean, problem: string): void => {
    if (isWrong) throw new ContactError('INVALID_ARGUMENT', problem, { field });
  };
  check('tlsKey', (tlsCert === undefined) !== (tlsKey === undefined), 'a certificate and its key go together');
  check('tls', tls === 'auto' && tlsCert !== undefined, 'a certificate is either made (auto) or given, not both');
  const isOn = tls === 'auto' || tlsCert !== undefined;
  check(
    'tlsName',
    tlsName.length > 0 && tls !== 'auto',
    'a certificate that is given has its names; they are for auto',
  );
  check('tlsClientCa', tlsClientCa !== undefined && !isOn, 'certificates of clients need TLS: auto, or a certificate');
  return isOn;
}

/**
 * Refuses what a server would be refused with that starts with these options: nothing is made. Answers what was given, of which
 * there is a certificate only where it is not to be made.
 */
export function checkTls(
  options: TlsOptions & Pick<ServerOptions, 'auth' | 'insecure'>,
  addresses: readonly Address[],
): (Pick<TlsIdentity, 'examine'> & Partial<TlsIdentity>) | undefined {
  resolveAuth({ ...options, isEncrypted: isEncrypted(options) }, addresses);
  const { tlsCert: cert, tlsKey: key, tlsClientCa: clientCa } = options;
  if (cert === undefined || key === undefined) {
    // One that is made for nothing: what is looked at is the file of authorities.
    if (clientCa === undefined) return undefined;
    const { examine } = createLoader(
      { kind: 'auto', storeFile: undefined, names: () => ['localhost'] },
      clientCa,
      systemClock,
    )();
    return { examine };
  }
  return createLoader({ kind: 'files', cert, key }, clientCa, systemClock)();
}

/** What the server proves itself with; undefined: its ports are plain. FAILED_PRECONDITION: a file is not as it must be. */
export function openTls(
  options: TlsOptions,
  addresses: readonly Address[],
  parts: { readonly clock: Clock; readonly logger: Logger },
): TlsSource | undefined {
  if (!isEncrypted(options)) return undefined;
  const { tlsName, tlsCert: cert, tlsKey: key, tlsClientCa: clientCa } = options;
  if (cert !== undefined && key !== undefined)
    return openTlsSource({ setting: { kind: 'files', cert, key }, clientCa, ...parts });
  const storeFile = storeFileOf(options.store);
  const setting = {
    kind: 'auto',
    storeFile: storeFile && resolve(storeFile),
    names: () => namesOf(tlsName, addresses),
  } as const;
  return openTlsSource({ setting, clientCa, ...parts });
}

/** The socket file of the operators; undefined: there is none. */
export function operatorSocketOf(
  { operatorSocket, store }: Pick<ServerOptions, 'operatorSocket' | 'store'>,
  auth: 'on' | 'off',
  logger: Logger,
): Address | undefined {
  if (operatorSocket === 'none' || auth === 'off') return undefined;
  const file = storeFileOf(store);
  const path = operatorSocket ?? (file && besideStore(resolve(file), 'operatorSocket'));
  if (path === undefined) return undefined;
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES || Buffer.byteLength(dirname(path)) > MAX_FOLDER_BYTES) {
    if (operatorSocket !== undefined)
      throw new ContactError('INVALID_ARGUMENT', 'the path is too long for a socket', { field: 'operatorSocket' });
    logger.warn({ path }, 'no socket file for operators: its path is too long for one; `operatorSocket` names another');
    return undefined;
  }
  return { kind: 'file', path };
}

/**
 * By which addresses clients reach the server, most likely first, as it looks from here: the names that its certificate was
 * given, else what it listens on; for all addresses of the machine, those that others see. Where nobody else reaches it,
 * loopback.
 */
export function findReachable(bound: readonly Address[], names: readonly string[]): readonly string[] {
  const ports = bound.filter((address) => address.kind === 'port');
  const given = ports.flatMap(({ port }) =>
    names.filter((name) => !name.startsWith('*')).map((host) => ({ host, port })),
  );
  const own = ports.flatMap(({ host, port }) => hostsOf(host, true).map((one) => ({ host: one, port })));
  const all = [...given, ...own].map(({ host, port }) => writeAddress({ kind: 'port', host, port }));
  return [...new Set(all)].slice(0, MAX_JOIN_ADDRESSES);
}
