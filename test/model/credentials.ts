import { matchesAny } from '../../server/model/access.ts';
import type {
  CredentialStore,
  Enrolment,
  EnrolRefusal,
  NewCredential,
  Renewal,
  RenewRefusal,
  Revocation,
  StoredCredential,
} from '../../server/store/credentials.ts';
import { ContactError } from '../../shared/errors.ts';
import { isFree } from './owners.ts';
import { mayBeOne, type World } from './rules.ts';

const DAY = 24 * 3_600_000;

/** Credentials as plainly as they can be said: nothing is bounded, and the old are forgotten with each that is stored. */
export function createCredentials(world: World): CredentialStore {
  const all = world.credentials;
  const { acts } = world;

  const isLive = ({ revokedAt, expiresAt }: StoredCredential, now: number): boolean =>
    revokedAt === null && (expiresAt === null || expiresAt > now);

  function put(one: StoredCredential): StoredCredential {
    all.set(one.id, one);
    return one;
  }

  function add(one: Omit<StoredCredential, 'revokedAt' | 'lastUsedAt'>): StoredCredential {
    const others = [...all.values()];
    const isTaken = { id: all.has(one.id), secret_hash: others.some((other) => other.hash === one.hash) };
    const field = isTaken.id ? 'id' : isTaken.secret_hash ? 'secret_hash' : undefined;
    if (field) throw new ContactError('ALREADY_EXISTS', 'another credential has it', { field });
    const ends = [one.expiresAt, one.endsBy].filter((end) => end !== null);
    return put({ ...one, expiresAt: ends.length > 0 ? Math.min(...ends) : null, revokedAt: null, lastUsedAt: null });
  }

  function create({ id, hash, ...given }: NewCredential, now: number): StoredCredential {
    if (all.get(id)?.hash === hash) return all.get(id)!;
    const maker = findMaker(given.madeWith);
    const madeWith = maker?.id ?? null;
    const countedFor = maker?.countedFor || given.countedFor;
    const isJoin = given.kind === 'join';
    const ownMs = given.expiresAt === null ? null : given.expiresAt - now;
    return add({
      ...{ ...given, id, hash, createdAt: now, parentId: null, clientId: null, madeWith, countedFor },
      ...{ usesLeft: isJoin ? given.usesLeft : null, lifetimeMs: isJoin ? given.lifetimeMs : ownMs },
    });
  }

  function enrol({ joinId, clientId, id, hash, servedBy }: Enrolment, now: number): StoredCredential | EnrolRefusal {
    const join = all.get(joinId);
    if (join?.kind !== 'join') return 'unknown';
    const stored = all.get(id);
    if (stored?.hash === hash && stored.parentId === joinId && stored.clientId === clientId) {
      return stored.revokedAt === null ? stored : 'revoked';
    }
    const ofClient = [...all.values()].filter((one) => one.clientId === clientId);
    if (join.revokedAt !== null) return 'revoked';
    if (!isLive(join, now)) return 'expired';
    if (join.usesLeft === 0) return 'used_up';
    if (!matchesAny(join.rights.clients, clientId)) return 'client_refused';
    if (ofClient.some(({ revokedAt }) => revokedAt !== null && revokedAt >= join.createdAt)) return 'revoked';
    if (ofClient.some((one) => isLive(one, now))) return 'taken';
    if (!isFree(world, clientId, `client:${clientId}`, now)) return 'owned';
    if (!mayBeOne(servedBy?.() ?? '', `client:${clientId}`)) return 'owned';
    const enrolled = add({
      ...{ id, hash, clientId, kind: 'client', principal: `client:${clientId}`, name: clientId, parentId: joinId },
      ...{ rights: join.rights, createdAt: now, usesLeft: null, createdBy: join.principal, endsBy: join.endsBy },
      ...{ madeWith: joinId, countedFor: join.countedFor },
      ...{ expiresAt: join.lifetimeMs === null ? null : now + join.lifetimeMs, lifetimeMs: join.lifetimeMs },
    });
    if (join.usesLeft !== null) put({ ...join, usesLeft: join.usesLeft - 1 });
    return enrolled;
  }

  function renew(
    { oldId, id, hash, overlapMs, createdBy, madeWith: asked, endsBy: end }: Renewal,
    now: number,
  ): StoredCredential | RenewRefusal {
    const old = all.get(oldId);
    if (!old || old.kind === 'join') return 'unknown';
    if (old.revokedAt !== null) return 'revoked';
    const stored = all.get(id);
    if (stored?.hash === hash && stored.parentId === oldId) return stored;
    if (!isLive(old, now)) return 'expired';
    const madeWith = findMaker(asked)?.id ?? null;
    const living = [...all.values()].filter((one) => one.clientId === old.clientId && isLive(one, now));
    if (old.clientId !== null && living.length >= 8) {
      const ends = living.map((one) => one.expiresAt ?? Number.POSITIVE_INFINITY);
      const retryAfterMs = Math.min(3_600_000, Math.min(...ends) - now);
      throw new ContactError('RESOURCE_EXHAUSTED', 'eight live', { retryAfterMs });
    }
    const expiresAt = old.lifetimeMs === null ? null : now + old.lifetimeMs;
    const heirs = [...all.values()].filter(
      (one) => one.parentId === oldId && one.lastUsedAt === null && one.revokedAt === null,
    );
    const endsBy = old.endsBy === null ? (end ?? null) : Math.min(old.endsBy, end ?? old.endsBy);
    const renewed = add({ ...old, id, hash, createdAt: now, expiresAt, parentId: oldId, createdBy, endsBy, madeWith });
    for (const each of [old, ...heirs]) {
      put({ ...each, expiresAt: Math.min(each.expiresAt ?? Number.POSITIVE_INFINITY, now + overlapMs) });
    }
    return renewed;
  }

  function findMaker(id: string | null): StoredCredential | undefined {
    const maker = all.get(id ?? '');
    if (typeof maker?.revokedAt !== 'number') return maker;
    throw new ContactError('UNAUTHENTICATED', 'revoked', { advice: { reason: 'REVOKED', retry: 'never' } });
  }

  /** What was made with these, and what came of that by whatever way. */
  function madeWith(own: readonly StoredCredential[]): StoredCredential[] {
    const isOf = (one: StoredCredential, makers: readonly StoredCredential[], parents: readonly StoredCredential[]) =>
      makers.some(({ id }) => id === one.madeWith) || parents.some(({ id }) => id === one.parentId);
    let made: StoredCredential[] = [];
    for (;;) {
      const more = [...all.values()].filter((one) => !own.includes(one) && isOf(one, [...own, ...made], made));
      if (more.length === made.length) return made;
      made = more;
    }
  }

  function revoke(id: string, now: number, isWithMade: boolean): Revocation | null {
    const one = all.get(id);
    if (!one) return null;
    const replaced: StoredCredential[] = [];
    for (let each: StoredCredential | undefined = one; each; each = all.get(each.parentId ?? '')) replaced.push(each);
    const ofClient = [...all.values()].filter((each) => each.clientId === one.clientId);
    const own = one.clientId === null ? replaced : ofClient;
    const made = madeWith(own);
    const ended = [...own, ...(isWithMade ? made : [])].filter(({ revokedAt }) => revokedAt === null);
    for (const each of ended) put({ ...each, revokedAt: now });
    const livingCount = isWithMade ? 0 : made.filter((each) => isLive(each, now)).length;
    return { revokedCount: ended.length, livingCount };
  }

  function touch(ids: readonly string[], now: number): void {
    for (const one of ids.flatMap((id) => all.get(id) ?? [])) {
      if (one.lastUsedAt === null || one.lastUsedAt <= now - 60_000) put({ ...one, lastUsedAt: now });
    }
  }

  /** Forgets what is old, but who is kept out as long as an older join would let in. */
  function forget(now: number): void {
    const joins = [...all.values()].filter((one) => one.kind === 'join' && one.usesLeft !== 0 && isLive(one, now));
    for (const { id, revokedAt, expiresAt, clientId } of [...all.values()]) {
      const isKeptOut =
        clientId !== null && revokedAt !== null && joins.some(({ createdAt }) => createdAt <= revokedAt);
      const endedAt = revokedAt ?? expiresAt;
      if (endedAt === null || endedAt > now - 30 * DAY || isKeptOut) continue;
      const { madeWith: maker } = all.get(id)!;
      for (const one of all.values()) if (one.madeWith === id) put({ ...one, madeWith: maker });
      all.delete(id);
    }
  }

  const about = ({ id, principal }: StoredCredential, now: number) => ({ at: now, credential: { id, principal } });

  return {
    createCredential: async (credential, now) => {
      const isNew = !all.has(credential.id);
      const created = create(credential, now);
      if (isNew) await acts.noteAct({ ...about(created, now), kind: 'credential_created', by: credential.createdBy });
      forget(now);
      return created;
    },
    enrolClient: async (enrolment, now) => enrol(enrolment, now),
    renewCredential: async (renewal, now, by = '') => {
      const isNew = !all.has(renewal.id);
      const renewed = renew(renewal, now);
      const isDone = isNew && typeof renewed === 'object';
      if (isDone) await acts.noteAct({ ...about(renewed, now), kind: 'credential_rotated', by });
      return renewed;
    },
    revokeCredential: async (id, now, { withMade = false, by = '' } = {}) => {
      const revoked = revoke(id, now, withMade);
      const count = revoked?.revokedCount ?? 0;
      if (count > 0) await acts.noteAct({ ...about(all.get(id)!, now), kind: 'credential_revoked', by, count });
      return revoked;
    },
    touchCredentials: async (ids, now) => touch(ids, now),
    listCredentials: async (after, limit) =>
      [...all.values()]
        .filter(({ id }) => id > after)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, Math.min(limit, 500)),
    findCredential: async (id) => all.get(id) ?? null,
  };
}
