import { ChurnMap } from '../../shared/churn.ts';
import { nameHolder } from './caller.ts';

/** Of what all have together, the part that one principal may have. */
const SHARE = 1 / 2;

/**
 * How much of something each principal has, of which there is a bound for all: nobody uses it up for the others. It is counted for
 * a caller's holders (`holdersOf`): for itself, and for the operator that has made it. Callers whom nobody asked who they are
 * have none, and the bound for all holds alone.
 */
export interface Shares {
  /** Takes so much for each of the holders. A text names the one that would have more than it may, and nothing is taken. */
  take(holders: readonly string[], amount: number): string | undefined;
  giveBack(holders: readonly string[], amount: number): void;
  /** As `take`, and nothing is taken or told. */
  findFull(holders: readonly string[], amount: number): string | undefined;
  /** What one principal may have. */
  readonly max: number;
}

/**
 * @param maxOfAll what all may have together, half of which is a share
 * @param onReached a principal would have had more than its share
 */
export function createShares(maxOfAll: number, onReached: () => void = () => undefined): Shares {
  const max = Math.ceil(maxOfAll * SHARE);
  // Bounded by twice what all may have, since each entry has something.
  const amounts = new ChurnMap<string, number>();

  function findFull(holders: readonly string[], amount: number): string | undefined {
    const at = holders.findIndex((holder) => (amounts.get(holder) ?? 0) + amount > max);
    return at < 0 ? undefined : nameHolder(holders, at);
  }

  return {
    take(holders, amount) {
      const full = findFull(holders, amount);
      if (full !== undefined) {
        onReached();
        return full;
      }
      if (amount > 0) for (const holder of holders) amounts.set(holder, (amounts.get(holder) ?? 0) + amount);
      return undefined;
    },
    giveBack(holders, amount) {
      for (const holder of holders) {
        const after = (amounts.get(holder) ?? 0) - amount;
        if (after > 0) amounts.set(holder, after);
        else amounts.delete(holder);
      }
    },
    findFull,
    max,
  };
}
