import assert from 'node:assert/strict';
import { createPace } from '../../server/api/pace.ts';

describe('createPace()', () => {
  const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

  it('lets a few go in each turn of the event loop, in order, and all in the end', async () => {
    const pace = createPace(2);
    const gone: number[] = [];
    for (let n = 0; n < 5; n += 1) void pace().then(() => gone.push(n));
    await Promise.resolve();
    assert.deepEqual(gone, [0, 1]);
    await nextTurn();
    assert.deepEqual(gone, [0, 1, 2, 3]);
    void pace().then(() => gone.push(5));
    await nextTurn();
    await nextTurn();
    assert.deepEqual(gone, [0, 1, 2, 3, 4, 5]);
  });
});
