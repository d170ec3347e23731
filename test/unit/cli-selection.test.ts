import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { describeConditions, readSelection, splitIds } from '../../cli/selection.ts';

describe('readSelection()', () => {
  it('takes ids or conditions, never both and never nothing', () => {
    assert.deepEqual(readSelection(['a', 'b'], {}), { ids: ['a', 'b'] });
    assert.deepEqual(readSelection([], { queue: ['q'], state: ['ready'], parent: 'p' }), {
      filter: { queues: ['q'], states: ['ready'], parentId: 'p' },
    });
    assert.throws(() => readSelection(['a'], { queue: ['q'] }), { exitCode: 2 });
    assert.throws(() => readSelection([], {}), { exitCode: 2 });
  });
});

describe('describeConditions()', () => {
  it('says in words what is meant', () => {
    const createdBefore = new Date(0);
    const query = { queues: ['a', 'b'], states: ['ready', 'running'], createdBefore } as const;
    assert.equal(
      describeConditions(query),
      'all tasks of queue a or b that are ready or running created before 1970-01-01T00:00:00.000Z',
    );
    assert.equal(describeConditions({ parentId: 'p' }), 'all children of p');
  });
});

describe('splitIds()', () => {
  it('cuts at what fits into one request', () => {
    const ids = Array.from({ length: 2_001 }, (_, place) => String(place));
    const parts = [...splitIds(ids)];
    assert.deepEqual(
      parts.map(({ length }) => length),
      [1_000, 1_000, 1],
    );
    assert.deepEqual(parts.flat(), ids);
  });
});
