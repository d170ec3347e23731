/** How much a request takes of a group. */
interface Weighed {
  readonly items: number;
  readonly bytes: number;
}

export interface AdmissionOptions<W> {
  /** What one group holds; a request that is larger goes alone. */
  readonly maxItems: number;
  readonly maxBytes: number;
  /** Whose turn a request takes; undefined: none, it goes when it comes. */
  readonly turnOf: (waiting: W) => string | undefined;
}

/** Takes the next group out of what waits, in order of arrival. */
export type Admit<W> = (queue: W[]) => { readonly group: W[]; readonly rest: W[] };

/**
 * Who is in the next group. What fits goes in as it came. Where more waits than fits, the places of requests that take turns are
 * given to those who wait one after the other, in the order in which the first request of each came: so nobody waits for more
 * than one request of each other, however many those have sent. Each one's own requests, and all that take no turns, keep their
 * places: as many inserts and as many results go into a group as came first.
 */
export function createAdmission<W extends Weighed>({ maxItems, maxBytes, turnOf }: AdmissionOptions<W>): Admit<W> {
  /** Who had the last turn: the next one is that of who comes after. */
  let last: string | undefined;

  function countFitting(queue: readonly W[]): number {
    let [count, items, bytes] = [0, 0, 0];
    for (const next of queue) {
      if (count > 0 && (items + next.items > maxItems || bytes + next.bytes > maxBytes)) return count;
      items += next.items;
      bytes += next.bytes;
      count += 1;
    }
    return count;
  }

  function isOfSeveral(queue: readonly W[]): boolean {
    let first: string | undefined;
    return queue.some((one) => {
      const whose = turnOf(one);
      first ??= whose;
      return whose !== first && whose !== undefined;
    });
  }

  /** The same requests, in their turns. */
  function* inTurn(queue: readonly W[]): Generator<W> {
    const lines = new Map<string, W[]>();
    for (const one of queue) {
      const whose = turnOf(one);
      if (whose === undefined) continue;
      const line = lines.get(whose);
      if (line) line.push(one);
      else lines.set(whose, [one]);
    }
    const names = [...lines.keys()];
    const taken = new Map<string, number>();
    let at = last === undefined ? 0 : names.indexOf(last) + 1;
    for (const one of queue) {
      if (turnOf(one) === undefined) {
        yield one;
        continue;
      }
      // As many lines are looked at as have ended since the last turn, and at most all: each place is of somebody's request.
      while ((taken.get(names[at % names.length]!) ?? 0) >= lines.get(names[at % names.length]!)!.length) at += 1;
      const whose = names[at % names.length]!;
      const place = taken.get(whose) ?? 0;
      yield lines.get(whose)![place]!;
      taken.set(whose, place + 1);
      last = whose;
      at += 1;
    }
  }

  return (queue) => {
    const count = countFitting(queue);
    if (count === queue.length) return { group: queue, rest: [] };
    if (!isOfSeveral(queue)) return { group: queue.slice(0, count), rest: queue.slice(count) };
    const group = new Set<W>();
    let [items, bytes] = [0, 0];
    for (const next of inTurn(queue)) {
      if (group.size > 0 && (items + next.items > maxItems || bytes + next.bytes > maxBytes)) break;
      items += next.items;
      bytes += next.bytes;
      group.add(next);
    }
    return { group: [...group], rest: queue.filter((one) => !group.has(one)) };
  };
}
