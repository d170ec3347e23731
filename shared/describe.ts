import { inspect } from 'node:util';

/** The description of a value that throws whenever it is asked what it is. */
const INDESCRIBABLE = 'a value that cannot be described';

/** Describes what was thrown. Never throws itself: the value may be a stranger's, whose own methods throw. */
export function describeThrown(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return textOf(thrown);
    const { message, name } = thrown as { readonly message: unknown; readonly name: unknown };
    return textOf(message) || textOf(name) || 'Error';
  } catch {
    return INDESCRIBABLE;
  }
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return String(value);
  } catch {
    return inspect(value, { depth: 1, customInspect: false });
  }
}
