const MAX_SHOWN = 5;
/** Longer than any name of a service with its package that people write. */
const MAX_WANTED_LENGTH = 256;

/**
 * How many characters have to be added, taken away, replaced or swapped with their neighbour to make one text the other.
 * @param limit more than so many are not counted: the answer is then any larger number. Default: all are
 */
export function countEdits(one: string, other: string, limit = Number.POSITIVE_INFINITY): number {
  if (Math.abs(one.length - other.length) > limit) return limit + 1;
  let before: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row++) {
    const next = [row];
    for (let column = 1; column <= other.length; column++) {
      const isSame = one[row - 1] === other[column - 1];
      let edits = Math.min(last[column]! + 1, next[column - 1]! + 1, last[column - 1]! + (isSame ? 0 : 1));
      if (row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]) {
        edits = Math.min(edits, before[column - 2]! + 1);
      }
      next.push(edits);
    }
    // What comes later is made of these two rows.
    if (Math.min(...last) > limit && Math.min(...next) > limit) return limit + 1;
    before = last;
    last = next;
  }
  return last[other.length]!;
}

/** The names that somebody may have meant who wrote `wanted`, the nearest first; upper and lower case are alike. */
export function findNear(wanted: string, names: readonly string[]): string[] {
  // The work goes with the length, and nobody mistypes a name of that one.
  if (wanted.length > MAX_WANTED_LENGTH) return [];
  const text = wanted.toLowerCase();
  const limit = Math.max(2, Math.floor(text.length / 4));
  const rate = (name: string): number => {
    const known = name.toLowerCase();
    if (known.endsWith(`.${text}`) || text.endsWith(`.${known}`)) return 0;
    return countEdits(text, known, limit);
  };
  return names
    .map((name) => ({ name, edits: rate(name) }))
    .filter(({ edits }) => edits <= limit)
    .toSorted((a, b) => a.edits - b.edits)
    .slice(0, MAX_SHOWN)
    .map(({ name }) => name);
}

/** The first of these lists that has something, as the end of a sentence. */
export function suggest(near: readonly string[], all: readonly string[]): string {
  if (near.length > 0) return `; did you mean ${near.join(' or ')}?`;
  return all.length === 0 ? '' : `; it has ${all.slice(0, 20).join(', ')}${all.length > 20 ? ', …' : ''}`;
}
