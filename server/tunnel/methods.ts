/** Kinds of RPC, as descriptors name them. */
export type MethodKind = 'unary' | 'server_streaming' | 'client_streaming' | 'bidi_streaming';

/** Which methods there are, and who serves each. */
export interface MethodTable<S> {
  /** Undefined: nobody has announced the method, or it was forgotten. Empty: nobody serves it now. */
  servers(method: string): ReadonlySet<S> | undefined;
  /** The kind of RPC that those who serve the method now say it is; undefined: none has said. */
  kindOf(method: string): MethodKind | undefined;
  /** Who serves any method of the service, as `servers`. */
  serversOf(service: string): Iterable<S> | undefined;
  /** Makes a method known that was served once, and that nobody serves now. */
  remember(method: string): void;
  add(method: string, server: S, kind: MethodKind | undefined): void;
  remove(method: string, server: S): void;
}

interface Entry<S> {
  readonly servers: Set<S>;
  /** The first that is said; it stays until nobody serves the method any more. */
  kind: MethodKind | undefined;
}

interface Service<S> {
  methodCount: number;
  /** Who serves any of its methods, and how many of them. */
  readonly countByServer: Map<S, number>;
}

export const serviceOf = (method: string): string => method.slice(0, method.indexOf('/'));

/** @param maxRemembered methods that stay known while nobody serves them; of more the oldest are forgotten */
export function createMethodTable<S>(maxRemembered: number): MethodTable<S> {
  // Both bounded by what may be announced and by `maxRemembered`.
  const entries = new Map<string, Entry<S>>();
  const services = new Map<string, Service<S>>();
  let emptyCount = 0;

  function forgetOldest(): void {
    for (const [method, { servers }] of entries) {
      if (servers.size > 0) continue;
      entries.delete(method);
      emptyCount -= 1;
      const name = serviceOf(method);
      const service = services.get(name)!;
      service.methodCount -= 1;
      if (service.methodCount === 0) services.delete(name);
      return;
    }
  }

  function create(method: string): Entry<S> {
    const entry: Entry<S> = { servers: new Set(), kind: undefined };
    entries.set(method, entry);
    const name = serviceOf(method);
    const service = services.get(name) ?? { methodCount: 0, countByServer: new Map() };
    service.methodCount += 1;
    services.set(name, service);
    emptyCount += 1;
    return entry;
  }

  function count(method: string, server: S, by: 1 | -1): void {
    const { countByServer } = services.get(serviceOf(method))!;
    const now = (countByServer.get(server) ?? 0) + by;
    if (now > 0) countByServer.set(server, now);
    else countByServer.delete(server);
  }

  return {
    servers: (method) => entries.get(method)?.servers,
    kindOf: (method) => entries.get(method)?.kind,
    serversOf: (service) => services.get(service)?.countByServer.keys(),
    remember(method) {
      if (entries.has(method)) return;
      create(method);
      if (emptyCount > maxRemembered) forgetOldest();
    },
    add(method, server, kind) {
      const entry = entries.get(method) ?? create(method);
      if (entry.servers.size === 0) emptyCount -= 1;
      if (!entry.servers.has(server)) count(method, server, 1);
      entry.servers.add(server);
      entry.kind ??= kind;
    },
    remove(method, server) {
      const entry = entries.get(method);
      if (!entry?.servers.delete(server)) return;
      count(method, server, -1);
      if (entry.servers.size > 0) return;
      entry.kind = undefined;
      // At the end of the map: it is the newest of those that nobody serves.
      entries.delete(method);
      entries.set(method, entry);
      emptyCount += 1;
      if (emptyCount > maxRemembered) forgetOldest();
    },
  };
}
