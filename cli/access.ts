import { timestampDate } from '@bufbuild/protobuf/wkt';
import { type Access, createAccess, nameRole, type RightsOptions, type RoleName } from '../client/access.ts';
import type { Credential, Rights } from '../gen/contact/v1/access_service_pb.ts';
import { explainStranger } from './admin.ts';
import type { CommandContext } from './context.ts';
import { reachServer, readConnection } from './reach.ts';
import type { TargetOptions } from './target.ts';

/** What flags say of rights. */
export interface RightsFlags {
  readonly role?: readonly RoleName[];
  readonly queue?: readonly string[];
  readonly client?: readonly string[];
  readonly call?: readonly string[];
  readonly serve?: readonly string[];
}

export function readRights({
  queue = [],
  client = [],
  call = [],
  serve = [],
}: RightsFlags): Omit<RightsOptions, 'roles'> {
  return { queues: queue, clients: client, calls: call, serves: serve };
}

/** Runs `work` with who looks after the credentials of a server that answers. */
export async function withAccess(
  options: TargetOptions,
  context: CommandContext,
  work: (access: Access) => Promise<void>,
): Promise<void> {
  const connection = readConnection(options, context.say);
  await reachServer(connection, options.connectTimeout);
  const access = createAccess({ ...connection, patienceMs: options.connectTimeout || Number.MAX_SAFE_INTEGER });
  try {
    await work(access).catch((error) => explainStranger(error, connection.server ?? 'the server'));
  } finally {
    await access.close();
  }
}

/** Rights as pairs of a name and what it holds; what allows nothing is left out by the printer. */
export function describeRights(rights: Rights | undefined): (readonly [string, string])[] {
  const { roles = [], queues = [], clients = [], calls = [], serves = [] } = rights ?? {};
  return [
    ['roles', roles.map((role) => nameRole(role) ?? String(role)).join(', ')],
    ['queues', queues.join(', ')],
    ['clients', clients.join(', ')],
    ['calls', calls.join(', ')],
    ['serves', serves.join(', ')],
  ];
}

/** `revoked`, `expired`, `used up`, or until when it lives; empty: for ever. */
export function describeState({ revokedAt, expiresAt, usesLeft }: Credential, now: number): string {
  if (revokedAt) return 'revoked';
  if (expiresAt && timestampDate(expiresAt).getTime() <= now) return 'expired';
  if (usesLeft === 0) return 'used up';
  return expiresAt ? `until ${describeInstant(expiresAt)}` : '';
}

/** `2027-01-31 08:00Z` */
export function describeInstant(at: NonNullable<Credential['expiresAt']>): string {
  return `${timestampDate(at).toISOString().slice(0, 16).replace('T', ' ')}Z`;
}
