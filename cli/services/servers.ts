import type { Admin } from '../../client/admin.ts';

/** A client that serves a service, and how many live calls of it run there. */
export interface Server {
  readonly id: string;
  readonly calls: number;
  /** It takes no new calls. */
  readonly draining: boolean;
}

/** Who serves each service that connected clients serve. */
export async function findServers(admin: Pick<Admin, 'listAllClients'>): Promise<Map<string, Server[]>> {
  const found = new Map<string, Server[]>();
  for await (const { id, services, callsByService, draining } of admin.listAllClients({ connectedOnly: true })) {
    const calls = new Map(Object.entries(callsByService));
    for (const service of services) {
      const servers = found.get(service) ?? [];
      servers.push({ id, calls: calls.get(service) ?? 0, draining });
      found.set(service, servers);
    }
  }
  return found;
}
