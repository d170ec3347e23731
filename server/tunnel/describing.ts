import type { Announcement } from './callee.ts';
import type { DescriptorSet } from './descriptors.ts';

/** A client that describes what it serves. */
interface Describing {
  readonly announced: Pick<Announcement, 'methods'>;
  readonly descriptors: DescriptorSet | undefined;
  /** Services that it serves and describes. */
  readonly described: ReadonlySet<string>;
}

/**
 * What may be looked into for a symbol, each set once, in the order of the clients. A service that anybody has announced,
 * and its methods, are described by those who serve it and by nobody else, so that calls of it are written as it reads
 * them. Who serves nothing describes nothing.
 */
export function findSets<S extends Describing>(
  symbol: string,
  serversOf: (service: string) => Iterable<S> | undefined,
  all: Iterable<S>,
): Set<DescriptorSet> {
  const names = [symbol, symbol.slice(0, symbol.lastIndexOf('.'))];
  const service = names.find((name) => serversOf(name) !== undefined);
  const found = new Set<DescriptorSet>();
  for (const { announced, descriptors, described } of service === undefined ? all : serversOf(service)!) {
    const mayDescribe = service === undefined ? announced.methods.length > 0 : described.has(service);
    if (descriptors && mayDescribe) found.add(descriptors);
  }
  return found;
}
