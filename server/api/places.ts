import { ChurnMap } from '../../shared/churn.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Caller } from '../model/caller.ts';
import type { EventCounts } from '../model/figures.ts';

const COME_AGAIN_MS = 10_000;

/** Whose a place is. Names of joins may be given twice: what one of them takes is not taken from another. */
type Holder = Pick<Caller, 'principal'> & Partial<Pick<Caller, 'kind' | 'credentialId' | 'isSpent'>>;

const keyOf = ({ principal, kind, credentialId }: Holder): string =>
  kind === 'join' ? `${principal} ${credentialId}` : principal;

/** What each principal may have so many of at a time. */
export interface Places {
  /**
   * Takes one for the caller; what it answers gives it back, to be called once. Undefined: nobody asked who the caller is,
   * or it has a join that is spent, and the limits for all, or for who has no credential, hold alone. RESOURCE_EXHAUSTED naming the field: it has as many as it may.
   * @param isReturning it takes the place of one that the caller has, which is not free yet: it is counted and never refused
   */
  take(caller: Holder, isReturning?: boolean): (() => void) | undefined;
  /** How many it has. */
  countOf(caller: Holder): number;
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
  // Bounded by what all principals may have together, since each entry has at least one.
  const counts = new ChurnMap<string, number>();

  return {
    countOf: (caller) => counts.get(keyOf(caller)) ?? 0,
    take(caller, isReturning = false) {
      const { principal, isSpent } = caller;
      if (principal === '' || isSpent) return undefined;
      const key = keyOf(caller);
      const count = counts.get(key) ?? 0;
      if (count >= max && !isReturning) {
        reachedLimits[`${kind}_per_principal`] += 1;
        const problem = `${principal} has ${count}, and may have ${max} (${OPTIONS[kind]})`;
        throw new ContactError('RESOURCE_EXHAUSTED', problem, { field: kind, retryAfterMs: COME_AGAIN_MS });
      }
      counts.set(key, count + 1);
      return () => {
        const left = counts.get(key)! - 1;
        if (left === 0) counts.delete(key);
        else counts.set(key, left);
      };
    },
  };
}
