import { isDeepStrictEqual } from 'node:util';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { AccessService } from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError, invalid, invalidName } from '../../shared/errors.ts';
import { isName } from '../../shared/ids.ts';
import type { Rights } from '../model/access.ts';
import { type Caller, findUngrantable, mayDoEverything, nameCaller } from '../model/caller.ts';
import { createSerial } from '../session/serial.ts';
import { type CredentialStore, earlierOf, type StoredCredential } from '../store/credentials.ts';
import { readHash, readId, readLifetime, readRights, writeCredential, writeRightsOf } from './credentials.ts';
import type { Handlers } from './handler.ts';
import { cutPage } from './page.ts';

const MAX_PAGE = 500;
const DEFAULT_PAGE = 100;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MAX_USES = 100_000;
/** Renewing takes a client a few seconds at worst. */
const LEAST_CLIENT_LIFETIME_MS = 60_000;
const CLIENT_LIFETIME_MS = 90 * DAY_MS;
const OVERLAP_SECONDS = 600;
const MAX_OVERLAP_SECONDS = 30 * 86_400;
/** Of one that is forgotten since it was looked for. */
const NOTHING_REVOKED = { revokedCount: 0, livingCount: 0 };

/** By whom a client knows the server before it sends anything. */
export interface Authority {
  /** SHA-256 of its key, base64url; empty: one that all know, or there is no TLS. */
  readonly pin: string;
  /** Its certificate, PEM. */
  readonly ca?: string;
}

export interface AccessOptions {
  readonly store: CredentialStore;
  readonly clock: Clock;
  /** Whether callers have to say who they are. */
  readonly isOn: boolean;
  /** A token of this principal that lives; undefined: there is none. */
  readonly findToken: (principal: string) => StoredCredential | undefined;
  /** Where clients reach the server. */
  readonly addresses: () => readonly string[];
  readonly authority: () => Authority;
}

/** AccessService. */
export function createAccessHandlers(options: AccessOptions): Handlers<typeof AccessService> {
  const { store, clock, isOn, findToken, addresses, authority } = options;

  const runAlone = createSerial();

  /** ALREADY_EXISTS: another token of this name lives, whose sessions and results this one would have. */
  function checkFree(
    { id, name, principal }: Pick<StoredCredential, 'id' | 'name' | 'principal'>,
    caller: Caller,
  ): void {
    const other = findToken(principal);
    if (!other || other.id === id) return;
    const problem = isWithin(other, caller)
      ? `a token ${name} lives (${other.id}): rotate or revoke it, or take another name`
      : `a token ${name} lives: take another name`;
    throw new ContactError('ALREADY_EXISTS', problem, { field: 'name' });
  }

  /** One of the caller's own or less. NOT_FOUND: it is not there, or allows what the caller may not. */
  async function find(id: string, caller: Caller): Promise<StoredCredential> {
    const found = await store.findCredential(readId(id, 'id'));
    if (found && isWithin(found, caller)) return found;
    throw new ContactError('NOT_FOUND', `no credential ${id}`, { field: 'id' });
  }

  return {
    async createToken({ id, secretHash, name, rights, lifetimeSeconds }, { caller }) {
      checkOn(isOn);
      const lifetimeMs = readLifetime(lifetimeSeconds, 'lifetime_seconds');
      const token = {
        kind: 'token',
        id: readId(id, 'id'),
        hash: readHash(secretHash),
        name: readCredentialName(name),
        principal: `token:${name}`,
        rights: grant(readRights(rights), caller),
        usesLeft: null,
        lifetimeMs: null,
        ...describeMaker(caller),
        countedFor: shareOf(caller),
      } as const;
      // Of two that come at once the second finds the first.
      const credential = await runAlone(name, async () => {
        // Who asks again, as the answer was lost, finds its own, which may have been rotated meanwhile.
        if ((await store.findCredential(token.id)) === null) checkFree(token, caller);
        const now = clock.now();
        const expiresAt = lifetimeMs === null ? null : now + lifetimeMs;
        return checkSame(await store.createCredential({ ...token, expiresAt }, now), { ...token, lifetimeMs });
      });
      return { credential: writeCredential(credential) };
    },

    async createJoin(request, { caller }) {
      checkOn(isOn);
      const { id, secretHash, name, uses, lifetimeSeconds, clientLifetimeSeconds } = request;
      const rights = grant(readRights(request.rights), caller);
      const operator = rights.roles.indexOf('operator');
      if (operator >= 0)
        throw invalid(`rights.roles[${operator}]`, 'who joins is no operator: create a token for that');
      if (uses > MAX_USES) throw invalid('uses', `at most ${MAX_USES}`);
      const lifetimeMs = readLifetime(clientLifetimeSeconds, 'client_lifetime_seconds') ?? CLIENT_LIFETIME_MS;
      if (lifetimeMs < LEAST_CLIENT_LIFETIME_MS) throw invalid('client_lifetime_seconds', 'at least 60');
      const now = clock.now();
      const ownMs = readLifetime(lifetimeSeconds, 'lifetime_seconds') ?? HOUR_MS;
      const join = {
        kind: 'join',
        id: readId(id, 'id'),
        hash: readHash(secretHash),
        name: readCredentialName(name),
        principal: `join:${name}`,
        rights,
        expiresAt: now + ownMs,
        usesLeft: uses || 1,
        lifetimeMs,
        ...describeMaker(caller),
        countedFor: shareOf(caller),
      } as const;
      const credential = checkSame(await store.createCredential(join, now), join, ownMs);
      const caPin = Buffer.from(authority().pin, 'base64url');
      return { credential: writeCredential(credential), addresses: [...addresses()], caPin };
    },

    async listCredentials({ pageSize, pageToken }, { caller }) {
      checkOn(isOn);
      if (pageSize > MAX_PAGE) throw invalid('page_size', `at most ${MAX_PAGE}`);
      const limit = pageSize || DEFAULT_PAGE;
      const found = await store.listCredentials(pageToken, limit);
      const { items, last, isCut } = cutPage(
        found.filter((one) => isWithin(one, caller)),
        writeCredential,
      );
      // A page of what the caller does not see is empty, and not the last.
      const end = isCut ? last : found.length === limit ? found.at(-1) : undefined;
      return { credentials: items, nextPageToken: end?.id ?? '' };
    },

    async revokeCredential({ id, withWhatItMade }, { caller }) {
      checkOn(isOn);
      // Whoever may revoke it may revoke what was made with it, which goes beyond it nowhere.
      await find(id, caller);
      const revocation = await store.revokeCredential(id, clock.now(), {
        withMade: withWhatItMade,
        by: nameCaller(caller),
      });
      const { revokedCount, livingCount } = revocation ?? NOTHING_REVOKED;
      return { revokedCount, livingCount, withWhatItMade };
    },

    async rotateCredential({ id, newId, secretHash, overlapSeconds = OVERLAP_SECONDS }, { caller }) {
      checkOn(isOn);
      if (overlapSeconds > MAX_OVERLAP_SECONDS) throw invalid('overlap_seconds', `at most ${MAX_OVERLAP_SECONDS}`);
      const renewal = {
        oldId: id,
        id: readId(newId, 'new_id'),
        hash: readHash(secretHash),
        overlapMs: 1_000 * overlapSeconds,
      };
      const { kind, principal } = await find(id, caller);
      if (kind === 'join') throw new ContactError('FAILED_PRECONDITION', 'a join is not replaced', { field: 'id' });
      const maker = describeMaker(caller);
      const endsBy = principal === caller.principal ? null : maker.endsBy;
      const rotated = await store.renewCredential({ ...renewal, ...maker, endsBy }, clock.now(), nameCaller(caller));
      if (typeof rotated === 'object') return { credential: writeCredential(rotated) };
      if (rotated === 'unknown') throw new ContactError('NOT_FOUND', `no credential ${id}`, { field: 'id' });
      const problem = rotated === 'revoked' ? 'it was revoked' : 'it has expired';
      throw new ContactError('FAILED_PRECONDITION', problem, { field: 'id' });
    },

    async describeCaller(_request, { caller }) {
      const { principal, kind, clientId = '', credentialId = '', expiresAt } = caller;
      return {
        principal,
        kind,
        rights: writeRightsOf(caller),
        ...(expiresAt === Number.POSITIVE_INFINITY ? {} : { expiresAt: timestampFromMs(expiresAt) }),
        clientId,
        credentialId,
      };
    },
  };
}

/** FAILED_PRECONDITION: credentials would mean nothing here. */
export function checkOn(isOn: boolean): void {
  if (isOn) return;
  const problem = 'this server asks nobody who they are, so credentials mean nothing: start it with --auth on';
  throw new ContactError('FAILED_PRECONDITION', problem);
}

function readCredentialName(name: string): string {
  if (!isName(name)) throw invalidName('name', name);
  return name;
}

/**
 * ALREADY_EXISTS: what is stored under this id and secret is not what is asked for now, and stays.
 * @param ownMs for which a join lives
 */
function checkSame(
  stored: StoredCredential,
  asked: Pick<StoredCredential, 'kind' | 'name' | 'rights' | 'lifetimeMs' | 'usesLeft'>,
  ownMs?: number,
): StoredCredential {
  const isSame =
    stored.kind === asked.kind &&
    stored.name === asked.name &&
    stored.lifetimeMs === asked.lifetimeMs &&
    isDeepStrictEqual(stored.rights, asked.rights) &&
    (ownMs === undefined || stored.expiresAt === earlierOf(stored.createdAt + ownMs, stored.endsBy)) &&
    // Those that have come by the join since have been counted.
    (stored.usesLeft ?? 0) <= (asked.usesLeft ?? 0);
  if (isSame) return stored;
  throw new ContactError('ALREADY_EXISTS', 'another credential has it, which allows something else', { field: 'id' });
}

/** Whose share of all credentials it takes: who may do everything can make room for all, and has none. */
function shareOf(caller: Caller): string {
  return mayDoEverything(caller) ? '' : caller.principal;
}

/**
 * Who makes a credential, with what, and when that ends, and with it what it makes. A JWT or a certificate is no end of who has
 * it, as another one comes in its place: null.
 */
function describeMaker({
  principal,
  credentialId,
  expiresAt,
}: Caller): Pick<StoredCredential, 'createdBy' | 'madeWith' | 'endsBy'> {
  const endsBy = credentialId === undefined || expiresAt === Number.POSITIVE_INFINITY ? null : expiresAt;
  return { createdBy: principal, madeWith: credentialId ?? null, endsBy };
}

function isWithin({ rights }: StoredCredential, caller: Caller): boolean {
  return findUngrantable(caller, rights) === undefined;
}

/** PERMISSION_DENIED names the pattern: nobody gives to others what they may not do themselves. */
function grant(rights: Rights, caller: Caller): Rights {
  const field = findUngrantable(caller, rights);
  if (field === undefined) return rights;
  throw new ContactError('PERMISSION_DENIED', 'it goes beyond what its maker may', { field });
}
