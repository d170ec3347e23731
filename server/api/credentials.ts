import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { RightsSchema } from '../../gen/index.ts';
import {
  CredentialKind,
  type CredentialSchema,
  type Rights as RightsMessage,
  Role as RoleNumber,
} from '../../gen/index.ts';
import { invalid } from '../../shared/errors.ts';
import { checkRights, type Rights, type Role } from '../model/access.ts';
import type { Caller } from '../model/caller.ts';
import type { StoredCredential } from '../store/credentials.ts';

const ID = /^[a-z0-9]{16}$/;
const HASH_BYTES = 32;
/** 100 years of 365 days. */
const MAX_SECONDS = 36_500n * 86_400n;

const ROLE_BY_NUMBER: ReadonlyMap<number, Role> = new Map([
  [RoleNumber.WORKER, 'worker'],
  [RoleNumber.PRODUCER, 'producer'],
  [RoleNumber.OBSERVER, 'observer'],
  [RoleNumber.OPERATOR, 'operator'],
]);
const NUMBER_BY_ROLE: ReadonlyMap<Role, RoleNumber> = new Map(
  [...ROLE_BY_NUMBER].map(([number, role]) => [role, number as RoleNumber]),
);
const KINDS = { token: CredentialKind.TOKEN, join: CredentialKind.JOIN, client: CredentialKind.CLIENT } as const;

export function readId(id: string, field: string): string {
  if (!ID.test(id)) throw invalid(field, 'expected 16 of [a-z0-9]');
  return id;
}

/** The hash of a secret, as the store has it. */
export function readHash(hash: Uint8Array): string {
  if (hash.byteLength !== HASH_BYTES)
    throw invalid('secret_hash', `expected ${HASH_BYTES} bytes, got ${hash.byteLength}`);
  return Buffer.from(hash).toString('hex');
}

/** Milliseconds; null: without end. */
export function readLifetime(seconds: bigint, field: string): number | null {
  if (seconds > MAX_SECONDS) throw invalid(field, `at most ${MAX_SECONDS}, 100 years`);
  return seconds === 0n ? null : 1_000 * Number(seconds);
}

/** INVALID_ARGUMENT names the place. */
export function readRights(given: RightsMessage | undefined): Rights {
  const { roles = [], queues = [], clients = [], calls = [], serves = [] } = given ?? {};
  const named = roles.map((number, index) => {
    const role = ROLE_BY_NUMBER.get(number);
    if (!role) throw invalid(`rights.roles[${index}]`, 'expected WORKER, PRODUCER, OBSERVER or OPERATOR');
    return role;
  });
  return checkRights({ roles: named, queues, clients, calls, serves });
}

function writeRoles(roles: Iterable<Role>): RoleNumber[] {
  return [...roles].map((role) => NUMBER_BY_ROLE.get(role)!);
}

function writeRights({ roles, queues, clients, calls, serves }: Rights): MessageInitShape<typeof RightsSchema> {
  return {
    roles: writeRoles(roles),
    queues: [...queues],
    clients: [...clients],
    calls: [...calls],
    serves: [...serves],
  };
}

/** What a caller may do, with `*` for all of a list. */
export function writeRightsOf(caller: Caller): MessageInitShape<typeof RightsSchema> {
  const list = (patterns: 'all' | readonly string[]): string[] => (patterns === 'all' ? ['*'] : [...patterns]);
  const { roles, scope, clients, calls, serves } = caller;
  return {
    roles: writeRoles(roles),
    queues: list(scope.queues),
    clients: list(clients.clients),
    calls: list(calls),
    serves: list(serves),
  };
}

export function writeCredential(credential: StoredCredential): MessageInitShape<typeof CredentialSchema> {
  const { id, kind, name, principal, rights, createdAt, expiresAt, revokedAt, lastUsedAt } = credential;
  const { usesLeft, parentId, clientId, createdBy, endsBy, madeWith } = credential;
  return {
    id,
    kind: KINDS[kind],
    name,
    principal,
    rights: writeRights(rights),
    createdAt: timestampFromMs(createdAt),
    ...(expiresAt === null ? {} : { expiresAt: timestampFromMs(expiresAt) }),
    ...(revokedAt === null ? {} : { revokedAt: timestampFromMs(revokedAt) }),
    ...(lastUsedAt === null ? {} : { lastUsedAt: timestampFromMs(lastUsedAt) }),
    ...(usesLeft === null ? {} : { usesLeft }),
    parentId: parentId ?? '',
    clientId: clientId ?? '',
    createdBy,
    ...(endsBy === null ? {} : { endsBy: timestampFromMs(endsBy) }),
    madeWith: madeWith ?? '',
  };
}
