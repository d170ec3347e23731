import { setTimeout as sleep } from 'node:timers/promises';

/** Looks every few milliseconds until `look` has an answer; the test's own time limit ends it. */
export async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(10);
  }
}
