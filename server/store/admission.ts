export interface GroupSize {
  readonly items: number;
  readonly bytes: number;
}

/**
 * What a request is to those beside it. `end`: a task that was begun comes to its end, or the next one is given out.
 * `begin`: new tasks. `other`: waits for what came before it.
 */
export type Role = 'begin' | 'end' | 'other';

export interface Admission<W> {
  /** Takes the next group out of what waits. */
  take(waiting: readonly W[]): { readonly group: W[]; readonly rest: W[] };
}

export interface AdmissionOptions<W> {
  readonly sizeOf: (one: W) => GroupSize;
  readonly roleOf: (one: W) => Role;
  readonly maxItems: number;
  readonly maxBytes: number;
  /** New tasks that a group takes on average while results wait. */
  readonly beginItems: number;
}

/**
 * In order of arrival, so that a flood of one kind starves no other, with one exception: what ends tasks goes before
 * what begins them. New tasks that are taken in faster than old ones are worked off would only wait, and cost more when
 * their turn comes; but they get their share of the groups.
 */
export function createAdmission<W>(options: AdmissionOptions<W>): Admission<W> {
  const { sizeOf, roleOf, maxItems, maxBytes, beginItems } = options;
  /** New tasks that may still be taken; less than none after a large request, which is never divided. */
  let allowance = beginItems;

  return {
    take(waiting) {
      const hasEnds = waiting.some((one) => roleOf(one) === 'end' && sizeOf(one).items > 0);
      allowance = hasEnds ? Math.min(allowance, 0) + beginItems : Number.POSITIVE_INFINITY;
      const group: W[] = [];
      const rest: W[] = [];
      let items = 0;
      let bytes = 0;
      let isFull = false;
      for (const one of waiting) {
        const size = sizeOf(one);
        const role = roleOf(one);
        const mustWait = rest.length > 0 ? role !== 'end' : role === 'begin' && allowance <= 0;
        isFull ||= group.length > 0 && (items + size.items > maxItems || bytes + size.bytes > maxBytes);
        if (isFull || mustWait) {
          rest.push(one);
          continue;
        }
        if (role === 'begin') allowance -= size.items;
        items += size.items;
        bytes += size.bytes;
        group.push(one);
      }
      if (!hasEnds) allowance = beginItems;
      return { group, rest };
    },
  };
}
