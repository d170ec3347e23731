import type { LimitUse } from '../../model/figures.ts';
import type { Database } from '../file/database.ts';

/**
 * How many names of queues there are, and for whom each counts: nobody uses up those of the others. A name counts for who made
 * the queue come to be, by a task or a setting; where an operator of some queues has made that one's credential, for the
 * operator. Names of nobody in particular (principal '': nobody asked who it was) have the bound of all alone.
 */
export interface Names {
  /** For whom a name of this principal counts. */
  holderOf(principal: string): string;
  /** How many more there may be that count for this holder; of a store that has more than it takes, 0 or below. */
  roomOf(holder: string): number;
  /** Why there is no more room for this holder. */
  explain(holder: string): string;
  count(holder: string, by: 1 | -1): void;
  /** How many there are of those that there may be. */
  usage(): LimitUse;
  /** Counts anew. */
  clear(): void;
}

/** Names; beyond, one more is refused. Each costs about 1 KiB of memory. */
const MAX_QUEUES = 100_000;
/** Of those that count for one principal. */
const MAX_QUEUES_OF_ONE = 50_000;

export interface NameBounds {
  readonly maxQueues?: number;
  readonly maxQueuesPerPrincipal?: number;
}

export function createNames(
  db: Database,
  { maxQueues = MAX_QUEUES, maxQueuesPerPrincipal = MAX_QUEUES_OF_ONE }: NameBounds = {},
): Names {
  // Of a name that was given again the newest says who has made it.
  const selectMaker = db.prepare<{ counted_for: string }>(
    'SELECT counted_for FROM credential WHERE principal = ? ORDER BY created_at DESC LIMIT 1',
  );
  let total = 0;
  /** As many as have names. */
  const countByHolder = new Map<string, number>();

  const ownRoomOf = (holder: string): number =>
    holder === '' ? Number.POSITIVE_INFINITY : maxQueuesPerPrincipal - (countByHolder.get(holder) ?? 0);

  return {
    holderOf: (principal) => (principal === '' ? '' : selectMaker.get(principal)?.counted_for || principal),
    roomOf: (holder) => Math.min(maxQueues - total, ownRoomOf(holder)),
    explain(holder) {
      const advice = 'delete those that nobody needs (contact queues delete)';
      if (ownRoomOf(holder) > 0) return `there are as many queues as the server takes (maxQueues): ${advice}`;
      const count = countByHolder.get(holder);
      return `${count} queues count for ${holder}, with those that it has made, and no more are taken (maxQueuesPerPrincipal): ${advice}`;
    },
    count(holder, by) {
      total += by;
      if (holder === '') return;
      const count = (countByHolder.get(holder) ?? 0) + by;
      if (count > 0) countByHolder.set(holder, count);
      else countByHolder.delete(holder);
    },
    usage: () => ({ name: 'queues', used: total, max: maxQueues }),
    clear() {
      total = 0;
      countByHolder.clear();
    },
  };
}
