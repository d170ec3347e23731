import net from 'node:net';
import { ContactError, invalid } from '../../shared/errors.ts';

/** What a browser is told a page of one site may ask of another: nothing, unless that is named. */
export interface Neighbours {
  /** Names by which requests may come, beside addresses and localhost. */
  readonly hosts: readonly string[];
  /** Pages of these origins may read what is answered; `*`: of all. */
  readonly origins: readonly string[];
}

const PORT = /:\d{1,5}$/;
const LOCAL = /^(?:localhost|[\w-]+\.localhost)$/;
/** Given twice, one proxy would go by the first of them and the next by the last. */
const SINGLE: ReadonlySet<string> = new Set(['host', 'authorization', 'content-length', 'content-type', 'origin']);

/** The name of a host without its port; undefined: it is none. */
function nameOf(host: string): string | undefined {
  const name = host.toLowerCase().replace(PORT, '').replace(/\.$/, '');
  return name === '' ? undefined : name;
}

function isAddress(name: string): boolean {
  return net.isIP(name) !== 0 || (name.startsWith('[') && name.endsWith(']') && net.isIPv6(name.slice(1, -1)));
}

/**
 * Refuses a request that came by a name which is not the server's: a page anywhere can have its own name lead here, and
 * its browser takes that for one site. PERMISSION_DENIED naming `host`.
 */
export function checkHost(host: string | undefined, { hosts }: Neighbours): void {
  const name = nameOf(host ?? '');
  if (name === undefined) throw invalid('host', 'expected the name or the address of the server');
  if (isAddress(name) || LOCAL.test(name) || hosts.includes('*') || hosts.includes(name)) return;
  const problem = `\`${name.slice(0, 128)}\` is no name of this server: those that are, beside addresses and localhost, are said by httpHosts`;
  throw new ContactError('PERMISSION_DENIED', problem, { field: 'host' });
}

/**
 * The origin that may read the answer; undefined: the request comes of no page, or of one that the server has served itself.
 * PERMISSION_DENIED naming `origin`: of a page of somebody else.
 */
export function readOrigin(
  origin: string | undefined,
  host: string | undefined,
  { origins }: Neighbours,
): string | undefined {
  if (origin === undefined || origin.replace(/^https?:\/\//, '') === host) return undefined;
  if (origins.includes('*') || origins.includes(origin)) return origin;
  const problem = `pages of \`${origin.slice(0, 128)}\` may not ask this server: those that may are said by httpOrigins`;
  throw new ContactError('PERMISSION_DENIED', problem, { field: 'origin' });
}

/** Refuses headers that may be there once and are there twice. INVALID_ARGUMENT naming the header. */
export function checkSingle(rawHeaders: readonly string[]): void {
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (!SINGLE.has(name)) continue;
    if (seen.has(name)) throw invalid(name, 'is there twice');
    seen.add(name);
  }
}
