import type { Context } from 'mocha';

/** Ends the test as skipped, or from a `before` hook the whole suite, and says why where nobody overlooks it. */
export function skipLoudly(test: Context, reason: string): never {
  const title = test.test?.fullTitle().replace(/ "before all" hook.*/, '');
  console.warn(`    SKIPPED, NOT PROVED: ${title}: ${reason}`);
  test.skip();
  throw new Error('unreachable');
}
