import { COLUMNS, EVENT_COLUMNS } from './columns.ts';
import { SLOTS, slotOf } from './timeline.ts';

/** What one queue, or several together, did and how they stood: a row of numbers for each step. */
export interface Ring {
  readonly numbers: Uint32Array;
  /** The first step from which all of the queue is counted here; before, it was among others. */
  from: number;
  /** The newest step in which it had anything. */
  activeAt: number;
}

export function createRing(from: number, activeAt: number): Ring {
  return { numbers: new Uint32Array(SLOTS * COLUMNS), from, activeAt };
}

/** The row of a step; what is written to it is in the ring. */
export function rowOf({ numbers }: Ring, step: number): Uint32Array {
  const base = slotOf(step) * COLUMNS;
  return numbers.subarray(base, base + COLUMNS);
}

/** What is more than a number of a ring can hold is the most that it can. */
export function saturate(value: number): number {
  return Math.min(2 ** 32 - 1, Math.max(0, Math.round(value)));
}

/** Events of all steps together. */
export function countEvents({ numbers }: Ring): number {
  let events = 0;
  for (let base = 0; base < numbers.length; base += COLUMNS) {
    for (let at = 0; at < EVENT_COLUMNS; at += 1) events += numbers[base + at]!;
  }
  return events;
}
