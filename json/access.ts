import {
  type Credential,
  CredentialKindSchema,
  type DescribeCallerResponse,
  type Rights,
  RoleSchema,
} from '../gen/contact/v1/access_service_pb.ts';
import { instantOf, knownInstant } from './instant.ts';
import { type Json, someText } from './plain.ts';
import { wordOf } from './word.ts';

export function credentialToJson(credential: Credential): Json {
  return {
    id: credential.id,
    kind: wordOf(CredentialKindSchema, credential.kind),
    name: credential.name,
    principal: credential.principal,
    rights: rightsToJson(credential.rights),
    createdAt: knownInstant(credential.createdAt),
    expiresAt: instantOf(credential.expiresAt),
    revokedAt: instantOf(credential.revokedAt),
    lastUsedAt: instantOf(credential.lastUsedAt),
    usesLeft: credential.usesLeft,
    parent: someText(credential.parentId),
    client: someText(credential.clientId),
    createdBy: someText(credential.createdBy),
    madeWith: someText(credential.madeWith),
    endsAt: instantOf(credential.endsBy),
  };
}

export function callerToJson(caller: DescribeCallerResponse): Json {
  return {
    principal: someText(caller.principal),
    kind: caller.kind,
    rights: rightsToJson(caller.rights),
    expiresAt: instantOf(caller.expiresAt),
    client: someText(caller.clientId),
    credential: someText(caller.credentialId),
  };
}

function rightsToJson(rights: Rights | undefined): Json {
  const { roles = [], queues = [], clients = [], calls = [], serves = [] } = rights ?? {};
  return { roles: roles.map((role) => wordOf(RoleSchema, role)), queues, clients, calls, serves };
}
