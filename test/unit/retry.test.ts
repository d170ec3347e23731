import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Backoff, backoffMs, DEFAULT_BACKOFF, DEFAULT_MAX_ATTEMPTS, retryAt } from '../../server/model/retry.ts';

const ALMOST_ONE = 1 - 2 ** -53;
const POLICY = { kind: 'policy' } as const;

const backoffs: fc.Arbitrary<Backoff> = fc
  .tuple(fc.integer({ min: 1, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
  .map(([baseMs, more]) => ({ baseMs, capMs: Math.min(baseMs + more, 2 ** 32 - 1) }));
const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('backoffMs()', () => {
  it('doubles the ceiling with each attempt up to the cap', () => {
    const ceilings = [1, 2, 3, 4, 9, 10, 1_000].map((attempt) => backoffMs(attempt, DEFAULT_BACKOFF, ALMOST_ONE) + 1);
    assert.deepEqual(ceilings, [1_000, 2_000, 4_000, 8_000, 256_000, 300_000, 300_000]);
  });

  it('draws from the whole range down to zero', () => {
    assert.equal(backoffMs(5, DEFAULT_BACKOFF, 0), 0);
    assert.equal(backoffMs(5, DEFAULT_BACKOFF, 0.5), 8_000);
  });

  it('stays a whole number of milliseconds below the cap for any attempt', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), backoffs, randoms, (attempt, backoff, random) => {
        const ms = backoffMs(attempt, backoff, random);
        assert.ok(Number.isSafeInteger(ms) && ms >= 0 && ms <= backoff.capMs, `${ms}`);
      }),
    );
  });
});

describe('retryAt()', () => {
  it('backs off by the policy while attempts are left', () => {
    assert.equal(retryAt(50, 1, DEFAULT_MAX_ATTEMPTS, DEFAULT_BACKOFF, POLICY, 0.5), 550);
    assert.equal(retryAt(50, 4, DEFAULT_MAX_ATTEMPTS, DEFAULT_BACKOFF, POLICY, 0.5), 4_050);
  });

  it('ends with the last attempt whatever the advice', () => {
    for (const advice of [POLICY, { kind: 'never' }, { kind: 'after', ms: 10 }] as const) {
      assert.equal(retryAt(0, 5, 5, DEFAULT_BACKOFF, advice, 0.5), null);
      assert.equal(retryAt(0, 1, 1, DEFAULT_BACKOFF, advice, 0.5), null);
    }
  });

  it('never retries when the failure says so', () => {
    assert.equal(retryAt(0, 1, 5, DEFAULT_BACKOFF, { kind: 'never' }, 0.5), null);
  });

  it('takes the time that the failure names, without jitter', () => {
    assert.equal(retryAt(1_000, 1, 5, DEFAULT_BACKOFF, { kind: 'after', ms: 250 }, 0.1), 1_250);
  });
});
