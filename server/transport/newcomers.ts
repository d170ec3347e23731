import net from 'node:net';
import { ChurnMap, ChurnSet } from '../../shared/churn.ts';

/** Where a connection comes from, as far as newcomers are told apart by it. */
export type Source = string;

/**
 * Connections on which nobody is let in. Their places are for whoever comes next: when there is none left, the one that gives
 * way is the oldest of the source that has most of them, so that whoever opens many gives way to itself first.
 */
export interface Newcomers<T> {
  add(one: T, source: Source): void;
  delete(one: T, source: Source): void;
  /**
   * Which one gives way.
   * @param spared a source whose connections stay
   */
  find(spared?: Source): T | undefined;
}

export function createNewcomers<T>(): Newcomers<T> {
  // Both are bounded by the connections that the server takes: a source without any has no entry.
  const bySource = new ChurnMap<Source, ChurnSet<T>>();

  return {
    add(one, source) {
      const others = bySource.get(source);
      if (others) {
        others.add(one);
        return;
      }
      const first = new ChurnSet<T>();
      first.add(one);
      bySource.set(source, first);
    },
    delete(one, source) {
      const all = bySource.get(source);
      if (all?.delete(one) && all.size === 0) bySource.delete(source);
    },
    find(spared) {
      let most: ChurnSet<T> | undefined;
      for (const [source, all] of bySource) if (source !== spared && all.size > (most?.size ?? 0)) most = all;
      const [oldest] = most ?? [];
      return oldest;
    },
  };
}

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
