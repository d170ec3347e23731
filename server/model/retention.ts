/** How long settled tasks and their results are kept; 0: no limit of this kind. */
export interface Retention {
  /** Milliseconds from when a task was settled. */
  readonly maxAgeMs: number;
  /** Settled tasks of one queue; of more the oldest results go first. */
  readonly maxCount: number;
}

export const FOREVER: Retention = Object.freeze({ maxAgeMs: 0, maxCount: 0 });

export const DAY_MS = 86_400_000;

/**
 * Nothing that settled within this time is pruned, whatever the retention says: a producer that sends again what it was
 * not told of finds its task still there, and it is not run twice.
 */
export const LEAST_AGE_MS = 600_000;

/** Up to which instant a task may have been settled to be pruned for its age; -Infinity: for no age. */
export function expiredUpTo({ maxAgeMs }: Retention, now: number): number {
  return maxAgeMs === 0 ? Number.NEGATIVE_INFINITY : now - Math.max(maxAgeMs, LEAST_AGE_MS);
}

/**
 * Whether a task is pruned that is the oldest result which its queue keeps.
 * @param count settled tasks of the queue, this one included
 */
export function isOver(retention: Retention, settledAt: number, count: number, now: number): boolean {
  if (settledAt <= expiredUpTo(retention, now)) return true;
  return retention.maxCount > 0 && count > retention.maxCount && settledAt <= now - LEAST_AGE_MS;
}
