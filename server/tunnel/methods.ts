import { createFairSet } from '../../shared/fairset.ts';

/** Kinds of RPC, as descriptors name them. */
export type MethodKind = 'unary' | 'server_streaming' | 'client_streaming' | 'bidi_streaming';

/** Which methods there are, and who serves each. */
export interface MethodTable<S> {
  /** Undefined: nobody has announced the method, or it was forgotten. Empty: nobody serves it now. */
  servers(method: string): Iterable<S> | undefined;
  /** The kind of RPC that those who serve the method now say it is; undefined: none has said. */
  kindOf(method: string): MethodKind | undefined;
  /** The kind that was said last, be it by somebody who has gone; undefined: none was said. */
  lastKindOf(method: string): MethodKind | undefined;
  /** Who serves any method of the service, as `servers`. */
  serversOf(service: string): Iterable<S> | undefined;
  /** Makes a method known that somebody of this principal served once, and that nobody serves now. */
  remember(method: string, principal: string): void;
  add(method: string, server: S, kind: MethodKind | undefined): void;
  remove(method: string, server: S): void;
}

interface Entry<S> {
  /** With the kind that each has said. */
  readonly kindByServer: Map<S, MethodKind | undefined>;
  /** Somebody who serves the method now has said `lastKind`. */
  isSaid: boolean;
  /** The one that was said last: all who say one say the same. */
  lastKind: MethodKind | undefined;
  /** Whose it was that served it last, once nobody does. */
  leftBy: string;
}

interface Service<S> {
  methodCount: number;
  /** Who serves any of its methods, and how many of them. */
  readonly countByServer: Map<S, number>;
}

export const serviceOf = (method: string): string => method.slice(0, method.indexOf('/'));

function isSaid<S>({ kindByServer }: Entry<S>): boolean {
  for (const kind of kindByServer.values()) if (kind !== undefined) return true;
  return false;
}

/**
 * @param maxRemembered methods that stay known while nobody serves them; of more the oldest of the principal that has left most
 * are forgotten
 * @param principalOf whose somebody is
 */
export function createMethodTable<S>(maxRemembered: number, principalOf: (server: S) => string): MethodTable<S> {
  // Both bounded by what may be announced and by `maxRemembered`.
  const entries = new Map<string, Entry<S>>();
  const services = new Map<string, Service<S>>();
  const left = createFairSet<string>();

  /** Nobody serves the method, and this principal did last. */
  function leave(method: string, entry: Entry<S>, principal: string): void {
    entry.leftBy = principal;
    left.add(method, principal);
    if (left.size <= maxRemembered) return;
    const least = left.findLeast();
    if (least !== undefined) forget(least);
  }

  function forget(method: string): void {
    left.delete(method, entries.get(method)!.leftBy);
    entries.delete(method);
    const name = serviceOf(method);
    const service = services.get(name)!;
    service.methodCount -= 1;
    if (service.methodCount === 0) services.delete(name);
  }

  function create(method: string): Entry<S> {
    const entry: Entry<S> = { kindByServer: new Map(), isSaid: false, lastKind: undefined, leftBy: '' };
    entries.set(method, entry);
    const name = serviceOf(method);
    const service = services.get(name) ?? { methodCount: 0, countByServer: new Map() };
    service.methodCount += 1;
    services.set(name, service);
    return entry;
  }

  function count(method: string, server: S, by: 1 | -1): void {
    const { countByServer } = services.get(serviceOf(method))!;
    const now = (countByServer.get(server) ?? 0) + by;
    if (now > 0) countByServer.set(server, now);
    else countByServer.delete(server);
  }

  return {
    servers: (method) => entries.get(method)?.kindByServer.keys(),
    kindOf(method) {
      const entry = entries.get(method);
      return entry?.isSaid ? entry.lastKind : undefined;
    },
    lastKindOf: (method) => entries.get(method)?.lastKind,
    serversOf: (service) => services.get(service)?.countByServer.keys(),
    remember(method, principal) {
      if (!entries.has(method)) leave(method, create(method), principal);
    },
    add(method, server, kind) {
      const entry = entries.get(method) ?? create(method);
      if (entry.kindByServer.size === 0) left.delete(method, entry.leftBy);
      if (!entry.kindByServer.has(server)) count(method, server, 1);
      entry.kindByServer.set(server, kind);
      if (kind === undefined) return;
      entry.isSaid = true;
      entry.lastKind = kind;
    },
    remove(method, server) {
      const entry = entries.get(method);
      if (!entry?.kindByServer.delete(server)) return;
      count(method, server, -1);
      entry.isSaid &&= isSaid(entry);
      if (entry.kindByServer.size === 0) leave(method, entry, principalOf(server));
    },
  };
}
