import { invalid } from '../../shared/errors.ts';
import { CREDENTIAL_SHOWN } from '../../shared/name.ts';
import { hideSecrets, holdsCredential } from '../../shared/redact.ts';

export const ROLES = ['worker', 'producer', 'observer', 'operator'] as const;

export type Role = (typeof ROLES)[number];

/**
 * What a credential allows. Each list: names, or patterns that end in `*`; none allows nothing, `*` alone allows all. There
 * is no pattern that denies.
 */
export interface Rights {
  readonly roles: readonly Role[];
  /** `{client}` in a pattern, once, stands for the id of the client whose credential it is. */
  readonly queues: readonly string[];
  /** Of a worker: ids that it may have. Of others: whom they may address, list, drain and call. */
  readonly clients: readonly string[];
  /** Methods that it may call of clients: `pkg.Service/Method`, `pkg.*`. */
  readonly calls: readonly string[];
  /** Methods that a worker may serve. */
  readonly serves: readonly string[];
}

/** The lists of patterns in them. */
export const PATTERN_LISTS = ['queues', 'clients', 'calls', 'serves'] as const satisfies readonly (keyof Rights)[];

/** Nothing but its roles is left to say of who may do everything. */
export const ALL_RIGHTS: Rights = Object.freeze({
  roles: ROLES,
  queues: Object.freeze(['*']),
  clients: Object.freeze(['*']),
  calls: Object.freeze(['*']),
  serves: Object.freeze(['*']),
});

const MAX_PATTERNS = 64;
const MAX_PATTERN_LENGTH = 128;

const CLIENT = '{client}';

/** A name, or the beginning of one, whose characters are those of queues and clients. */
const NAME_PATTERN = /^[A-Za-z0-9._:/-]*\*?$/;
/** `pkg.Service/Method`, or the beginning of one and `*`. */
const METHOD_PATTERN = /^(?:[A-Za-z0-9_.]+\/[A-Za-z0-9_]+|(?:[A-Za-z0-9_.]+(?:\/[A-Za-z0-9_]*)?)?\*)$/;

/** Whether a name is meant by a pattern: the same, or one that ends in `*`. A `*` elsewhere matches nothing. */
export function matchesPattern(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** Whether one of the patterns means the name. */
export function matchesAny(patterns: 'all' | readonly string[], name: string): boolean {
  return patterns === 'all' || patterns.some((pattern) => matchesPattern(pattern, name));
}

/** Whether one of the patterns means a name of this beginning. */
export function mayMatch(patterns: readonly string[], beginning: string): boolean {
  return patterns.some(
    (one) => one.startsWith(beginning) || (one.endsWith('*') && beginning.startsWith(one.slice(0, -1))),
  );
}

/** Whether whatever `pattern` means is also meant by one of `others`. */
function isCovered(pattern: string, others: 'all' | readonly string[]): boolean {
  if (others === 'all') return true;
  return others.some((other) => other === pattern || (other.endsWith('*') && pattern.startsWith(other.slice(0, -1))));
}

/**
 * The first pattern of `rights` that goes beyond what its maker may: `rights.queues[2]`; undefined: none does. Roles are
 * not compared, since an operator makes credentials of workers. A pattern has to be within a single one of the maker's;
 * `{client}` is within what every client's id would be within: `robots/{client}` within `robots/*` alone.
 */
export function findBeyond(
  rights: Rights,
  maker: { readonly [K in (typeof PATTERN_LISTS)[number]]: 'all' | readonly string[] },
): string | undefined {
  for (const list of PATTERN_LISTS) {
    const index = rights[list].findIndex((pattern) => !isCovered(pattern, maker[list]));
    if (index >= 0) return `rights.${list}[${index}]`;
  }
  return undefined;
}

/** Patterns as they are for one client, or for nobody in particular: then those with `{client}` mean nothing, and go. */
export function withClient(patterns: readonly string[], clientId: string | undefined): readonly string[] {
  if (!patterns.some((pattern) => pattern.includes(CLIENT))) return patterns;
  if (clientId === undefined) return patterns.filter((pattern) => !pattern.includes(CLIENT));
  return patterns.map((pattern) => pattern.replace(CLIENT, () => clientId));
}

/**
 * The same rights without what is said twice.
 * @throws ContactError INVALID_ARGUMENT naming the place: `rights.queues[3]`
 */
export function checkRights(rights: Rights, field = 'rights'): Rights {
  const roles = [...new Set(rights.roles)];
  const strange = roles.findIndex((role) => !ROLES.includes(role));
  if (strange >= 0) throw invalid(`${field}.roles[${strange}]`, `expected one of ${ROLES.join(', ')}`);
  if (roles.length === 0) throw invalid(`${field}.roles`, `expected at least one of ${ROLES.join(', ')}`);
  const lists = PATTERN_LISTS.map((list) => [list, checkPatterns(rights[list], list, `${field}.${list}`)] as const);
  return { roles, ...(Object.fromEntries(lists) as Omit<Rights, 'roles'>) };
}

function checkPatterns(
  patterns: readonly string[],
  list: (typeof PATTERN_LISTS)[number],
  field: string,
): readonly string[] {
  if (patterns.length > MAX_PATTERNS) throw invalid(field, `expected at most ${MAX_PATTERNS} patterns`);
  patterns.forEach((pattern, index) => {
    const problem = refusePattern(pattern, list);
    if (problem) throw invalid(`${field}[${index}]`, problem);
  });
  return [...new Set(patterns)];
}

/** What of it is not as it must be; undefined: nothing. */
function refusePattern(pattern: string, list: (typeof PATTERN_LISTS)[number]): string | undefined {
  if (holdsCredential(pattern)) return `got ${CREDENTIAL_SHOWN}`;
  const shown = JSON.stringify(hideSecrets(pattern).slice(0, MAX_PATTERN_LENGTH));
  if (pattern === '') return 'expected a pattern, got ""';
  if (pattern.length > MAX_PATTERN_LENGTH) return `expected at most ${MAX_PATTERN_LENGTH} characters, got ${shown}…`;
  if (list === 'calls' || list === 'serves') {
    return METHOD_PATTERN.test(pattern)
      ? undefined
      : `expected pkg.Service/Method, pkg.Service/*, pkg.* or *, got ${shown}`;
  }
  const plain = list === 'queues' ? pattern.replace(CLIENT, 'c') : pattern;
  if (NAME_PATTERN.test(plain)) return undefined;
  const form = `[A-Za-z0-9._:/-], and a * at its end if it is the beginning of one`;
  const also = list === 'queues' ? `; ${CLIENT} may stand in it once` : '';
  return `expected a name of ${form}${also}, got ${shown}`;
}
