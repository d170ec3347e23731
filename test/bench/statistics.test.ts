import assert from 'node:assert/strict';
import { median, percentile, range, spreadOf } from '../../bench/statistics.ts';

describe('median()', () => {
  it('is the middle one, whatever their order', () => {
    assert.equal(median([3]), 3);
    assert.equal(median([10, 1, 2]), 2);
  });

  it('is the mean of the two in the middle', () => {
    assert.equal(median([4, 1, 2, 100]), 3);
  });

  it('compares numbers and not their text', () => {
    assert.equal(median([9, 10, 100]), 10);
  });

  it('of nothing is not a number', () => {
    assert.ok(Number.isNaN(median([])));
  });
});

describe('range()', () => {
  it('is the smallest and the largest', () => {
    assert.deepEqual(range([3, -1, 2]), [-1, 3]);
  });
});

describe('percentile()', () => {
  it('is the smallest value that the share does not exceed', () => {
    const hundred = Array.from({ length: 100 }, (_, at) => at + 1);
    assert.equal(percentile(hundred, 0.5), 50);
    assert.equal(percentile(hundred, 0.99), 99);
    assert.equal(percentile(hundred, 1), 100);
    assert.equal(percentile(hundred, 0), 1);
    assert.equal(percentile([7], 0.99), 7);
  });
});

describe('spreadOf()', () => {
  it('sorts', () => {
    assert.deepEqual(spreadOf([3, 1, 2]), { count: 3, p50: 2, p99: 3, max: 3 });
  });
});
