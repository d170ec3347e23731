import type { Rights } from '../../model/access.ts';
import type { StoredCredential } from '../credentials.ts';

/** A row of the table `credential`. */
export interface CredentialRow {
  readonly id: string;
  readonly hash: string;
  readonly kind: string;
  readonly principal: string;
  readonly name: string;
  readonly rights: string;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly uses_left: number | null;
  readonly lifetime_ms: number | null;
  readonly parent_id: string | null;
  readonly client_id: string | null;
  readonly revoked_at: number | null;
  readonly last_used_at: number | null;
  readonly created_by: string;
  readonly ends_by: number | null;
  readonly made_with: string | null;
  readonly counted_for: string;
}

export function readCredential(row: CredentialRow): StoredCredential {
  return {
    id: row.id,
    hash: row.hash,
    kind: row.kind as StoredCredential['kind'],
    principal: row.principal,
    name: row.name,
    rights: JSON.parse(row.rights) as Rights,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    usesLeft: row.uses_left,
    lifetimeMs: row.lifetime_ms,
    parentId: row.parent_id,
    clientId: row.client_id,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
    createdBy: row.created_by,
    endsBy: row.ends_by,
    madeWith: row.made_with,
    countedFor: row.counted_for,
  };
}
