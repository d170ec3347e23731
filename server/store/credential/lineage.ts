import { endOf, type StoredCredential } from '../credentials.ts';
import type { Database } from '../file/database.ts';
import { type CredentialRow, readCredential } from './row.ts';

/** Which credential came of which. */
export interface Lineage {
  /** One of a client: all that the client has. Another one: it, and those that it has replaced, which may live on. */
  ofHolder(one: StoredCredential): string[];
  /**
   * What was made with these: created, let in or rotated with them, what was made with that in turn, and whatever it was
   * replaced by. What another credential has put in the place of one of them is not theirs.
   * @param limit of those that are looked at
   */
  madeWith(ids: readonly string[], limit?: number): string[];
  /** How many of these live. */
  countLiving(ids: readonly string[], now: number): number;
  /** These are forgotten: what was made with them counts as made with what they were made with. */
  handDown(forgotten: readonly Pick<CredentialRow, 'id' | 'made_with'>[]): void;
}

/** A chain of credentials that have replaced each other within their overlaps is no longer than this. */
const MAX_REPLACED = 1_000;

export function createLineage(db: Database): Lineage {
  const selectOne = db.prepare<CredentialRow>('SELECT * FROM credential WHERE id = ?');
  const selectOfClient = db.prepare<{ id: string }>('SELECT id FROM credential WHERE client_id = ? ORDER BY id');
  const selectMade = db.prepare<{ id: string }>('SELECT id FROM credential WHERE made_with = ? ORDER BY id');
  const selectHeirs = db.prepare<{ id: string }>('SELECT id FROM credential WHERE parent_id = ? ORDER BY id');
  const updateMaker = db.prepare('UPDATE credential SET made_with = ?2 WHERE made_with = ?1');

  function ofHolder({ id, clientId, parentId }: StoredCredential): string[] {
    if (clientId !== null) return selectOfClient.all(clientId).map((row) => row.id);
    const ids = [id];
    for (let before = parentId; before !== null && ids.length < MAX_REPLACED; ) {
      ids.push(before);
      before = selectOne.get(before)?.parent_id ?? null;
    }
    return ids;
  }

  function madeWith(ids: readonly string[], limit = Number.POSITIVE_INFINITY): string[] {
    const roots = new Set(ids);
    const made = new Set<string>();
    const add = (rows: readonly { readonly id: string }[]): void => {
      for (const { id } of rows) if (!roots.has(id) && made.size < limit) made.add(id);
    };
    for (const id of roots) add(selectMade.all(id));
    // What is added on the way is gone through as well.
    for (const id of made) {
      add(selectMade.all(id));
      add(selectHeirs.all(id));
    }
    return [...made];
  }

  return {
    ofHolder,
    madeWith,
    countLiving: (ids, now) =>
      ids.filter((id) => {
        const row = selectOne.get(id);
        return row !== undefined && endOf(readCredential(row)) > now;
      }).length,
    handDown(forgotten) {
      const makerById = new Map(forgotten.map(({ id, made_with }) => [id, made_with]));
      for (const { id, made_with } of forgotten) {
        let maker = made_with;
        // Of a chain that is forgotten at once. Nothing is made with what came later, so this ends.
        while (maker !== null && makerById.has(maker)) maker = makerById.get(maker) ?? null;
        updateMaker.run(id, maker);
      }
    },
  };
}
