import { ContactError } from '../../shared/errors.ts';
import { type Caller, holdersOf } from '../model/caller.ts';
import { createShares } from '../model/shares.ts';

/** Queue names of a session that do not count, and of all sessions together those that do. */
const FREE_NAMES = 16;
const COME_AGAIN_MS = 10_000;
const MAX_NAMES = 100_000;

/**
 * Counts so many queue names of one session; what it answers takes them back, to be called once. Undefined: so few are
 * not counted. RESOURCE_EXHAUSTED: all sessions together have too many, or those of the principal have.
 */
export type AdmitNames = (count: number, caller: Pick<Caller, 'principal' | 'countedFor'>) => (() => void) | undefined;

/**
 * Bounds the names of all sessions: each that a session draws from costs some 500 bytes of memory, for some 20 sent.
 */
/** @param onReached a principal would have had more than its share */
export function createNames(onReached?: () => void): AdmitNames {
  /** Names of all open sessions, those beyond the FREE_NAMES of each. */
  let nameCount = 0;
  const shares = createShares(MAX_NAMES, onReached);

  function refuse(problem: string): ContactError {
    const text = `${problem}; up to ${FREE_NAMES} of a session are always taken`;
    return new ContactError('RESOURCE_EXHAUSTED', text, { field: 'queues', retryAfterMs: COME_AGAIN_MS });
  }

  return (count, caller) => {
    const extra = Math.max(0, count - FREE_NAMES);
    if (extra === 0) return undefined;
    if (nameCount + extra > MAX_NAMES) {
      throw refuse('all sessions together draw from too many');
    }
    const holders = holdersOf(caller);
    const full = shares.take(holders, extra);
    if (full !== undefined) throw refuse(`the sessions of ${full} draw from more than ${shares.max}`);
    nameCount += extra;
    return () => {
      nameCount -= extra;
      shares.giveBack(holders, extra);
    };
  };
}
