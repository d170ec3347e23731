import { InvalidArgumentError } from 'commander';
import { parsePositiveDuration } from './duration.ts';

/** How long a task waits before it is tried again, in milliseconds. */
export interface Backoff {
  readonly baseMs: number;
  /** Absent: as the server says. */
  readonly capMs?: number;
}

/** `1s` or `1s,5m`: what the first retry waits at most, doubled for each one after it, up to the second. */
export function parseBackoff(text: string): Backoff {
  const [base = '', cap, ...more] = text.split(',');
  if (more.length > 0) throw new InvalidArgumentError('Expected BASE or BASE,CAP, such as 1s,5m.');
  const baseMs = parsePositiveDuration(base);
  if (cap === undefined) return { baseMs };
  const capMs = parsePositiveDuration(cap);
  if (capMs < baseMs) throw new InvalidArgumentError(`Expected a cap of at least ${base}.`);
  return { baseMs, capMs };
}
