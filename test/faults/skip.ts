import type { Context } from 'mocha';

/** Ends the test as skipped, and says why where nobody overlooks it. */
export function skipLoudly(test: Context, reason: string): never {
  console.warn(`    SKIPPED, NOT PROVED: ${test.test?.fullTitle() ?? 'a test'}: ${reason}`);
  test.skip();
  throw new Error('unreachable');
}
