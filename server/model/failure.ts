import { cutText, lineOf } from '../../shared/text.ts';
import type { AttemptRecord } from './attempt.ts';
import type { TaskError } from './task.ts';

// Which attempts are failures, and which of those are alike: of the same code, and a message that differs in numbers and
// ids alone.

/** By what failures are counted together. */
export type FailureGrouping = 'error' | 'client' | 'queue';

/** Characters of a message that are looked at, and of a pattern that are kept. */
const MAX_LOOKED = 400;
const MAX_PATTERN_LENGTH = 200;

/** A word with a digit in it that is so long is an id. */
const ID_LENGTH = 6;

/**
 * What failed in an attempt; null: nothing did, or it is not known that anything did. Whoever gave a task back, or was
 * asked to stop, did not fail; nor does a client that was lost before it had begun.
 */
export function failureOf(ended: Pick<AttemptRecord, 'end' | 'error' | 'isUntouched'>): TaskError | null {
  switch (ended.end) {
    case null:
    case 'succeeded':
    case 'cancelled':
      return null;
    case 'lost':
      // The last one of a task says how often, which is no other failure.
      return ended.isUntouched ? null : { code: 'LOST', message: 'its session was lost' };
    default:
      return ended.error;
  }
}

/** A message in one line, with `#` for each number and each id: what messages that are alike have in common. */
export function patternOf(message: string): string {
  const pattern = lineOf(message.slice(0, MAX_LOOKED))
    .replace(/[\p{L}\p{N}_-]+/gu, hideDigits)
    // An address, a date, an amount.
    .replace(/#(?:[.,:/-]+#|#)+/g, '#')
    .replace(/\s+/g, ' ')
    .trim();
  // Without a pattern is the kind of all those that are told apart no more.
  return cutText(pattern, MAX_PATTERN_LENGTH) || '(no message)';
}

function hideDigits(word: string): string {
  if (!/\p{N}/u.test(word)) return word;
  return word.length >= ID_LENGTH ? '#' : word.replace(/\p{N}+/gu, '#');
}
