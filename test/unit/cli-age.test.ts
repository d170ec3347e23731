import assert from 'node:assert/strict';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, it } from 'mocha';
import { formatAge, formatInstant, formatSpan } from '../../cli/age.ts';

describe('formatSpan()', () => {
  it('shows the two largest units', () => {
    const cases: [number, string][] = [
      [0, '0s'],
      [999, '0s'],
      [59_999, '59s'],
      [60_000, '1m'],
      [183_000, '3m 3s'],
      [3_600_000, '1h'],
      [11_100_000, '3h 5m'],
      [187_200_000, '2d 4h'],
      [400 * 86_400_000, '400d'],
    ];
    for (const [ms, text] of cases) assert.equal(formatSpan(ms), text);
  });

  it('takes the difference of two clocks for nothing', () => {
    assert.equal(formatSpan(-5_000), '0s');
  });
});

describe('formatAge() and formatInstant()', () => {
  it('are empty without an instant', () => {
    assert.equal(formatAge(undefined, 0), '');
    assert.equal(formatInstant(undefined), '');
    const instant = timestampFromMs(1_700_000_000_123);
    assert.equal(formatAge(instant, 1_700_000_012_200), '12s');
    assert.equal(formatInstant(instant), '2023-11-14T22:13:20.123Z');
  });
});
