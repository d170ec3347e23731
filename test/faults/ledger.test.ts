import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { checkLedger, type Ledger, soundBalance } from './ledger.ts';

const first = { input: 0, id: 'a' };
const second = { input: 1, id: 'b' };
const sound: Ledger = {
  sent: [0, 1],
  acknowledged: [first, second],
  stored: [first, second],
  executed: [second, first],
  accepted: [
    { ...first, isRight: true },
    { ...second, isRight: true },
  ],
};

describe('checkLedger()', () => {
  it('finds nothing where nothing is', () => {
    assert.deepEqual(checkLedger(sound), soundBalance(2));
  });

  const faults: [string, Partial<Ledger>, Partial<ReturnType<typeof checkLedger>>][] = [
    ['an acknowledged task without a result', { accepted: sound.accepted.slice(1) }, { lost: 1, accepted: 1 }],
    ['an acknowledged task that is not stored', { stored: [first] }, { lost: 1, unstored: 1, stored: 1 }],
    ['an acknowledged id that is another than the stored one', { stored: [first, { input: 1, id: 'c' }] }, { lost: 1 }],
    ['an input that was never stored', { sent: [0, 1, 2] }, { inputs: 3, unstored: 1 }],
    ['an input stored twice', { stored: [first, second, { input: 1, id: 'c' }] }, { storedTwice: 1 }],
    ['a task accepted twice', { accepted: [...sound.accepted, sound.accepted[0]!] }, { acceptedTwice: 1 }],
    ['a task executed twice', { executed: [first, second, second] }, { executedTwice: 1 }],
    ['a wrong answer', { accepted: [sound.accepted[0]!, { ...second, isRight: false }] }, { wrong: 1 }],
  ];
  for (const [name, change, found] of faults) {
    it(`finds ${name}`, () => {
      assert.deepEqual(checkLedger({ ...sound, ...change }), { ...soundBalance(2), ...found });
    });
  }
});
