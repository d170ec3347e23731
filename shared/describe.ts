import { inspect } from 'node:util';

/** What can be said of a value whose own words fail. */
const INDESCRIBABLE = 'a value that cannot be described';

/** What was thrown, in words. Never throws: whatever it is, it may be a stranger's, and its own words may fail. */
export function describeThrown(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return wordsOf(thrown);
    const { message, name } = thrown as { readonly message: unknown; readonly name: unknown };
    return wordsOf(message) || wordsOf(name) || 'Error';
  } catch {
    return INDESCRIBABLE;
  }
}

function wordsOf(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return String(value);
  } catch {
    return inspect(value, { depth: 1, customInspect: false });
  }
}
