const PATIENCE_MS = 100_000;

type Found<T> = Exclude<Awaited<T>, false | '' | 0 | null | undefined>;

/**
 * Looks every few milliseconds until `look` has a true answer, and resolves with that. What it waits for comes from
 * outside: over a socket, from a process, from a disk. `what`: names it where it never comes; default: the code of
 * `look`.
 */
export function until<T>(look: () => T): Promise<Found<T>>;
export function until<T>(what: string, look: () => T, patienceMs?: number): Promise<Found<T>>;
export function until<T>(
  given: string | (() => T),
  look: () => T = given as () => T,
  patienceMs: number = PATIENCE_MS,
): Promise<Found<T>> {
  return search(String(given), look, patienceMs) as Promise<Found<T>>;
}

async function search(what: string, look: () => unknown, patienceMs: number): Promise<unknown> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** What must not happen: looks for `ms`. The only wait by time, for things that leave no trace. */
export async function never(what: string, condition: () => unknown, ms: number): Promise<void> {
  const deadline = performance.now() + ms;
  while (performance.now() < deadline) {
    if (await condition()) throw new Error(`came about: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
