import { ContactError } from '../../shared/errors.ts';
import { createShares } from '../model/shares.ts';

/** Methods that all callees together announce: each costs some 300 bytes here. */
const MAX_ANNOUNCED = 100_000;

/** How many methods are announced. */
export interface AnnouncedMethods {
  /**
   * Whether a principal may announce so many in the place of those before. RESOURCE_EXHAUSTED naming `announce.methods`: all together, or
   * all clients of this principal, would announce too many.
   */
  check(principal: string, before: number, count: number): void;
  add(principal: string, count: number): void;
  remove(principal: string, count: number): void;
}

/** @param onReached a principal would have announced more than its share */
export function createAnnouncedMethods(onReached: () => void): AnnouncedMethods {
  const shares = createShares(MAX_ANNOUNCED);
  let announced = 0;

  function refuse(problem: string): ContactError {
    return new ContactError('RESOURCE_EXHAUSTED', problem, { field: 'announce.methods' });
  }

  return {
    check(principal, before, count) {
      if (announced - before + count > MAX_ANNOUNCED) {
        throw refuse(`all clients together announce more than ${MAX_ANNOUNCED} methods`);
      }
      if (count - before <= shares.roomOf(principal)) return;
      onReached();
      throw refuse(`the clients of ${principal} announce more than ${shares.max} methods`);
    },
    add(principal, count) {
      announced += count;
      shares.take(principal, count);
    },
    remove(principal, count) {
      announced -= count;
      shares.giveBack(principal, count);
    },
  };
}
