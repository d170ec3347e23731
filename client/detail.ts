import { mendText } from '../shared/text.ts';
import { cutText } from './text.ts';

const MAX_DETAIL_BYTES = 4_096;
/** Errors of a chain of causes that are told. */
const MAX_CAUSES = 8;

/**
 * Where an error came from: its stack and those of its causes, each with its share of 4 KiB. Nothing else of it is told, of
 * whatever properties it has. Never throws: the value may be a stranger's.
 */
export function detailOf(thrown: unknown): string {
  const stacks = stacksOf(thrown);
  if (stacks.length === 0) return '';
  const marks = '\nCaused by: '.length * (stacks.length - 1);
  const share = Math.floor((MAX_DETAIL_BYTES - marks) / stacks.length);
  const whole = stacks.join('\nCaused by: ');
  if (Buffer.byteLength(whole) <= MAX_DETAIL_BYTES) return whole;
  return stacks.map((stack) => cutText(stack, share)).join('\nCaused by: ');
}

function stacksOf(thrown: unknown): string[] {
  const seen = new Set<unknown>();
  const stacks: string[] = [];
  try {
    for (let error = thrown; isThing(error) && !seen.has(error) && seen.size < MAX_CAUSES; error = error.cause) {
      seen.add(error);
      const { stack } = error;
      if (typeof stack === 'string' && stack !== '') stacks.push(mendText(stack));
    }
  } catch {
    // Whatever throws when it is asked has no more to say.
  }
  return stacks;
}

function isThing(value: unknown): value is { readonly stack?: unknown; readonly cause?: unknown } {
  return typeof value === 'object' && value !== null;
}
