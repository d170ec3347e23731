import assert from 'node:assert/strict';
import { createReserve } from '../../server/store/file/reserve.ts';

const MIB = 1 << 20;

describe('createReserve()', () => {
  it('knows who has put most on the disk, and who as good as that', () => {
    const reserve = createReserve(() => 0);
    assert.equal(reserve.isCrowding('flood'), false);
    reserve.note('flood', 100 * MIB);
    assert.equal(reserve.isCrowding('flood'), true, 'also alone: the rest is for who comes');
    reserve.note('large', 50 * MIB);
    reserve.note('small', 49 * MIB);
    const crowd = ['flood', 'large', 'small', 'new'].filter((who) => reserve.isCrowding(who));
    assert.deepEqual(crowd, ['flood', 'large']);
    reserve.note('small', MIB);
    assert.equal(reserve.isCrowding('small'), true);
  });

  it('counts nothing for nobody', () => {
    const reserve = createReserve(() => 0);
    reserve.note('', 100 * MIB);
    reserve.note('one', 1);
    assert.deepEqual([reserve.isCrowding(''), reserve.isCrowding('one')], [false, true]);
  });

  it('forgets what was long ago, by halves each ten minutes', () => {
    let now = 0;
    const reserve = createReserve(() => now);
    reserve.note('before', 100 * MIB);
    now = 1_200_000;
    reserve.note('now', 51 * MIB);
    assert.equal(reserve.isCrowding('before'), false);
    now += 600_000 * 20;
    assert.deepEqual([reserve.isCrowding('before'), reserve.isCrowding('now')], [false, false]);
  });

  it('remembers 10,000 at most, and forgets first who has put little there', () => {
    const reserve = createReserve(() => 0);
    reserve.note('flood', 100 * MIB);
    for (let n = 0; n < 9_999; n++) reserve.note(`small ${n}`, 1);
    reserve.note('one more', MIB);
    assert.equal(reserve.isCrowding('flood'), true);
    for (let n = 0; n < 10_000; n++) reserve.note(`large ${n}`, MIB);
    assert.equal(reserve.isCrowding('flood'), false, 'it was the oldest');
  });
});
