import { isIP } from 'node:net';

/** Where a server listens: a port of a host, or a socket file. */
export type Address =
  | { readonly kind: 'port'; readonly host: string; readonly port: number }
  | { readonly kind: 'file'; readonly path: string };

/** How many bytes the kernel's `sun_path` holds beside the NUL at its end. */
export const MAX_SOCKET_PATH_BYTES = 107;

/** Whether a text names a socket file, rightly or not. */
export function isSocketAddress(text: string): boolean {
  return text.startsWith('unix:');
}

/** PATH of `unix:PATH` or `unix:///PATH`; undefined: it is not such an address. */
export function readSocketPath(text: string): string | undefined {
  const path = text.replace(/^unix:(\/\/(?=\/))?/, '');
  // gRPC reads what follows two slashes as a host.
  const isPath = isSocketAddress(text) && !path.startsWith('//') && /^[^\p{Cc}]+$/u.test(path);
  return isPath && Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES ? path : undefined;
}

/** HOST:PORT, [IPv6]:PORT, `unix:PATH` or `unix:///PATH`; undefined: it is none. */
export function readAddress(text: string): Address | undefined {
  const path = readSocketPath(text);
  if (path !== undefined) return { kind: 'file', path };
  const [, host, digits] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (host === undefined || port > 65_535 || isSocketAddress(text)) return undefined;
  return { kind: 'port', host: host.replace(/^\[|\]$/g, ''), port };
}

/** An address as clients take it. */
export function writeAddress(address: Address): string {
  if (address.kind === 'file') return `unix:${address.path}`;
  const { host, port } = address;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Whether a host is this machine and no other. A name that does not say so by itself may be anything. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    (isIP(name) === 4 && name.startsWith('127.'))
  );
}

/** Whether what is sent to an address, or comes to it, stays on this machine. */
export function isLocal(address: Address): boolean {
  return address.kind === 'file' || isLoopback(address.host);
}

const HOST_NAME =
  /^(?=.{1,253}$)(\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;

/** Whether a certificate may be for this: a name of DNS, `*.` before it or not, or an IP address. */
export function isCertificateName(name: string): boolean {
  return isIP(name) > 0 || HOST_NAME.test(name);
}
