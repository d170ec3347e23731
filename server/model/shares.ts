import { ChurnMap } from '../../shared/churn.ts';

/** Of what all have together, the part that one principal may have. */
const SHARE = 1 / 2;

/**
 * How much of something each principal has, of which there is a bound for all: nobody uses it up for the others. Callers whom
 * nobody asked who they are (principal '') have no share, and the bound for all holds alone.
 */
export interface Shares {
  /** Takes so much for a principal. False: it would have more than it may, and nothing is taken. */
  take(principal: string, amount: number): boolean;
  giveBack(principal: string, amount: number): void;
  /** How much more it may have. */
  roomOf(principal: string): number;
  /** What one principal may have. */
  readonly max: number;
}

/**
 * @param maxOfAll what all may have together, half of which is a share
 * @param onReached a principal would have had more than its share
 */
export function createShares(maxOfAll: number, onReached: () => void = () => undefined): Shares {
  const max = Math.ceil(maxOfAll * SHARE);
  // Bounded by what all may have, since each entry has something.
  const amounts = new ChurnMap<string, number>();

  return {
    take(principal, amount) {
      if (principal === '') return true;
      const after = (amounts.get(principal) ?? 0) + amount;
      if (after > max) {
        onReached();
        return false;
      }
      if (after > 0) amounts.set(principal, after);
      return true;
    },
    giveBack(principal, amount) {
      const after = (amounts.get(principal) ?? 0) - amount;
      if (after > 0) amounts.set(principal, after);
      else amounts.delete(principal);
    },
    roomOf: (principal) => (principal === '' ? Number.POSITIVE_INFINITY : max - (amounts.get(principal) ?? 0)),
    max,
  };
}
