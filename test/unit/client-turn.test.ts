import assert from 'node:assert/strict';
import { oncePerTurn } from '../../client/turn.ts';

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('oncePerTurn()', () => {
  it('runs once at the end of a turn, and again in the next', async () => {
    let count = 0;
    const run = oncePerTurn(() => count++);
    run();
    run();
    assert.equal(count, 0);
    await nextTurn();
    assert.equal(count, 1);
    run();
    await nextTurn();
    assert.equal(count, 2);
  });

  it('runs in the turn after when it is called by what it runs', async () => {
    let count = 0;
    const run = oncePerTurn(() => {
      count += 1;
      if (count < 3) run();
    });
    run();
    for (const expected of [1, 2, 3]) {
      await nextTurn();
      assert.equal(count, expected);
    }
  });
});
