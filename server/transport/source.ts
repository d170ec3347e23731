import net from 'node:net';

/** Where a connection comes from, as far as those are told apart over which nobody was let in. */
export type Source = string;

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
/** Groups of an address of IPv6, and those of them that name a network: one machine has all addresses of its own. */
const GROUPS = 8;
const NETWORK_GROUPS = 4;

/** The source of an address: of IPv4 itself, of IPv6 its network of 64 bits. */
export function sourceOf(address: string): Source {
  const [, mapped] = MAPPED.exec(address) ?? [];
  if (mapped !== undefined || !net.isIPv6(address)) return mapped ?? address;
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const split = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [before, after] = [split(head), split(tail ?? '')];
  const zeros = new Array<string>(Math.max(0, GROUPS - before.length - after.length)).fill('0');
  return [...before, ...zeros, ...after].slice(0, NETWORK_GROUPS).join(':');
}
