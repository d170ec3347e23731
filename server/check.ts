import net from 'node:net';
import type { Address } from '../shared/address.ts';
import { systemClock } from '../shared/clock.ts';
import { ContactError } from '../shared/errors.ts';
import { silentLogger } from '../shared/logger.ts';
import { readPlainFile } from '../shared/plainfile.ts';
import { examineKeys } from './access/jwks.ts';
import type { AnyRow } from './config/row.ts';
import { SERVER_ROWS, type ServerOptions } from './config/table.ts';
import { checkTls, isEncrypted, operatorSocketOf } from './encryption.ts';
import { findExposed, resolveAuth } from './exposure.ts';
import { isShut, openForeignTokens, SHUT } from './identity.ts';
import { readListen, readMetrics, resolveOptions } from './options.ts';
import { probeStore, storeFileOf } from './store/open.ts';
import { checkAuthority } from './tls/authority.ts';
import { checkSocketFile } from './transport/socket_file.ts';

/** Something about the options of a server that cannot be as it is. */
export interface Finding {
  /** The option that it is about; undefined: it is about several. */
  readonly option: keyof ServerOptions | undefined;
  readonly problem: string;
  /** A server would start nonetheless. */
  readonly isWarning?: true;
}

const DAY_MS = 86_400_000;
/** A certificate with less left is told of, as by a server that runs. */
const SOON_MS = 14 * DAY_MS;

/**
 * What would keep a server from starting with these options, without starting one: values, files that are to be read,
 * the store and the addresses. Nothing is changed, and a server may run meanwhile: what it has in use is no fault.
 */
export async function checkOptions(given: Partial<ServerOptions>): Promise<readonly Finding[]> {
  let options: ServerOptions;
  let addresses: readonly Address[];
  try {
    options = resolveOptions(given);
    addresses = readListen(options.listen);
  } catch (error) {
    return [findingOf(error)];
  }
  const findings: Finding[] = [
    ...findFaults(() => void checkTls(options, addresses)),
    ...findFaults(() => void readMetrics(options)),
    ...findFaults(() => void openForeignTokens(options, systemClock, silentLogger)),
    ...findFaults(() => checkMade(options)),
    ...findWarnings(options, addresses),
  ];
  for (const [name, row] of Object.entries<AnyRow>(SERVER_ROWS)) {
    const option = name as keyof ServerOptions;
    for (const path of row.kind.isFile ? row.kind.write(options[option]) : []) {
      const problem = findFault(() => void readPlainFile(path));
      if (problem !== undefined) findings.push({ option, problem: `${path} cannot be read: ${problem}` });
    }
  }
  const problem = findFault(() => probeStore(options.store));
  if (problem !== undefined) findings.push({ option: 'store', problem: problem.replace(/^store: /, '') });
  return [...findings, ...(await checkPlaces(options, addresses))];
}

/** Where it would listen: each address is held until all were tried, as by a server, so that one that is there twice shows. */
async function checkPlaces(options: ServerOptions, addresses: readonly Address[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  const held: net.Server[] = [];
  const check = async (option: keyof ServerOptions, find: () => Address | undefined): Promise<void> => {
    try {
      const address = find();
      if (address?.kind === 'file') checkSocketFile(address.path);
      else if (address) await tryToBind(address, held);
    } catch (error) {
      findings.push({ option, problem: error instanceof ContactError ? error.problem : (error as Error).message });
    }
  };
  for (const address of addresses) await check('listen', () => address);
  await check('operatorSocket', () => operatorAddressOf(options, addresses));
  await check('metrics', () => findQuietly(() => readMetrics(options)));
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return findings;
}

function operatorAddressOf(options: ServerOptions, addresses: readonly Address[]): Address | undefined {
  const auth = findQuietly(() => resolveAuth({ ...options, isEncrypted: isEncrypted(options) }, addresses));
  return operatorSocketOf(options, auth ?? 'off', silentLogger);
}

/** Undefined: there is none, or its option is wrong, which is told by itself. */
function findQuietly<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}

/** What a server would do, and its user can hardly mean. */
function findWarnings(options: ServerOptions, addresses: readonly Address[]): Finding[] {
  const warnings: Finding[] = [];
  const warn = (option: keyof ServerOptions, problem: string): void =>
    void warnings.push({ option, problem, isWarning: true });
  try {
    const auth = resolveAuth({ ...options, isEncrypted: isEncrypted(options) }, addresses);
    const exposed = findExposed({ auth, isEncrypted: isEncrypted(options) }, addresses);
    for (const problem of exposed) warn('listen', problem);
    const hasOperatorSocket = operatorSocketOf(options, auth, silentLogger) !== undefined;
    // Beside the file of a store the token of an operator is kept.
    const keepsToken = storeFileOf(options.store) !== undefined;
    if (auth === 'on' && !keepsToken && isShut({ ...options, hasOperatorSocket })) warn('auth', SHUT);
    if (options.jwks !== undefined && auth === 'off') warn('jwks', 'no JWT is asked for, as auth is off');
    for (const { what, advice } of options.jwks === undefined ? [] : examineKeys(options.jwks))
      warn('jwks', `${what}; ${advice}`);
    if (options.certificateGrants.length > 0 && options.tlsClientCa === undefined)
      warn('certificateGrants', 'no certificate is asked for: tlsClientCa (--tls-client-ca) names whose count');
    const { expiresAt = Number.POSITIVE_INFINITY, missing, examine } = checkTls(options, addresses) ?? {};
    if (expiresAt - Date.now() < SOON_MS)
      warn('tlsCert', `the certificate ends on ${new Date(expiresAt).toISOString()}`);
    if (missing !== undefined) {
      const advice = `put that of ${missing} behind it (fullchain.pem of certbot): else only who trusts that one itself can connect`;
      warn('tlsCert', `${options.tlsCert} lacks the certificate of who has signed the last one in it; ${advice}`);
    }
    for (const { option, what, advice } of examine?.(Date.now()) ?? []) {
      if (Object.hasOwn(SERVER_ROWS, option)) warn(option as keyof ServerOptions, `${what}; ${advice}`);
    }
  } catch {
    // Whatever cannot be told is a fault already, or is told as one of the store.
  }
  return warnings;
}

/** What a server has made for TLS beside its store is as it left it. */
function checkMade({ tls, store }: ServerOptions): void {
  const file = tls === 'auto' ? storeFileOf(store) : undefined;
  if (file !== undefined) checkAuthority(file);
}

function findFaults(look: () => void): Finding[] {
  try {
    look();
    return [];
  } catch (error) {
    return [findingOf(error)];
  }
}

function findingOf(error: unknown): Finding {
  if (!(error instanceof ContactError)) return { option: undefined, problem: messageOf(error) };
  const named = error.field ?? '';
  const isOption = Object.hasOwn(SERVER_ROWS, named);
  return {
    option: isOption ? (named as keyof ServerOptions) : undefined,
    problem: isOption ? error.problem : error.message,
  };
}

function findFault(look: () => void): string | undefined {
  const [finding] = findFaults(look);
  return finding?.problem;
}

function messageOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

/** Binds the address. One in use is that of the server that runs, as a rule, unless it is one of those that are held here. */
function tryToBind({ host, port }: Address & { readonly kind: 'port' }, held: net.Server[]): Promise<void> {
  const server = net.createServer();
  const isHeld = (): boolean => held.some((one) => (one.address() as net.AddressInfo | null)?.port === port);
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') reject(error);
      else if (isHeld()) reject(new Error(`${host}:${port} is listened on twice`));
      else resolve();
    });
    server.listen({ host, port, exclusive: true }, () => {
      held.push(server);
      resolve();
    });
  });
}
