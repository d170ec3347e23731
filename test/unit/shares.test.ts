import assert from 'node:assert/strict';
import { createNames } from '../../server/api/names.ts';
import { createShares } from '../../server/model/shares.ts';

describe('createShares()', () => {
  it('gives each principal half of what all may have, and takes it back', () => {
    let reached = 0;
    const shares = createShares(9, () => void ++reached);
    const take = (holder: string, amount: number) => shares.take([holder], amount) ?? 'taken';
    assert.equal(shares.max, 5);
    assert.deepEqual([take('a', 5), take('a', 1), take('b', 5)], ['taken', 'a', 'taken']);
    shares.giveBack(['a'], 2);
    assert.deepEqual([take('a', 3), take('a', 2), take('a', 2)], ['a', 'taken', 'a']);
    assert.equal(reached, 3);
  });

  it('gives all that an operator has made one share together with it', () => {
    const shares = createShares(10);
    assert.equal(shares.take(['a', 'maker'], 3), undefined);
    assert.equal(shares.take(['b', 'maker'], 3), 'maker and those that it has made');
    assert.equal(shares.take(['maker'], 2), undefined);
    assert.equal(shares.findFull(['b', 'maker'], 1), 'maker and those that it has made');
    assert.equal(shares.take(['b'], 5), undefined);
    shares.giveBack(['a', 'maker'], 3);
    assert.equal(shares.take(['a', 'maker'], 3), undefined);
  });

  it('gives nobody in particular as much as there is', () => {
    const shares = createShares(2);
    assert.deepEqual([shares.take([], 100), shares.take([], 100)], [undefined, undefined]);
  });
});

describe('createNames()', () => {
  const [a, b] = [{ principal: 'token:a' }, { principal: 'token:b' }];

  it('gives the sessions of a principal half of the names of all, and the first of each session always', () => {
    let reached = 0;
    const admit = createNames(() => void ++reached);
    const giveBack = Array.from({ length: 50 }, () => admit(1_016, a)!);
    assert.throws(() => admit(17, a), {
      code: 'RESOURCE_EXHAUSTED',
      message: 'queues: the sessions of token:a draw from more than 50000; up to 16 of a session are always taken',
      retryAfterMs: 10_000,
    });
    assert.equal(reached, 1);
    assert.equal(admit(16, a), undefined);
    for (let n = 0; n < 50; n++) admit(1_016, b);
    assert.throws(() => admit(17, { principal: 'token:c' }), /all sessions together/);
    giveBack[0]!();
    admit(1_016, a);
    assert.throws(() => admit(17, a));
  });
});
