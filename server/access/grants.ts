import { matchesPattern, PATTERN_LISTS, type Rights } from '../model/access.ts';

/** What names of others stand for: a name, or the beginning of one and `*`, with what it allows. */
export type Grants = Readonly<Record<string, Partial<Rights>>>;

/** What is allowed to who has all of these names; null: none of them is known. */
export function grantedTo(names: readonly string[], grants: Grants): Rights | null {
  const found = Object.entries(grants)
    .filter(([pattern]) => names.some((name) => matchesPattern(pattern, name)))
    .map(([, rights]) => rights);
  if (found.length === 0) return null;
  const lists = PATTERN_LISTS.map((list) => [list, unite(found.map((rights) => rights[list] ?? []))] as const);
  const roles = unite(found.map((rights) => rights.roles ?? []));
  return { roles, ...(Object.fromEntries(lists) as unknown as Omit<Rights, 'roles'>) };
}

function unite<T>(lists: readonly (readonly T[])[]): readonly T[] {
  return [...new Set(lists.flat())];
}
