import type { CallEnd } from './closing.ts';

/** Ceiling of the first pause after another program took this worker's name. */
const BASE_MS = 2_000;
const CAP_MS = 60_000;
/** A session that lasted this long had no rival. */
const PEACE_MS = 5 * CAP_MS;

/**
 * How long a worker stays away whose place another program of the same client id took. Both of two copies come back,
 * each taking the other's tasks, so the pauses grow until somebody looks at `status$`.
 */
export interface Rivalry {
  /** How many milliseconds to stay away after this end of a session; 0: it was not replaced. */
  pauseMs(end: CallEnd, livedMs: number): number;
}

export function createRivalry(random: () => number): Rivalry {
  let defeats = 0;
  return {
    pauseMs({ advice }, livedMs) {
      if (livedMs >= PEACE_MS) defeats = 0;
      if (!isReplaced(advice)) return 0;
      const ceiling = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(defeats, 10));
      defeats += 1;
      // Never at once: the other one shall have done something meanwhile.
      return Math.round((ceiling * (1 + random())) / 2);
    },
  };
}

export function isReplaced(advice: CallEnd['advice']): boolean {
  return advice?.reason === 'REPLACED';
}
