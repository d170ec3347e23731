/** How failures become retries. Pure: randomness comes in as a number. */

/** Losses of started deliveries after which a task fails for good, whatever its attempts. */
export const MAX_LOST = 20;

export const DEFAULT_MAX_ATTEMPTS = 5;
export const DEFAULT_BACKOFF = Object.freeze({ baseMs: 1_000, capMs: 300_000 });

export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * Exponential backoff with full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog 2015): a random time
 * from 0 to min(cap, base * 2^(attempt-1)).
 * @param attempt the attempt that failed, from 1
 * @param random from 0 to 1
 */
export function backoffMs(attempt: number, backoff: Backoff, random: number): number {
  const ceiling = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt - 1, 52));
  return Math.floor(ceiling * random);
}

/** What a failure asks for: the task's policy, no retry, or one after a time of its own. */
export type RetryAdvice =
  | { readonly kind: 'policy' }
  | { readonly kind: 'never' }
  | { readonly kind: 'after'; readonly ms: number };

/**
 * When to run again after attempt `attempt` failed; null: never, the failure is final.
 * @param now instant of the failure
 */
export function retryAt(
  now: number,
  attempt: number,
  maxAttempts: number,
  backoff: Backoff,
  advice: RetryAdvice,
  random: number,
): number | null {
  if (advice.kind === 'never' || attempt >= maxAttempts) return null;
  return now + (advice.kind === 'after' ? advice.ms : backoffMs(attempt, backoff, random));
}
