import type { Rights } from '../model/access.ts';

export type CredentialKind = 'token' | 'join' | 'client';

/**
 * Credentials, which say who may call and what. The store knows hashes of secrets and no secret. The rules of store.ts hold.
 * At most 100,000 are stored, and 25,000 that count for one principal: beyond that what would store one more rejects with
 * RESOURCE_EXHAUSTED. A tenth of each is kept for what comes in the place of another one: renewals, rotations, and clients that
 * were let in before. Those that were revoked or have expired are forgotten after 30 days, a few with each that is stored, and what
 * a client has replaced an hour after it has expired; where there is no room they are forgotten at once, clients that may come
 * again last. A revoked client's stays for as long as there is a join that would let the client in again.
 *
 * Whoever repeats an operation that stores a credential, with the same id and hash, has the stored one as the answer:
 * an answer that was lost costs nothing. ALREADY_EXISTS, naming the field: another credential has this id or this hash.
 * UNAUTHENTICATED, REVOKED: the credential that it is made with was revoked, since its call was let in.
 */
export interface CredentialStore {
  /** Stores a token or a join. */
  createCredential(credential: NewCredential, now: number): Promise<StoredCredential>;

  /**
   * In one commit: looks at the join and at the client's past, stores the client's credential, counts the use. The same
   * join, client, id and hash again: the stored one, and no use is counted.
   */
  enrolClient(enrolment: Enrolment, now: number): Promise<StoredCredential | EnrolRefusal>;

  /**
   * Stores another credential in the place of a client's or a token's, with the same principal, rights and lifetime; the one
   * before expires when the overlap is over, or earlier if it would anyway. With it expires what had been stored in its
   * place before and was never used, as its answer was lost. A join is `unknown`. RESOURCE_EXHAUSTED: the client has eight that
   * live, and may come again when one of them has expired.
   * @param by whose act it is, told of by `listActs`; default: nobody's, as when a client renews its own
   */
  renewCredential(renewal: Renewal, now: number, by?: string): Promise<StoredCredential | RenewRefusal>;

  /**
   * In one commit: revokes it and those that it has replaced; of a client all that it has. With `withMade` also whatever was
   * made with one of these, created, let in or rotated, and what was made with that in turn or has replaced it; what another
   * credential has put in the place of one of these stays. Null: there is none of this id.
   */
  revokeCredential(id: string, now: number, options?: RevokeOptions): Promise<Revocation | null>;

  /** By id, those after `after` ('': from the first); at most 500. */
  listCredentials(after: string, limit: number): Promise<readonly StoredCredential[]>;

  /** One of them; null: there is none. */
  findCredential(id: string): Promise<StoredCredential | null>;

  /** They were used now. Of each it is stored once a minute at most; ids that there are not are passed over. */
  touchCredentials(ids: readonly string[], now: number): Promise<void>;
}

export interface StoredCredential {
  /** 16 of [a-z0-9] */
  readonly id: string;
  /** SHA-256 of the secret, as 64 hex digits; no other credential has it. */
  readonly hash: string;
  readonly kind: CredentialKind;
  /** `token:NAME`, `join:NAME`, `client:ID` */
  readonly principal: string;
  readonly name: string;
  /** Of a join: those of the clients that come by it. */
  readonly rights: Rights;
  readonly createdAt: number;
  /** Null: never. */
  readonly expiresAt: number | null;
  /** Of a join; null: no limit. */
  readonly usesLeft: number | null;
  /** How long it lives, and what replaces it will; of a join: the credentials that it gives. Null: without end. */
  readonly lifetimeMs: number | null;
  /** The join that a client came by, or the credential that this one replaces. */
  readonly parentId: string | null;
  /** Of a client: its id, the only one that it may have. */
  readonly clientId: string | null;
  readonly revokedAt: number | null;
  /** To the minute. */
  readonly lastUsedAt: number | null;
  /** A principal. */
  readonly createdBy: string;
  /**
   * When its maker ends: neither it, nor what comes by it or replaces it, lives longer. Null: its maker does not end.
   */
  readonly endsBy: number | null;
  /**
   * The credential that it was made with: that of whoever asked for it, or the join that a client came by. When that one is
   * forgotten, the one that that was made with. Null: none that is stored.
   */
  readonly madeWith: string | null;
  /**
   * The principal whose share of all that are stored it takes, with those that come by it or replace it. What was made with a
   * credential counts as that one does, if that counts for somebody. Empty: nobody's, as its maker may do everything.
   */
  readonly countedFor: string;
}

export interface RevokeOptions {
  /** As of `renewCredential`. */
  readonly by?: string;
  readonly withMade?: boolean;
}

export interface Revocation {
  /** Credentials that were revoked now: 0 if all were before. */
  readonly revokedCount: number;
  /** Of those that were made with it: how many live on, as far as a look at a thousand of them tells. */
  readonly livingCount: number;
}

/** A token or a join. */
export interface NewCredential
  extends Pick<
    StoredCredential,
    'id' | 'hash' | 'principal' | 'name' | 'rights' | 'expiresAt' | 'createdBy' | 'endsBy' | 'madeWith' | 'countedFor'
  > {
  readonly kind: 'token' | 'join';
  /** Of a join; null: no limit. */
  readonly usesLeft: number | null;
  /** Of the credentials that a join gives; of a token it is what is left until `expiresAt`, whatever stands here. */
  readonly lifetimeMs: number | null;
}

export interface Enrolment {
  readonly joinId: string;
  readonly clientId: string;
  /** Of the client's credential, as the client has drawn it. */
  readonly id: string;
  readonly hash: string;
  /**
   * The principal that serves as this client without that the store knows of it, as of the commit; empty: nobody does.
   * Default: nobody. It keeps the id as a client that is remembered does.
   */
  readonly servedBy?: () => string;
}

/**
 * `unknown`: there is no such join. `expired`, `used_up`: the join. `revoked`: the join, or the client since the join was
 * made. `client_refused`: no pattern of the join means this id. `taken`: the client has a credential that lives, of another
 * secret. `owned`: the client id is that of another principal (`ClientStore.ownerOf`), or another one serves as it.
 */
export type EnrolRefusal = 'unknown' | 'expired' | 'used_up' | 'revoked' | 'client_refused' | 'taken' | 'owned';

export interface Renewal {
  /** The credential to be replaced. */
  readonly oldId: string;
  /** Of the one that replaces it. */
  readonly id: string;
  readonly hash: string;
  /** For which the replaced one lives on. */
  readonly overlapMs: number;
  /** A principal. */
  readonly createdBy: string;
  /** When that one ends, unless it replaces its own; what the replaced one had stays. Default: never. */
  readonly endsBy?: number | null;
  /** The credential of whoever asks for it; null: none that is stored. */
  readonly madeWith: string | null;
}

/** Each is about the credential that was to be replaced. */
export type RenewRefusal = 'unknown' | 'revoked' | 'expired';

/** What an operation changes, as data. */
export type CredentialChange =
  | { readonly kind: 'create'; readonly credential: NewCredential }
  | { readonly kind: 'enrol'; readonly enrolment: Enrolment }
  | { readonly kind: 'renew'; readonly renewal: Renewal }
  | { readonly kind: 'revoke'; readonly id: string; readonly withMade: boolean }
  | { readonly kind: 'touch'; readonly ids: readonly string[] };

/** What became of it. */
export interface CredentialOutcome {
  /** For who asked for it. */
  readonly answer: StoredCredential | EnrolRefusal | RenewRefusal | Revocation | true | null;
  /** Credentials that may do more, less or something else than before, as they are now; not those that were merely used. */
  readonly changed: readonly StoredCredential[];
  /** Ids of those that were forgotten. */
  readonly forgotten?: readonly string[];
}

/** For how long a credential that was revoked or has expired is told of. */
export const CREDENTIAL_KEPT_MS = 30 * 24 * 3_600_000;

/** The same of one that a client has replaced: it may renew as often as it likes, and nobody asks for those. */
export const REPLACED_KEPT_MS = 3_600_000;

/** Credentials of one client that live at a time: those that it has replaced live until their overlaps are over. */
export const MAX_LIVING = 8;

/** The earlier of two ends; null: none. */
export function earlierOf(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}

/** Until when it is worth something; Infinity: without end. */
export function endOf({ revokedAt, expiresAt }: Pick<StoredCredential, 'revokedAt' | 'expiresAt'>): number {
  return Math.min(revokedAt ?? Number.POSITIVE_INFINITY, expiresAt ?? Number.POSITIVE_INFINITY);
}

/**
 * Whether it was revoked, or else has expired, so long ago that nobody is told of it.
 * @param isReplaced its client has a newer one
 */
export function isForgotten(
  { kind, revokedAt, expiresAt }: Pick<StoredCredential, 'kind' | 'revokedAt' | 'expiresAt'>,
  now: number,
  isReplaced: boolean,
): boolean {
  const keptMs = kind === 'client' && revokedAt === null && isReplaced ? REPLACED_KEPT_MS : CREDENTIAL_KEPT_MS;
  return (revokedAt ?? expiresAt ?? Number.POSITIVE_INFINITY) + keptMs <= now;
}
