import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createRates } from '../../server/api/rates.ts';
import { createFakeClock } from '../scene/clock.ts';

function prepare(perSecond = 10) {
  const clock = createFakeClock();
  let reached = 0;
  const rates = createRates({ perSecond, clock, onReached: () => (reached += 1) });
  return { clock, rates, reached: () => reached };
}

/** Microtasks of promises that were resolved have run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('take()', () => {
  it('lets in a burst of a second, then as many as the rate says', () => {
    const { clock, rates, reached } = prepare();
    for (let n = 0; n < 11; n += 1) rates.take(['token:a'], 1);
    assert.throws(() => rates.take(['token:a'], 1), {
      code: 'RESOURCE_EXHAUSTED',
      field: 'tasks',
      problem: 'token:a enqueues more than 10 tasks a second',
      retryAfterMs: 100,
    });
    assert.equal(reached(), 1);
    clock.advance(100);
    rates.take(['token:a'], 1);
    assert.throws(() => rates.take(['token:a'], 1), { retryAfterMs: 100 });
  });

  it('lets in a batch that is larger than the rate, and says how long it has to be paid for', () => {
    const { clock, rates } = prepare();
    rates.take(['token:a'], 1_000);
    assert.throws(() => rates.take(['token:a'], 1), { retryAfterMs: 99_000 });
    clock.advance(99_000);
    rates.take(['token:a'], 1);
  });

  it('counts each principal for itself, and nobody whom nobody asked who it is', () => {
    const { rates } = prepare();
    rates.take(['token:a'], 1_000);
    rates.take(['token:b'], 1);
    for (let n = 0; n < 100; n += 1) rates.take([], 1_000);
    assert.equal(rates.hold([], 1_000), undefined);
  });

  it('counts for the operator too that has made who enqueues', () => {
    const { clock, rates } = prepare();
    const made = (name: string): string[] => [`token:${name}`, 'token:maker'];
    rates.take(made('a'), 10);
    rates.take(made('b'), 11);
    assert.throws(() => rates.take(made('c'), 1), {
      problem: 'token:maker and those that it has made enqueue more than 10 tasks a second',
      retryAfterMs: 1_100,
    });
    const held = rates.hold(made('c'), 1)!;
    held.giveUp();
    clock.advance(1_100);
    rates.take(made('c'), 10);
    assert.throws(() => rates.take(['token:maker'], 1), { retryAfterMs: 1_000 });
    rates.take(['token:other'], 1);
  });

  it('never lets in more than a burst, the rate and one batch, whatever is asked for when', () => {
    const step = fc.record({ waitMs: fc.nat({ max: 3_000 }), count: fc.integer({ min: 1, max: 50 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 100 }), (steps, perSecond) => {
        const { clock, rates } = prepare(perSecond);
        let taken = 0;
        let debt = 0;
        for (const { waitMs, count } of steps) {
          clock.advance(waitMs);
          // A plain bucket: it fills up to a second's worth, and a batch may overdraw it.
          debt = Math.max(-perSecond, debt - (waitMs * perSecond) / 1_000);
          if (taken === 0) debt = -perSecond;
          let isIn = true;
          try {
            rates.take(['p'], count);
          } catch {
            isIn = false;
          }
          // Where a sum of fractions stands at zero, either is right.
          if (Math.abs(debt) > 1e-6) assert.equal(isIn, debt < 0);
          if (!isIn) continue;
          debt += count;
          taken += count;
        }
      }),
    );
  });

  it('remembers 10,000 principals at most, and forgets those who owe nothing first', () => {
    const { clock, rates } = prepare(1);
    rates.take(['token:debtor'], 10_000_000);
    for (let n = 0; n < 9_999; n += 1) rates.take([`token:${n}`], 1);
    clock.advance(1_000);
    rates.take(['token:new'], 1);
    assert.throws(() => rates.take(['token:debtor'], 1));
    for (let n = 0; n < 10_000; n += 1) rates.take([`token:again-${n}`], 1_000);
    // All owe something, and the first had to go.
    rates.take(['token:debtor'], 1);
  });
});

describe('hold()', () => {
  it('lets batches that are too many go on one after another, each when those before are paid for', async () => {
    const { clock, rates, reached } = prepare();
    assert.equal(rates.hold(['token:a'], 20), undefined);
    const order: string[] = [];
    for (const name of ['one', 'two', 'three']) {
      const held = rates.hold(['token:a'], 5)!;
      void held.turn.then((goesOn) => order.push(`${name} ${goesOn}`));
    }
    assert.equal(reached(), 3);
    clock.advance(999);
    await settle();
    assert.deepEqual(order, []);
    clock.advance(1);
    await settle();
    assert.deepEqual(order, ['one true']);
    clock.advance(500);
    await settle();
    assert.deepEqual(order, ['one true', 'two true']);
    clock.advance(500);
    await settle();
    assert.deepEqual(order, ['one true', 'two true', 'three true']);
    assert.equal(clock.pending, 0);
  });

  it('gives back what is given up, once, and nothing of what went on', async () => {
    const { clock, rates } = prepare();
    rates.hold(['token:a'], 20);
    const held = rates.hold(['token:a'], 1_000)!;
    held.giveUp();
    held.giveUp();
    assert.equal(await held.turn, false);
    assert.equal(clock.pending, 0);
    assert.throws(() => rates.take(['token:a'], 1), { retryAfterMs: 1_000 });
    const next = rates.hold(['token:a'], 10)!;
    clock.advance(1_000);
    assert.equal(await next.turn, true);
    next.giveUp();
    assert.throws(() => rates.take(['token:a'], 1), { retryAfterMs: 1_000 });
  });
});
