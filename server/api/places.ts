import { ChurnMap } from '../../shared/churn.ts';
import { ContactError } from '../../shared/errors.ts';
import { type Caller, holdersOf, nameHolder } from '../model/caller.ts';
import type { EventCounts } from '../model/figures.ts';

const COME_AGAIN_MS = 10_000;

/** Whose a place is. */
type Holder = Pick<Caller, 'principal'> & Partial<Pick<Caller, 'kind' | 'credentialId' | 'countedFor' | 'isSpent'>>;

/** One of those that a place counts for. */
export interface PlaceShare {
  readonly key: string;
  /** As who is refused reads it. */
  readonly has: string;
}

/**
 * Those that a place of the caller counts for: itself, and the operator that has made it (`countedFor`). Names of joins may be given
 * twice: what one of them takes is not taken from another.
 */
export function sharesOf(holder: Holder): readonly PlaceShare[] {
  const { kind, credentialId, isSpent } = holder;
  if (isSpent) return [];
  const holders = holdersOf(holder);
  return holders.map((principal, at) => {
    const has = `${nameHolder(holders, at)} ${at === 0 ? 'has' : 'have'}`;
    return { key: at === 0 && kind === 'join' ? `${principal} ${credentialId}` : principal, has };
  });
}

/** What each principal may have so many of at a time, those that it has made included. */
export interface Places {
  /**
   * Takes one for the caller; what it answers gives it back, to be called once. Undefined: nobody asked who the caller is,
   * or it has a join that is spent, and the limits for all, or for who has no credential, hold alone. RESOURCE_EXHAUSTED naming the
   * field: it has as many as it may, or the one that has made it has.
   * @param isReturning it takes the place of one that the caller has, which is not free yet: it is counted and never refused
   */
  take(caller: Holder, isReturning?: boolean): (() => void) | undefined;
  /** The same for one of those that a place counts for. */
  takeShare(share: PlaceShare): () => void;
}

/** By which option there would be more. */
const OPTIONS = {
  sessions: 'maxSessionsPerPrincipal',
  calls: 'maxCallsPerPrincipal',
  connections: 'maxConnectionsPerPrincipal',
} as const;

export function createPlaces(
  kind: keyof typeof OPTIONS,
  max: number,
  { reachedLimits }: Pick<EventCounts, 'reachedLimits'>,
): Places {
  // Bounded by twice what all principals may have together, since each entry has at least one.
  const counts = new ChurnMap<string, number>();

  function check({ key, has }: PlaceShare): void {
    const count = counts.get(key) ?? 0;
    if (count < max) return;
    reachedLimits[`${kind}_per_principal`] += 1;
    const problem = `${has} ${count}, and may have ${max} (${OPTIONS[kind]})`;
    throw new ContactError('RESOURCE_EXHAUSTED', problem, { field: kind, retryAfterMs: COME_AGAIN_MS });
  }

  function add({ key }: PlaceShare): () => void {
    counts.set(key, (counts.get(key) ?? 0) + 1);
    return () => {
      const left = counts.get(key)! - 1;
      if (left === 0) counts.delete(key);
      else counts.set(key, left);
    };
  }

  return {
    take(caller, isReturning = false) {
      const shares = sharesOf(caller);
      if (shares.length === 0) return undefined;
      if (!isReturning) shares.forEach(check);
      const leaves = shares.map(add);
      return () => {
        for (const leave of leaves) leave();
      };
    },
    takeShare(share) {
      check(share);
      return add(share);
    },
  };
}
