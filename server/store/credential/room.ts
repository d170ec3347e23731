import { ContactError } from '../../../shared/errors.ts';
import { CREDENTIAL_KEPT_MS, REPLACED_KEPT_MS } from '../credentials.ts';
import type { Database } from '../file/database.ts';
import type { CredentialRow } from './row.ts';

/** How many credentials are stored. */
export interface RoomBounds {
  readonly max: number;
  /** Of those that count for one principal. */
  readonly perMaker: number;
  /** Of both, the part that is kept for what comes in the place of another credential. */
  readonly reserved: number;
}

/** One that was forgotten. */
export type Forgotten = Pick<CredentialRow, 'id' | 'made_with' | 'counted_for'>;

export interface Made {
  /** In any case. */
  readonly forgotten: readonly Forgotten[];
  /** RESOURCE_EXHAUSTED: there is no room; null: there is. */
  readonly refusal: ContactError | null;
}

/** Room for credentials: who fills their share are refused themselves, and what has ended makes room for what lives. */
export interface Room {
  /**
   * Makes room for one more.
   * @param isReplacing it comes in the place of another one: a renewal, a rotation, a client that was let in before
   */
  make(countedFor: string, isReplacing: boolean, now: number): Made;
  add(countedFor: string): void;
  /** Some were revoked, so that looking for room is worth it at once. */
  free(): void;
  /** Counts anew. */
  reload(): void;
}

const MAX_CREDENTIALS = 100_000;
const MAX_PER_MAKER = 25_000;
export const ROOM: RoomBounds = Object.freeze({ max: MAX_CREDENTIALS, perMaker: MAX_PER_MAKER, reserved: 0.1 });

/** Credentials that are stored between two looks for what is old, and how many are forgotten at once. */
const FORGET_EVERY = 100;
const FORGOTTEN_AT_ONCE = 1_000;
/** Between two looks for what has ended, after one that found nothing. */
const LOOK_MS = 10_000;
const MAX_RETRY_MS = 3_600_000;

const END = 'coalesce(revoked_at, expires_at)';
const TOLD = 'RETURNING id, made_with, counted_for';
// A revoked client's row is what keeps the client out for as long as a join that is older would let it in.
const IS_KEPT_OUT = 'client_id IS NOT NULL AND revoked_at IS NOT NULL AND revoked_at >= ?2';
const IS_REPLACED = `EXISTS (SELECT 1 FROM credential AS newer
  WHERE newer.client_id = old.client_id AND newer.created_at > old.created_at)`;

export function createRoom(db: Database, bounds: RoomBounds = ROOM): Room {
  const countAll = db.prepare<{ count: number }>('SELECT count(*) AS count FROM credential');
  const countShares = db.prepare<{ name: string; count: number }>(
    "SELECT counted_for AS name, count(*) AS count FROM credential WHERE counted_for <> '' GROUP BY counted_for",
  );
  const selectOldestJoin = db.prepare<{ created_at: number | null }>(
    `SELECT min(created_at) AS created_at FROM credential WHERE kind = 'join' AND revoked_at IS NULL
       AND (expires_at IS NULL OR expires_at > ?) AND (uses_left IS NULL OR uses_left > 0)`,
  );
  const selectNextEnd = db.prepare<{ at: number | null }>(`SELECT min(${END}) AS at FROM credential WHERE ${END} > ?`);
  const prepareForget = (condition: string) =>
    db.prepare<Forgotten>(
      `DELETE FROM credential WHERE id IN (SELECT id FROM credential AS old
         WHERE ${END} <= ?1 AND ${condition} ORDER BY ${END} LIMIT ?3) ${TOLD}`,
    );
  const forgetOld = prepareForget(`NOT (${IS_KEPT_OUT})`);
  const forgetReplaced = prepareForget(`?2 IS NOT NULL AND kind = 'client' AND revoked_at IS NULL AND ${IS_REPLACED}`);
  // A client that has expired is known by its row, so that it finds room when it comes again: those go last.
  const ofNobody = `NOT (${IS_KEPT_OUT}) AND (kind <> 'client' OR revoked_at IS NOT NULL OR ${IS_REPLACED})`;
  const ofMaker = "counted_for <> '' AND counted_for = ?4";
  const forgetEnded = [ofNobody, `NOT (${IS_KEPT_OUT})`].map(prepareForget);
  const forgetEndedOf = [ofNobody, `NOT (${IS_KEPT_OUT})`].map((one) => prepareForget(`${ofMaker} AND ${one}`));
  let count = 0;
  let storedCount = 0;
  /** As many as there are makers of what is stored. */
  const countByMaker = new Map<string, number>();
  /** When nothing was found, by whose share was full; '': by all. */
  const fruitlessAtByMaker = new Map<string, number>();

  function reload(): void {
    count = countAll.get()!.count;
    countByMaker.clear();
    for (const { name, count: share } of countShares.all()) countByMaker.set(name, share);
    fruitlessAtByMaker.clear();
  }
  reload();

  function add(countedFor: string, by = 1): void {
    count += by;
    if (countedFor === '') return;
    const share = (countByMaker.get(countedFor) ?? 0) + by;
    if (share > 0) countByMaker.set(countedFor, share);
    else countByMaker.delete(countedFor);
  }

  /** Whose bound is reached; '': that of all; null: none. */
  function findFull(countedFor: string, isReplacing: boolean): string | null {
    const limit = (max: number): number => (isReplacing ? max : max - Math.floor(max * bounds.reserved));
    if (countedFor !== '' && (countByMaker.get(countedFor) ?? 0) >= limit(bounds.perMaker)) return countedFor;
    return count >= limit(bounds.max) ? '' : null;
  }

  /** Those of which nobody is to be told any more. */
  function forgetInTime(oldestJoin: number, now: number): Forgotten[] {
    const old = forgetOld.all(now - CREDENTIAL_KEPT_MS, oldestJoin, FORGOTTEN_AT_ONCE);
    return [...old, ...forgetReplaced.all(now - REPLACED_KEPT_MS, oldestJoin, FORGOTTEN_AT_ONCE)];
  }

  /** Those that have ended and are needed least, however long ago that was. */
  function forgetForRoom(full: string, oldestJoin: number, now: number): Forgotten[] {
    const lookedAt = fruitlessAtByMaker.get(full);
    if (lookedAt !== undefined && Math.abs(now - lookedAt) < LOOK_MS) return [];
    for (const statement of full === '' ? forgetEnded : forgetEndedOf) {
      const forgotten = statement.all(now, oldestJoin, FORGOTTEN_AT_ONCE, ...(full === '' ? [] : [full]));
      if (forgotten.length > 0) return forgotten;
    }
    fruitlessAtByMaker.set(full, now);
    return [];
  }

  function refuse(full: string, now: number): ContactError {
    const nextEnd = selectNextEnd.get(now)?.at ?? Number.POSITIVE_INFINITY;
    const retryAfterMs = Math.min(MAX_RETRY_MS, Math.max(LOOK_MS, nextEnd - now));
    const advice =
      'revoking some that nobody needs (contact token list) makes room at once, and so do those that expire';
    const whose =
      full === ''
        ? `${count} credentials are stored, and no more are taken`
        : `${countByMaker.get(full)} credentials count for ${full}, with those that its joins let in, and no more are taken`;
    return new ContactError('RESOURCE_EXHAUSTED', `${whose}: ${advice}`, { retryAfterMs });
  }

  return {
    make(countedFor, isReplacing, now) {
      const isDue = storedCount % FORGET_EVERY === 0;
      const full = findFull(countedFor, isReplacing);
      if (!isDue && full === null) return { forgotten: [], refusal: null };
      const oldestJoin = selectOldestJoin.get(now)?.created_at ?? Number.POSITIVE_INFINITY;
      const forgotten = isDue ? forgetInTime(oldestJoin, now) : [];
      for (const one of forgotten) add(one.counted_for, -1);
      for (let whose = findFull(countedFor, isReplacing); whose !== null; whose = findFull(countedFor, isReplacing)) {
        const more = forgetForRoom(whose, oldestJoin, now);
        if (more.length === 0) return { forgotten, refusal: refuse(whose, now) };
        for (const one of more) add(one.counted_for, -1);
        forgotten.push(...more);
      }
      return { forgotten, refusal: null };
    },
    add(countedFor) {
      storedCount += 1;
      add(countedFor);
    },
    free: () => fruitlessAtByMaker.clear(),
    reload,
  };
}
