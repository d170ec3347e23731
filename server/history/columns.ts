/**
 * Upper bounds of the buckets that waits and runs are counted in, in milliseconds; beyond the last there is one more. Small
 * ones are exact, and none is wider than two thirds of where it begins.
 */
export const BOUNDS_MS: readonly number[] = Object.freeze([
  ...[1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700],
  ...[1_000, 1_500, 2_000, 3_000, 5_000, 7_000, 10_000, 15_000, 20_000, 30_000, 45_000],
  ...[60_000, 90_000, 120_000, 180_000, 300_000, 420_000, 600_000, 900_000],
  ...[1_200_000, 1_800_000, 2_700_000, 3_600_000],
]);

export const BUCKETS = BOUNDS_MS.length + 1;

/** What is kept of a queue for each step: a row of numbers, of which these are the places. */
export const COLUMN = {
  // What happened within the step.
  enqueued: 0,
  claimed: 1,
  succeeded: 2,
  failed: 3,
  cancelled: 4,
  expired: 5,
  // How it stood at the end of the step.
  ready: 6,
  scheduled: 7,
  running: 8,
  oldestReadyMs: 9,
  // What waited and what ran, by bucket, each with what is in it alone.
  wait: 10,
  run: 10 + BUCKETS,
} as const;

export const COLUMNS = COLUMN.run + BUCKETS;

/** Events are in these columns, before all others. */
export const EVENT_COLUMNS = COLUMN.expired + 1;

/** The bucket of a duration. */
export function bucketOf(ms: number): number {
  let at = 0;
  while (at < BOUNDS_MS.length && ms > BOUNDS_MS[at]!) at += 1;
  return at;
}

/**
 * A duration that `share` of those that were counted stayed within, to a bucket: the one that has that rank is in the same.
 * Longer ones than the last bound count as that.
 * @param counts by bucket, in `numbers` from `first` on
 * @returns whole milliseconds; null: none was counted
 */
export function quantileOf(numbers: ArrayLike<number>, first: number, share: number): number | null {
  let total = 0;
  for (let at = 0; at < BUCKETS; at += 1) total += numbers[first + at]!;
  if (total === 0) return null;
  const rank = Math.max(1, Math.ceil(share * total));
  let before = 0;
  for (let at = 0; at < BOUNDS_MS.length; at += 1) {
    const count = numbers[first + at]!;
    if (before + count >= rank) {
      const low = at === 0 ? 0 : BOUNDS_MS[at - 1]!;
      return Math.round(low + ((BOUNDS_MS[at]! - low) * (rank - before)) / count);
    }
    before += count;
  }
  return BOUNDS_MS.at(-1)!;
}
