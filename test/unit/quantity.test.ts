import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { readDuration, readSize, writeDuration, writeSize } from '../../shared/quantity.ts';

describe('readSize()', () => {
  it('reads bytes and every unit', () => {
    const cases = {
      '0': 0,
      '4096': 4_096,
      '7B': 7,
      '64KiB': 65_536,
      '1.5 MiB': 1_572_864,
      '2gib': 2 ** 31,
      '1TiB': 2 ** 40,
    };
    for (const [written, bytes] of Object.entries(cases)) assert.equal(readSize(written), bytes, written);
  });

  it('takes nothing else: no units of 1,000, no parts of a byte', () => {
    for (const written of ['', 'x', '-1', '1kB', '1MB', '1M', '1.5B', '1e3', '1 000', '99999999TiB']) {
      assert.equal(readSize(written), undefined, written);
    }
  });
});

describe('writeSize()', () => {
  it('writes what readSize() reads, in the largest whole unit', () => {
    for (const [bytes, written] of [
      [0, '0'],
      [1_000, '1000'],
      [1_024, '1KiB'],
      [1_572_864, '1536KiB'],
      [2 ** 31, '2GiB'],
    ] as const) {
      assert.equal(writeSize(bytes), written);
      assert.equal(readSize(written), bytes);
    }
  });
});

describe('writeDuration()', () => {
  it('writes what readDuration() reads, in the largest whole unit', () => {
    for (const [ms, written] of [
      [0, '0ms'],
      [1_500, '1500ms'],
      [90_000, '90s'],
      [3_600_000, '1h'],
      [172_800_000, '2d'],
    ] as const) {
      assert.equal(writeDuration(ms), written);
      assert.equal(readDuration(written), ms);
    }
  });
});
