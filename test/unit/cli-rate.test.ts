import assert from 'node:assert/strict';
import { formatRate } from '../../cli/rate.ts';

describe('formatRate()', () => {
  it('shows that there were any, however few', () => {
    const shown: readonly (readonly [number, string])[] = [
      [0, '0'],
      [0.0083, '0.008'],
      [0.025, '0.03'],
      [0.1, '0.1'],
      [9.94, '9.9'],
      [10.4, '10'],
      [12_345.6, '12,346'],
    ];
    for (const [rate, text] of shown) assert.equal(formatRate(rate), text);
  });
});
