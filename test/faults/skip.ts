import type { Context } from 'mocha';

/** Ends the test as skipped, and says why where nobody overlooks it. */
export function skipLoudly(test: Context, reason: string): never {
  const title = test.test?.type === 'hook' ? test.test.parent?.fullTitle() : test.test?.fullTitle();
  console.warn(`    SKIPPED, NOT PROVED: ${title}: ${reason}`);
  test.skip();
  throw new Error('unreachable');
}
