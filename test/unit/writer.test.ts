import assert from 'node:assert/strict';
import type { GetTaskResponse } from '../../gen/index.ts';
import { encodeGetTaskResponse } from '../../wire/push.ts';
import { Writer, zigzag } from '../../wire/writer.ts';

describe('Writer', () => {
  const ping = (seq: number) => encodeGetTaskResponse({ seq, event: { case: 'ping', value: {} } } as GetTaskResponse);

  it('refuses a number that 32 bits do not hold, in whatever message it is', () => {
    assert.equal(ping(2 ** 32 - 1)?.byteLength, 8);
    for (const seq of [2 ** 32, 2 ** 33 + 1, 2 ** 53, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => ping(seq), RangeError, String(seq));
    }
  });

  it('refuses a signed number that 32 bits do not hold', () => {
    assert.deepEqual([zigzag(-(2 ** 31)), zigzag(2 ** 31 - 1)], [2 ** 32 - 1, 2 ** 32 - 2]);
    for (const value of [2 ** 31, -(2 ** 31) - 1, 0.5, Number.NaN]) assert.throws(() => zigzag(value), RangeError);
  });

  it('gives nothing away that was not filled, and takes nothing beyond its size', () => {
    const short = new Writer(4);
    short.number(1, 1);
    assert.throws(() => short.buffer, RangeError);
    const long = new Writer(1);
    long.number(1, 1);
    assert.throws(() => long.buffer, RangeError);
    assert.throws(() => new Writer(3).text(1, 'abcd', 4), RangeError);
    assert.throws(() => new Writer(3).bytes(1, Buffer.alloc(4)), RangeError);
  });

  it('refuses a text whose length was measured wrongly', () => {
    assert.throws(() => {
      const writer = new Writer(6);
      writer.text(1, '\u4e16', 4);
      return writer.buffer;
    }, RangeError);
  });
});
