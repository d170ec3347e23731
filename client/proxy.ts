import { BlockList, isIP } from 'node:net';

type Environment = Readonly<Record<string, string | undefined>>;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
for (const address of ['::1', '::']) LOOPBACK.addAddress(address, 'ipv6');
LOOPBACK.addAddress('0.0.0.0');

/**
 * HOST:PORT of the HTTP proxy that leads to `server`; null: none. grpc-js knows which one there is, from variables in
 * small letters; which servers are reached without it is decided here, since it does so for no loopback address, no
 * `NO_PROXY`, no port and no blank.
 */
export function proxyFor(server: string, env: Environment = process.env): string | null {
  const proxy = env.grpc_proxy || env.https_proxy || env.http_proxy;
  if (!proxy || server.startsWith('unix:') || !URL.canParse(proxy)) return null;
  const { protocol, hostname, port } = new URL(proxy);
  const place = /^(?:(?:dns|ipv4|ipv6):)?(?<host>.*):(?<port>\d+)$/.exec(server)?.groups;
  if (protocol !== 'http:' || !place) return null;
  const host = bare(place.host!);
  const exceptions = env.no_grpc_proxy || `${env.no_proxy ?? ''},${env.NO_PROXY ?? ''}`;
  const isDirect = isLoopback(host) || exceptions.split(/[\s,]+/).some((entry) => matches(entry, host, place.port!));
  return isDirect ? null : `${hostname}:${port || '80'}`;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || isListed(LOOPBACK, host);
}

/** An entry names a host and what is below it (`.` or `*.` before it changes nothing), a network or everything. */
function matches(entry: string, host: string, port: string): boolean {
  if (entry === '' || entry === '*') return entry === '*';
  const [, network, prefix] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (network !== undefined) return isInNetwork(bare(network), Number(prefix), host);
  const isWholeAddress = isIP(bare(entry)) > 0;
  const wantedPort = isWholeAddress ? undefined : /:(\d+)$/.exec(entry)?.[1];
  if (wantedPort !== undefined && wantedPort !== port) return false;
  const name = bare(wantedPort === undefined ? entry : entry.slice(0, -wantedPort.length - 1)).replace(/^\*?\./, '');
  return host === name || (isIP(host) === 0 && host.endsWith(`.${name}`));
}

function isInNetwork(network: string, prefix: number, host: string): boolean {
  const family = isIP(network);
  if (family === 0 || prefix > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, family === 4 ? 'ipv4' : 'ipv6');
  return isListed(list, host);
}

function isListed(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family > 0 && list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** Without the brackets of IPv6 and the dot of a root, in small letters. */
function bare(host: string): string {
  return host
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();
}
