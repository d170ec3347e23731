import { ContactError } from '../../../shared/errors.ts';
import { matchesAny } from '../../model/access.ts';
import { isSamePrincipal } from '../../model/owner.ts';
import {
  type CredentialChange,
  type CredentialOutcome,
  type CredentialStore,
  type Enrolment,
  earlierOf,
  endOf,
  MAX_LIVING,
  type NewCredential,
  type Renewal,
  type StoredCredential,
} from '../credentials.ts';
import type { Database } from '../file/database.ts';
import type { Request } from '../request.ts';
import { createLineage } from './lineage.ts';
import { createRoom, ROOM, type RoomBounds } from './room.ts';
import { type CredentialRow, readCredential } from './row.ts';

/** What is asked of whose client ids are. */
interface Owners {
  /** Whether this principal may come by it: it is no other's. */
  isFree(clientId: string, subject: string, now: number): boolean;
}

export interface Credentials {
  change(change: CredentialChange, now: number): CredentialOutcome;
  list(after: string, limit: number): readonly StoredCredential[];
  find(id: string): StoredCredential | null;
  /** Counts them anew: after a ROLLBACK. */
  reload(): void;
}

const MAX_ROWS = 500;
const TOUCHED_EVERY_MS = 60_000;
const MAX_RETRY_MS = 3_600_000;
/** Credentials that are looked at to count those that live, where nothing else is done with them. */
const MAX_COUNTED = 1_000;

const isSame = (one: StoredCredential, { id, hash }: Pick<StoredCredential, 'id' | 'hash'>): boolean =>
  one.id === id && one.hash === hash;

export function createCredentials(db: Database, owners: Owners, bounds: RoomBounds = ROOM): Credentials {
  const insert = db.prepare<CredentialRow>(
    'INSERT INTO credential VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, ?, ?, ?, ?) RETURNING *',
  );
  const selectOne = db.prepare<CredentialRow>('SELECT * FROM credential WHERE id = ?');
  const selectByHash = db.prepare<{ id: string }>('SELECT id FROM credential WHERE hash = ?');
  const selectPage = db.prepare<CredentialRow>('SELECT * FROM credential WHERE id > ? ORDER BY id LIMIT ?');
  const selectOfClient = db.prepare<CredentialRow>('SELECT * FROM credential WHERE client_id = ? ORDER BY id');
  const selectUnusedHeirs = db.prepare<CredentialRow>(
    'SELECT * FROM credential WHERE parent_id = ? AND id <> ? AND last_used_at IS NULL AND revoked_at IS NULL ORDER BY id',
  );
  const updateUses = db.prepare<CredentialRow>(
    'UPDATE credential SET uses_left = uses_left - 1 WHERE id = ? AND uses_left IS NOT NULL RETURNING *',
  );
  const updateExpiry = db.prepare<CredentialRow>(
    'UPDATE credential SET expires_at = ?2 WHERE id = ?1 AND (expires_at IS NULL OR expires_at > ?2) RETURNING *',
  );
  const updateRevoked = db.prepare<CredentialRow>(
    'UPDATE credential SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL RETURNING *',
  );
  const updateUsed = db.prepare(
    'UPDATE credential SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at <= ?3)',
  );
  const lineage = createLineage(db);
  const room = createRoom(db, bounds);
  /** Those that were forgotten, until a change that succeeds tells of them. */
  let untold: string[] = [];

  function find(id: string): StoredCredential | null {
    const row = selectOne.get(id);
    return row ? readCredential(row) : null;
  }

  /** @param isReplacing it comes in the place of another one, for which some room is kept */
  function store(
    one: Omit<StoredCredential, 'revokedAt' | 'lastUsedAt'>,
    isReplacing: boolean,
    now: number,
  ): StoredCredential {
    if (selectOne.get(one.id)) throw new ContactError('ALREADY_EXISTS', 'another credential has it', { field: 'id' });
    if (selectByHash.get(one.hash)) {
      throw new ContactError('ALREADY_EXISTS', 'another credential has it', { field: 'secret_hash' });
    }
    const made = room.make(one.countedFor, isReplacing, now);
    lineage.handDown(made.forgotten);
    untold.push(...made.forgotten.map(({ id }) => id));
    if (made.refusal) throw made.refusal;
    const { id, hash, kind, principal, name, rights, createdAt, usesLeft, lifetimeMs, createdBy, endsBy } = one;
    const expiresAt = earlierOf(one.expiresAt, endsBy);
    const row = insert.get(
      ...[id, hash, kind, principal, name, JSON.stringify(rights), createdAt, expiresAt, usesLeft, lifetimeMs],
      ...[one.parentId, one.clientId, createdBy, endsBy, one.madeWith, one.countedFor],
    )!;
    room.add(one.countedFor);
    return readCredential(row);
  }

  function create(given: NewCredential, now: number): CredentialOutcome {
    const stored = find(given.id);
    if (stored && isSame(stored, given)) return { answer: stored, changed: [] };
    const maker = findMaker(given.madeWith);
    const { kind, expiresAt } = given;
    const ownMs = expiresAt === null ? null : expiresAt - now;
    const created = store(
      {
        ...given,
        createdAt: now,
        usesLeft: kind === 'join' ? given.usesLeft : null,
        lifetimeMs: kind === 'join' ? given.lifetimeMs : ownMs,
        parentId: null,
        clientId: null,
        madeWith: maker?.id ?? null,
        countedFor: maker?.countedFor || given.countedFor,
      },
      false,
      now,
    );
    return { answer: created, changed: [created] };
  }

  function enrol({ joinId, clientId, id, hash, servedBy }: Enrolment, now: number): CredentialOutcome {
    const refuse = (answer: CredentialOutcome['answer']): CredentialOutcome => ({ answer, changed: [] });
    const join = find(joinId);
    if (join?.kind !== 'join') return refuse('unknown');
    const stored = find(id);
    if (stored && isSame(stored, { id, hash }) && stored.parentId === joinId && stored.clientId === clientId) {
      return refuse(stored.revokedAt === null ? stored : 'revoked');
    }
    if (join.revokedAt !== null) return refuse('revoked');
    if (endOf(join) <= now) return refuse('expired');
    if (join.usesLeft === 0) return refuse('used_up');
    if (!matchesAny(join.rights.clients, clientId)) return refuse('client_refused');
    const past = selectOfClient.all(clientId).map(readCredential);
    if (past.some(({ revokedAt }) => revokedAt !== null && revokedAt >= join.createdAt)) return refuse('revoked');
    if (past.some((one) => endOf(one) > now)) return refuse('taken');
    const own = `client:${clientId}`;
    if (!owners.isFree(clientId, own, now) || !isSamePrincipal(servedBy?.() ?? '', own)) return refuse('owned');
    const { rights, lifetimeMs, principal, endsBy } = join;
    const enrolled = store(
      {
        ...{ id, hash, kind: 'client', principal: own, name: clientId, rights, clientId },
        ...{ createdAt: now, expiresAt: lifetimeMs === null ? null : now + lifetimeMs, lifetimeMs, usesLeft: null },
        ...{ parentId: joinId, createdBy: principal, endsBy, madeWith: joinId, countedFor: join.countedFor },
      },
      past.length > 0,
      now,
    );
    const used = updateUses.get(joinId);
    return { answer: enrolled, changed: used ? [enrolled, readCredential(used)] : [enrolled] };
  }

  function renew(renewal: Renewal, now: number): CredentialOutcome {
    const { oldId, id, hash, overlapMs, createdBy } = renewal;
    const old = find(oldId);
    if (!old || old.kind === 'join') return { answer: 'unknown', changed: [] };
    if (old.revokedAt !== null) return { answer: 'revoked', changed: [] };
    const stored = find(id);
    if (stored && isSame(stored, { id, hash }) && stored.parentId === oldId) return { answer: stored, changed: [] };
    if (endOf(old) <= now) return { answer: 'expired', changed: [] };
    const madeWith = findMaker(renewal.madeWith)?.id ?? null;
    checkLiving(old, now);
    const { lifetimeMs } = old;
    const expiresAt = lifetimeMs === null ? null : now + lifetimeMs;
    const endsBy = earlierOf(old.endsBy, renewal.endsBy ?? null);
    const made = { parentId: oldId, createdBy, endsBy, madeWith };
    const renewed = store({ ...old, id, hash, createdAt: now, expiresAt, ...made }, true, now);
    const overAt = now + overlapMs;
    const shortened = [old, ...selectUnusedHeirs.all(oldId, id)].flatMap(
      (each) => updateExpiry.get(each.id, overAt) ?? [],
    );
    return { answer: renewed, changed: [renewed, ...shortened.map(readCredential)] };
  }

  /** RESOURCE_EXHAUSTED: who renews again and again would take what is stored for all. */
  function checkLiving({ clientId }: StoredCredential, now: number): void {
    if (clientId === null) return;
    const ends = selectOfClient.all(clientId).flatMap((row) => {
      const end = endOf(readCredential(row));
      return end > now ? end : [];
    });
    if (ends.length < MAX_LIVING) return;
    const retryAfterMs = Math.min(MAX_RETRY_MS, Math.min(...ends) - now);
    const problem = `${MAX_LIVING} credentials of ${clientId} live, and no more are taken until one of them has expired`;
    throw new ContactError('RESOURCE_EXHAUSTED', problem, { retryAfterMs });
  }

  /**
   * The credential that another one is made with; null: none that is stored.
   * @throws ContactError UNAUTHENTICATED: it was revoked since its call was let in, and nobody would revoke what it makes now
   */
  function findMaker(madeWith: string | null): StoredCredential | null {
    const maker = madeWith === null ? null : find(madeWith);
    if (!maker || maker.revokedAt === null) return maker;
    throw new ContactError('UNAUTHENTICATED', 'this credential was revoked', {
      advice: { reason: 'REVOKED', retry: 'never' },
    });
  }

  function revoke(id: string, withMade: boolean, now: number): CredentialOutcome {
    const one = find(id);
    if (!one) return { answer: null, changed: [] };
    const own = lineage.ofHolder(one);
    const made = lineage.madeWith(own, withMade ? bounds.max : MAX_COUNTED);
    const ids = withMade ? [...own, ...made] : own;
    const changed = ids.flatMap((each) => updateRevoked.get(each, now) ?? []).map(readCredential);
    room.free();
    const livingCount = withMade ? 0 : lineage.countLiving(made, now);
    return { answer: { revokedCount: changed.length, livingCount }, changed };
  }

  function touch(ids: readonly string[], now: number): CredentialOutcome {
    for (const id of ids) updateUsed.run(id, now, now - TOUCHED_EVERY_MS);
    return { answer: true, changed: [] };
  }

  function apply(change: CredentialChange, now: number): CredentialOutcome {
    switch (change.kind) {
      case 'create':
        return create(change.credential, now);
      case 'enrol':
        return enrol(change.enrolment, now);
      case 'renew':
        return renew(change.renewal, now);
      case 'revoke':
        return revoke(change.id, change.withMade, now);
      case 'touch':
        return touch(change.ids, now);
    }
  }

  return {
    change(change, now) {
      const outcome = apply(change, now);
      if (untold.length === 0) return outcome;
      const forgotten = untold;
      untold = [];
      return { ...outcome, forgotten };
    },
    list: (after, limit) => selectPage.all(after, Math.min(limit, MAX_ROWS)).map(readCredential),
    find,
    reload() {
      room.reload();
      untold = [];
    },
  };
}

/** The operations of the port, on top of group commit and of reads that wait for it. */
export function createCredentialPort(
  credentials: Credentials,
  submit: (request: Request, items: number) => Promise<CredentialOutcome>,
  read: <T>(run: () => T) => Promise<T>,
): CredentialStore {
  async function change<T>(asked: CredentialChange, now: number, by?: string, items = 1): Promise<T> {
    const { answer } = await submit({ kind: 'changeCredential', change: asked, now: Math.floor(now), by }, items);
    return answer as T;
  }

  return {
    createCredential: (credential, now) => change({ kind: 'create', credential }, now),
    enrolClient: (enrolment, now) => change({ kind: 'enrol', enrolment }, now),
    renewCredential: (renewal, now, by) => change({ kind: 'renew', renewal }, now, by),
    revokeCredential: (id, now, { withMade = false, by } = {}) => change({ kind: 'revoke', id, withMade }, now, by),
    touchCredentials: async (ids, now) => {
      if (ids.length > 0) await change({ kind: 'touch', ids }, now, undefined, ids.length);
    },
    listCredentials: (after, limit) => read(() => credentials.list(after, limit)),
    findCredential: (id) => read(() => credentials.find(id)),
  };
}
