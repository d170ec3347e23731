/** Upper bounds of the buckets of a histogram, in order, in the unit that is told; beyond the last there is one more. */
export type Bounds = readonly number[];

/** From what is at once to what somebody should look at, in seconds. */
export const WAIT_SECONDS: Bounds = [0.005, 0.05, 0.5, 5, 60, 600];
export const RUN_SECONDS: Bounds = [0.01, 0.1, 1, 10, 60, 600];

/** What is counted of each queue: a row of numbers, of which these are the places. */
export const COLUMN = {
  enqueued: 0,
  claimed: 1,
  succeeded: 2,
  failed: 3,
  cancelled: 4,
  expired: 5,
  /** Of each histogram its buckets, each with what is below it alone, and the sum of all. */
  wait: 6,
  waitSum: 6 + WAIT_SECONDS.length + 1,
  run: 8 + WAIT_SECONDS.length,
  runSum: 9 + WAIT_SECONDS.length + RUN_SECONDS.length,
} as const;

export const COLUMNS = COLUMN.runSum + 1;

/** The bucket of a value. */
export function bucketOf(bounds: Bounds, value: number): number {
  let at = 0;
  while (at < bounds.length && value > bounds[at]!) at += 1;
  return at;
}
