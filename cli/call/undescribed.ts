import type { Admin } from '../../client/admin.ts';
import type { Reflection } from '../../client/reflection.ts';
import { ContactError } from '../../shared/errors.ts';
import { findNear, suggest } from '../../shared/near.ts';
import { CommandFailure, usageError } from '../exit.ts';
import { findServers } from '../services/servers.ts';

const HINT =
  'only connected clients describe what they serve; --descriptors FILE, of buf build -o or protoc --include_imports -o, does without them';

/** Why nobody describes what is asked for: a service, or something of one. */
export async function explainUndescribed(
  symbol: string,
  asking: Pick<Reflection, 'listServices'>,
  admin: Pick<Admin, 'listAllClients' | 'describeClient'>,
  clientId?: string,
): Promise<CommandFailure> {
  const servers = await findServers(admin).catch(passOver);
  const serving = [...(servers ?? [])].filter(([name]) => symbol === name || symbol.startsWith(`${name}.`));
  for (const [service, clients] of serving) {
    const ids = clients.map(({ id }) => id);
    return usageError(`${service} is served by ${ids.join(', ')}, and described by nobody: ${HINT}`);
  }
  if (clientId !== undefined && (await isAway(admin, clientId))) {
    // No mistake of who types: the same may well be right in a minute.
    return new CommandFailure(`${clientId} is away, and nobody else describes ${symbol}: ${HINT}`);
  }
  const names = [...new Set([...(await asking.listServices()), ...(servers?.keys() ?? [])])];
  return usageError(`nobody describes ${symbol}${suggest(findNear(symbol, names), names)} (${HINT})`);
}

/** The server knows this client, which is not connected. */
async function isAway(admin: Pick<Admin, 'describeClient'>, clientId: string): Promise<boolean> {
  const known = await admin.describeClient(clientId).catch(passOver);
  return known?.client?.connected === false;
}

/** A server that is no contact, or does not tell this caller, tells less; what is wrong with the call is to be said all the same. */
function passOver(error: unknown): undefined {
  if (error instanceof ContactError) return undefined;
  throw error;
}
