import { invalid } from '../../shared/errors.ts';
import { CREDENTIAL_SHOWN } from '../../shared/name.ts';
import { hideSecrets, holdsCredential } from '../../shared/redact.ts';

/**
 * Label selectors in the grammar of Kubernetes ("Labels and Selectors", kubernetes.io): requirements joined by commas,
 * all of which must hold.
 *
 *     site=berlin, arch==arm64, tier!=test, zone in (a, b), zone notin (c), gpu, !legacy
 *
 * As there, `!=` and `notin` also match clients that do not have the label at all.
 */
export interface Selector {
  /** The one spelling of all selectors that mean the same: sorted, without spaces. It is the name of the lane. */
  readonly canonical: string;
  matches(labels: Readonly<Record<string, string>>): boolean;
}

interface Requirement {
  readonly key: string;
  readonly operator: 'in' | 'notin' | 'exists' | 'absent';
  readonly values: readonly string[];
}

const MAX_LENGTH = 1_024;
const TOKEN = /\s*(?:(==|!=|=|!|,|\(|\))|([A-Za-z0-9._:/-]+))/y;

export function parseSelector(text: string, field: string): Selector {
  if (text.length > MAX_LENGTH) throw invalid(field, `at most ${MAX_LENGTH} characters`);
  if (holdsCredential(text)) throw invalid(field, `got ${CREDENTIAL_SHOWN}`);
  const tokens = tokenize(text, field);
  const requirements = splitRequirements(tokens, field).map((part) => parseRequirement(part, field));
  const canonical = [...new Set(requirements.map(write))].sort().join(',');
  return { canonical, matches: (labels) => requirements.every((one) => holds(one, labels)) };
}

function tokenize(text: string, field: string): string[] {
  const tokens: string[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match)
      throw invalid(field, `not a label selector at character ${at + 1}: ${JSON.stringify(text.slice(at, at + 20))}`);
    tokens.push(match[1] ?? match[2]!);
  }
  if (tokens.length === 0) throw invalid(field, 'expected a label selector such as site=berlin');
  return tokens;
}

/** Splits the tokens at the commas outside of parentheses. */
function splitRequirements(tokens: readonly string[], field: string): string[][] {
  const parts: string[][] = [[]];
  let isInside = false;
  for (const token of tokens) {
    if (token === '(' || token === ')') isInside = token === '(';
    if (token === ',' && !isInside) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  if (parts.some((part) => part.length === 0)) throw invalid(field, 'a requirement is missing beside a comma');
  return parts;
}

function parseRequirement(tokens: readonly string[], field: string): Requirement {
  const [first, second, third] = tokens;
  const refuse = (): Error => invalid(field, `not a requirement: ${hideSecrets(tokens.join(' '))}`);
  if (first === '!') {
    if (tokens.length !== 2 || !isWord(second)) throw refuse();
    return { key: second, operator: 'absent', values: [] };
  }
  if (!isWord(first)) throw refuse();
  if (tokens.length === 1) return { key: first, operator: 'exists', values: [] };
  if (second === '=' || second === '==' || second === '!=') {
    // `key=` requires the empty value.
    if (tokens.length > 3 || (third !== undefined && !isWord(third))) throw refuse();
    return { key: first, operator: second === '!=' ? 'notin' : 'in', values: [third ?? ''] };
  }
  if (second !== 'in' && second !== 'notin') throw refuse();
  const values = tokens.slice(3, -1);
  if (third !== '(' || tokens.at(-1) !== ')' || values.length % 2 === 0) throw refuse();
  if (!values.every((value, index) => (index % 2 === 0 ? isWord(value) : value === ','))) throw refuse();
  return { key: first, operator: second, values: [...new Set(values.filter((value) => value !== ','))].sort() };
}

/** Whether a token is a name or a value of a label, which may begin with any of these characters. */
function isWord(token: string | undefined): token is string {
  return token !== undefined && /^[A-Za-z0-9._:/-]/.test(token);
}

function write({ key, operator, values }: Requirement): string {
  if (operator === 'exists') return key;
  if (operator === 'absent') return `!${key}`;
  if (values.length === 1) return `${key}${operator === 'in' ? '=' : '!='}${values[0]}`;
  return `${key} ${operator} (${values.join(',')})`;
}

function holds({ key, operator, values }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  if (operator === 'exists') return value !== undefined;
  if (operator === 'absent') return value === undefined;
  if (operator === 'in') return value !== undefined && values.includes(value);
  return value === undefined || !values.includes(value);
}
