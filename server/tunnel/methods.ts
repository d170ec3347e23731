/** Kinds of RPC, as descriptors name them. */
export type MethodKind = 'unary' | 'server_streaming' | 'client_streaming' | 'bidi_streaming';

/** Which methods there are, and who serves each. */
export interface MethodTable<S> {
  /** Undefined: nobody has announced the method since this server started, or it was forgotten. Empty: nobody serves it now. */
  servers(method: string): ReadonlySet<S> | undefined;
  /** Of who serves it now; undefined: nobody has said. */
  kindOf(method: string): MethodKind | undefined;
  add(method: string, server: S, kind: MethodKind | undefined): void;
  remove(method: string, server: S): void;
}

interface Entry<S> {
  readonly servers: Set<S>;
  /** The first that is said; it stays until nobody serves the method any more. */
  kind: MethodKind | undefined;
}

/** @param maxRemembered methods that stay known while nobody serves them; of more the oldest are forgotten */
export function createMethodTable<S>(maxRemembered: number): MethodTable<S> {
  // Bounded by what may be announced and by `maxRemembered`.
  const entries = new Map<string, Entry<S>>();
  let emptyCount = 0;

  function forgetOldest(): void {
    for (const [method, { servers }] of entries) {
      if (servers.size > 0) continue;
      entries.delete(method);
      emptyCount -= 1;
      return;
    }
  }

  return {
    servers: (method) => entries.get(method)?.servers,
    kindOf: (method) => entries.get(method)?.kind,
    add(method, server, kind) {
      const entry = entries.get(method) ?? { servers: new Set(), kind: undefined };
      if (entry.servers.size === 0 && entries.has(method)) emptyCount -= 1;
      entry.servers.add(server);
      entry.kind ??= kind;
      entries.set(method, entry);
    },
    remove(method, server) {
      const entry = entries.get(method);
      if (!entry?.servers.delete(server) || entry.servers.size > 0) return;
      entry.kind = undefined;
      // At the end of the map: it is the newest of those that nobody serves.
      entries.delete(method);
      entries.set(method, entry);
      emptyCount += 1;
      if (emptyCount > maxRemembered) forgetOldest();
    },
  };
}
