/** Limits whose refusals are counted. */
export const COUNTED_LIMITS = [
  'sessions_per_principal',
  'calls_per_principal',
  'enqueue_rate',
  'enqueue_refused',
] as const;

export type CountedLimit = (typeof COUNTED_LIMITS)[number];

/** How often each limit was reached since the server started, for operators. */
export interface Reached {
  note(limit: CountedLimit): void;
  readonly counts: Readonly<Record<CountedLimit, number>>;
}

export function createReached(): Reached {
  const counts = Object.fromEntries(COUNTED_LIMITS.map((limit) => [limit, 0])) as Record<CountedLimit, number>;
  return {
    note(limit) {
      counts[limit] += 1;
    },
    counts,
  };
}
