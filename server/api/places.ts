import { ChurnMap } from '../../shared/churn.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Caller } from '../model/caller.ts';

const COME_AGAIN_MS = 10_000;

/** What each principal may have so many of at a time. */
export interface Places {
  /**
   * Takes one for the caller; what it answers gives it back, to be called once. Undefined: nobody asked who the caller is,
   * and the limits for all hold alone. RESOURCE_EXHAUSTED naming the field: it has as many as it may.
   * @param isReturning it takes the place of one that the caller has, which is not free yet: it is counted and never refused
   */
  take(caller: Caller, isReturning?: boolean): (() => void) | undefined;
}

export interface PlacesOptions {
  readonly max: number;
  /** What they are, in the plural, as the refusal names them. */
  readonly field: string;
  /** Says by which option there would be more. */
  readonly option: string;
  /** One was refused. */
  readonly onFull: () => void;
}

export function createPlaces({ max, field, option, onFull }: PlacesOptions): Places {
  // Bounded by what all principals may have together, since each entry has at least one.
  const counts = new ChurnMap<string, number>();

  return {
    take({ principal }, isReturning = false) {
      if (principal === '') return undefined;
      const count = counts.get(principal) ?? 0;
      if (count >= max && !isReturning) {
        onFull();
        const problem = `${principal} has ${count}, and may have ${max} (${option})`;
        throw new ContactError('RESOURCE_EXHAUSTED', problem, { field, retryAfterMs: COME_AGAIN_MS });
      }
      counts.set(principal, count + 1);
      return () => {
        const left = counts.get(principal)! - 1;
        if (left === 0) counts.delete(principal);
        else counts.set(principal, left);
      };
    },
  };
}
