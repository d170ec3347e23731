import type { CloseAdvice } from '../shared/errors.ts';

/** How long to wait between tries, in milliseconds; each wait is drawn from 0 to its ceiling, which doubles. */
export interface BackoffOptions {
  /** Milliseconds: the ceiling of the first wait; it doubles with each. Default: as whoever takes these options says. */
  readonly baseMs: number;
  /** Milliseconds that no wait exceeds. Default: as of `baseMs`. */
  readonly capMs: number;
}

export const DEFAULT_BACKOFF: BackoffOptions = Object.freeze({ baseMs: 100, capMs: 5_000 });

/**
 * Milliseconds to wait before the next try to connect: exponential with full jitter. Advice `now` shortens the
 * first wait to the first ceiling, still drawn at random so that a server's clients do not all come back at once.
 * @param failures tries that failed in a row, the newest included; from 1
 * @param random 0 to 1
 */
export function reconnectMs(
  failures: number,
  retry: CloseAdvice['retry'],
  options: BackoffOptions,
  random: number,
): number {
  const doublings = retry === 'now' ? failures - 1 : failures;
  const ceiling = Math.min(options.capMs, options.baseMs * 2 ** Math.min(doublings, 40));
  return Math.floor(ceiling * random);
}
