/**
 * Starts work for each item as it comes and finishes the outcomes in the order of the items, also while the source
 * is silent. At most `size` items are started and not finished; `finish` is called for one at a time.
 * Rejects with what the source or `finish` threw.
 */
export async function forEachInOrder<S, T>(
  source: AsyncIterable<S>,
  size: number,
  start: (item: S) => Promise<T>,
  finish: (outcome: PromiseSettledResult<T>, item: S) => Promise<void> | undefined,
): Promise<void> {
  const unfinished: Promise<void>[] = [];
  let last = Promise.resolve();
  for await (const item of source) {
    if (unfinished.length >= size) await unfinished.shift();
    const [outcome, before] = [settle(start(item)), last];
    last = before.then(async () => finish(await outcome, item));
    // Awaited later; until then a rejection must not count as unhandled.
    last.catch(() => undefined);
    unfinished.push(last);
  }
  await last;
}

async function settle<T>(work: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [outcome] = await Promise.allSettled([work]);
  return outcome;
}
