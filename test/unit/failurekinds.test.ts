import assert from 'node:assert/strict';
import { failureOf, patternOf } from '../../server/model/failure.ts';

describe('patternOf()', () => {
  it('has a mark for each number and each id', () => {
    const patterns = {
      'order 17 is gone': 'order # is gone',
      'no answer from 10.0.0.1:8080 within 1,500 ms': 'no answer from # within # ms',
      'user 019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01 is away': 'user # is away',
      'robot-7 said v2': '# said v#',
      'at /var/log/app-2026-01-02.log': 'at /var/log/#.log',
      'token V1StGXR8_Z5jdHi6B': 'token #',
      'größe ３': 'größe #',
      'two\n  lines': 'two lines',
      '': '(no message)',
      ' \n': '(no message)',
    };
    for (const [message, pattern] of Object.entries(patterns)) assert.equal(patternOf(message), pattern, message);
  });

  it('is short, whole and quickly made, whatever it is made of', () => {
    const startedAt = performance.now();
    for (const text of ['a', '1', '#', '1.', '-', ' ', '\u{1F600}', '\ud83d', 'a1-']) {
      const pattern = patternOf(text.repeat(100_000));
      assert.ok(pattern.length <= 200 && pattern.isWellFormed(), text);
    }
    assert.ok(performance.now() - startedAt < 1_000);
  });
});

describe('failureOf()', () => {
  const error = { code: 'E', message: 'm' };
  const of = (end: Parameters<typeof failureOf>[0]['end'], isUntouched = false) =>
    failureOf({ end, error, isUntouched })?.code;

  it('tells what failed, and nothing of who was asked to stop, gave back, or never began', () => {
    assert.deepEqual([of('failed'), of('timedOut'), of('released')], ['E', 'E', 'E']);
    assert.deepEqual([of('lost'), of('lost', true)], ['LOST', undefined]);
    assert.deepEqual([of(null), of('succeeded'), of('cancelled')], [undefined, undefined, undefined]);
    assert.equal(failureOf({ end: 'released', error: null, isUntouched: false }), null);
  });
});
