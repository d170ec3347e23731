import assert from 'node:assert/strict';
import { createSelectorTable, MAX_QUEUE_SELECTORS, MAX_SELECTORS } from '../../server/dispatch/selectors.ts';

/** Adds selectors to a queue until one is refused, or so many; answers how many there are. */
function fill(table: ReturnType<typeof createSelectorTable>, queue: string, count: number): number {
  for (let n = 0; n < count; n += 1) {
    if (table.isFull(queue)) return n;
    table.add({ queue, lane: `s:n=${n}` });
  }
  return count;
}

describe('selectors of all queues', () => {
  it('are some of each queue always, whoever uses up all others', () => {
    const table = createSelectorTable();
    const counts = Array.from({ length: 30 }, (_, n) => fill(table, `greedy-${n}`, MAX_QUEUE_SELECTORS));
    assert.equal(counts[0], MAX_QUEUE_SELECTORS);
    assert.equal(counts.at(-1), 4);
    assert.equal(fill(table, 'modest', 10), 4);
    assert.equal(table.size, MAX_SELECTORS + 31 * 4);
    table.retain([{ queue: 'modest', lane: 's:n=1' }]);
    assert.deepEqual([table.size, fill(table, 'later', 500)], [1, 500]);
  });

  it('are refused naming how many its queue has', () => {
    const table = createSelectorTable();
    fill(table, 'q', MAX_QUEUE_SELECTORS);
    assert.throws(() => table.add({ queue: 'q', lane: 's:more' }), {
      code: 'RESOURCE_EXHAUSTED',
      message: /^selector: 1000 different selectors have waiting tasks in q already, 1000 in all queues$/,
    });
  });
});
