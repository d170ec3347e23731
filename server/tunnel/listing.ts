import { type Claimant, rootOf } from './claimant.ts';

/** Of an answer that lists services; stock clients take 4 MiB. */
const MAX_LISTED_BYTES = 3 << 20;
/** What a name costs in it beside its bytes: tags and lengths. */
const OVERHEAD_BYTES = 8;

/** The names of each principal's clients together, and of those that an operator has made; where nobody asked who that is, each client is by itself. */
export function joinNames(
  clients: Iterable<{
    readonly claimant: Pick<Claimant, 'clientId' | 'subject' | 'countedFor'>;
    readonly described: ReadonlySet<string>;
  }>,
): readonly ReadonlySet<string>[] {
  const byHolder = new Map<string, Set<string>>();
  for (const { claimant, described } of clients) {
    const { subject, clientId } = claimant;
    // No principal has a line break.
    const holder = subject === '' ? `\n${clientId}` : rootOf(claimant);
    const names = byHolder.get(holder) ?? new Set();
    byHolder.set(holder, names);
    for (const name of described) names.add(name);
  }
  return [...byHolder.values()];
}

/**
 * The names of services of several holders, each once. Where they are too many, those are left out that come from who
 * has most of them: nobody's names push out those of who has few.
 */
export function listNames(namesOfHolders: readonly ReadonlySet<string>[], maxBytes = MAX_LISTED_BYTES): Set<string> {
  const weighed = namesOfHolders.map((names) => ({ names, weight: weigh(names) }));
  const listed = new Set<string>();
  let bytes = 0;
  for (const { names } of weighed.sort((a, b) => a.weight - b.weight)) {
    for (const name of names) {
      if (listed.has(name)) continue;
      bytes += name.length + OVERHEAD_BYTES;
      if (bytes > maxBytes) return listed;
      listed.add(name);
    }
  }
  return listed;
}

function weigh(names: ReadonlySet<string>): number {
  let bytes = 0;
  for (const name of names) bytes += name.length + OVERHEAD_BYTES;
  return bytes;
}
