import { ContactError, invalid } from '../../shared/errors.ts';
import { isName } from '../../shared/ids.ts';
import { checkRights, matchesPattern, type Rights, type Role } from '../model/access.ts';

/** What a name of others stands for. */
export interface Grant {
  /** A name, or the beginning of one and `*`. */
  readonly pattern: string;
  readonly rights: Rights;
}

export type Grants = readonly Grant[];

/** In a pattern of queues or clients it stands for the name of who is let in: of a certificate, or the principal of a JWT. */
const OWN = '{name}';

/** How each list of rights is said, one pattern at a time. */
const KEYS: ReadonlyMap<string, keyof Rights> = new Map([
  ['role', 'roles'],
  ['queue', 'queues'],
  ['client', 'clients'],
  ['call', 'calls'],
  ['serve', 'serves'],
]);

/**
 * Reads `NAME role=R queue=Q …`.
 * @param option the option that they are of
 * @throws ContactError INVALID_ARGUMENT naming it
 */
export function readGrants(texts: readonly string[], option: string): Grants {
  return texts.map((text) => readGrant(text, option));
}

function readGrant(text: string, option: string): Grant {
  const [pattern = '', ...words] = text.split(/ +/);
  if (!/^[^*]+\*?$|^\*$/.test(pattern))
    throw expected(option, `to have a * at the end of a name alone, got \`${text}\``);
  const given: Record<keyof Rights, string[]> = { roles: [], queues: [], clients: [], calls: [], serves: [] };
  for (const word of words) {
    const at = word.indexOf('=');
    const list = KEYS.get(word.slice(0, at));
    if (at < 0 || !list) throw expected(option, `to have ${[...KEYS.keys()].join('=, ')}=, got \`${word}\``);
    given[list].push(word.slice(at + 1));
  }
  try {
    checkRights(nameIn(given as Rights & { roles: Role[] }, 'name'), pattern);
    return { pattern, rights: given as Rights & { roles: Role[] } };
  } catch (error) {
    throw expected(option, `to be right: ${ContactError.from(error).message}`);
  }
}

/** The same for who is called so; what is no name of a client would be a pattern itself, and means nothing. */
function nameIn(rights: Rights, own: string): Rights {
  const put = (patterns: readonly string[]): readonly string[] =>
    patterns.flatMap((pattern) => {
      if (!pattern.includes(OWN)) return [pattern];
      return isName(own) ? [pattern.replace(OWN, () => own)] : [];
    });
  return { ...rights, queues: put(rights.queues), clients: put(rights.clients) };
}

/**
 * What is allowed to who has all of these names: the rights of each grant, none of which goes with the roles or patterns of
 * another. Empty: none of the names is known.
 * @param own the name that `{name}` stands for
 */
export function grantedTo(names: readonly string[], grants: Grants, own: string): readonly Rights[] {
  return grants
    .filter(({ pattern }) => names.some((name) => matchesPattern(pattern, name)))
    .map(({ rights }) => nameIn(rights, own));
}

function expected(option: string, problem: string): ContactError {
  return invalid(option, `expected ${problem}`);
}
