/** Steps that are told: an hour of those of ten seconds. */
export const KEPT_STEPS = 360;
/** And the one that is under way, and one that comes while an answer is read. */
export const SLOTS = KEPT_STEPS + 2;

/**
 * Time in steps, each a number: that of its beginning by the wall clock, so that the steps of several processes, and larger
 * ones that are made of them, begin alike. A step has a slot, which another takes over when it is long past.
 */
export interface Timeline {
  readonly stepMs: number;
  /** The step that is under way. */
  readonly current: number;
  /** The newest that has ended and whose numbers are all there. */
  readonly newest: number;
  /** Milliseconds of a step for which somebody has counted; 0: nobody, it is a gap. */
  coveredOf(step: number): number;
  /** So many more milliseconds of a step were counted, and all of its numbers are there. */
  cover(step: number, ms: number): void;
  /** So many milliseconds of a step were counted by an earlier process. */
  restore(step: number, ms: number): void;
  /** Goes on to a step that comes later. @param clear the slots of steps that begin */
  advance(next: number, clear: (slot: number) => void): void;
}

export function slotOf(step: number): number {
  return step % SLOTS;
}

export function createTimeline(stepMs: number, now: number): Timeline {
  const covered = new Float64Array(SLOTS);
  let current = Math.floor(now / stepMs);
  let newest = current - 1;

  return {
    stepMs,
    get current() {
      return current;
    },
    get newest() {
      return newest;
    },
    coveredOf: (step) => (step > current || step <= current - SLOTS ? 0 : covered[slotOf(step)]!),
    cover(step, ms) {
      covered[slotOf(step)]! += ms;
      newest = Math.max(newest, step);
    },
    restore(step, ms) {
      covered[slotOf(step)] = ms;
    },
    advance(next, clear) {
      for (let step = Math.max(current + 1, next - SLOTS + 1); step <= next; step += 1) {
        covered[slotOf(step)] = 0;
        clear(slotOf(step));
      }
      current = next;
    },
  };
}
