import { ContactError } from '../../shared/errors.ts';
import { createShares } from '../model/shares.ts';

/** Methods that all callees together announce: each costs some 300 bytes here. */
const MAX_ANNOUNCED = 100_000;

/** How many methods are announced. */
export interface AnnouncedMethods {
  /**
   * Whether a client that counts for these (`holdersOf`) may announce so many in the place of those before. RESOURCE_EXHAUSTED naming
   * `announce.methods`: all together, or all clients that count for one of them, would announce too many.
   */
  check(holders: readonly string[], before: number, count: number): void;
  add(holders: readonly string[], count: number): void;
  remove(holders: readonly string[], count: number): void;
}

/** @param onReached a principal would have announced more than its share */
export function createAnnouncedMethods(onReached: () => void): AnnouncedMethods {
  const shares = createShares(MAX_ANNOUNCED);
  let announced = 0;

  function refuse(problem: string): ContactError {
    return new ContactError('RESOURCE_EXHAUSTED', problem, { field: 'announce.methods' });
  }

  return {
    check(holders, before, count) {
      if (announced - before + count > MAX_ANNOUNCED) {
        throw refuse(`all clients together announce more than ${MAX_ANNOUNCED} methods`);
      }
      const full = shares.findFull(holders, count - before);
      if (full === undefined) return;
      onReached();
      throw refuse(`the clients of ${full} announce more than ${shares.max} methods`);
    },
    add(holders, count) {
      announced += count;
      shares.take(holders, count);
    },
    remove(holders, count) {
      announced -= count;
      shares.giveBack(holders, count);
    },
  };
}
