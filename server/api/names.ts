import { ContactError } from '../../shared/errors.ts';

/** Queue names of a session that do not count, and of all sessions together those that do. */
const FREE_NAMES = 16;
const COME_AGAIN_MS = 10_000;
const MAX_NAMES = 100_000;

/**
 * Counts so many queue names of one session; what it answers takes them back, to be called once. Undefined: so few are
 * not counted. RESOURCE_EXHAUSTED: all sessions together have too many.
 */
export type AdmitNames = (count: number) => (() => void) | undefined;

/**
 * Bounds the names of all sessions: each that a session draws from costs some 500 bytes of memory, for some 20 sent.
 */
export function createNames(): AdmitNames {
  /** Names of all open sessions, those beyond the FREE_NAMES of each. */
  let nameCount = 0;

  return (count) => {
    const extra = Math.max(0, count - FREE_NAMES);
    if (extra === 0) return undefined;
    if (nameCount + extra > MAX_NAMES) {
      const problem = `all sessions together draw from too many; up to ${FREE_NAMES} are always taken`;
      throw new ContactError('RESOURCE_EXHAUSTED', problem, { field: 'queues', retryAfterMs: COME_AGAIN_MS });
    }
    nameCount += extra;
    return () => {
      nameCount -= extra;
    };
  };
}
