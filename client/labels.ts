import { isName } from '../shared/ids.ts';
import { NAME_FORM } from '../shared/name.ts';
import * as check from './check.ts';

/** What the server takes of one client. */
const MAX_LABELS = 64;

/** What is wrong with a label, as the server sees it; null: nothing. */
export function findLabelFault(key: string, value: string): string | null {
  if (!isName(key)) return `a key of ${NAME_FORM}, got ${JSON.stringify(key)}`;
  if (value === '' || isName(value)) return null;
  return `nothing, or ${NAME_FORM}, under ${JSON.stringify(key)}, got ${JSON.stringify(value)}`;
}

/** Labels that the server takes: known here, before a connection is made for nothing. */
export const isLabels: check.Check = (given) => {
  const expected = check.recordOf(check.text)(given);
  if (expected !== null) return expected;
  const pairs = Object.entries(given as Record<string, string>);
  if (pairs.length > MAX_LABELS) return `at most ${MAX_LABELS} of them`;
  return pairs.map(([key, value]) => findLabelFault(key, value)).find((fault) => fault !== null) ?? null;
};
