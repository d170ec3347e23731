import assert from 'node:assert/strict';
import { createSelectorTable, MAX_QUEUE_SELECTORS, MAX_SELECTORS } from '../../server/dispatch/selectors.ts';

/** Adds selectors of a principal to a queue until one is refused, or so many; answers how many there are. */
function fill(table: ReturnType<typeof createSelectorTable>, queue: string, count: number, principal = ''): number {
  for (let n = 0; n < count; n += 1) {
    if (table.isFull(queue, principal)) return n;
    table.add({ queue, lane: `s:n=${principal}-${n}` }, principal);
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
    table.retain([{ queue: 'modest', lane: 's:n=-1' }]);
    assert.deepEqual([table.size, fill(table, 'later', 500)], [1, 500]);
  });

  it('are refused naming how many its queue has', () => {
    const table = createSelectorTable();
    fill(table, 'q', MAX_QUEUE_SELECTORS);
    assert.throws(() => table.add({ queue: 'q', lane: 's:more' }, ''), {
      code: 'RESOURCE_EXHAUSTED',
      message: /^selector: 1000 different selectors have waiting tasks in q already, 1000 in all queues$/,
    });
  });

  it('are half of those of a queue for one principal, and half of all', () => {
    let reached = 0;
    const table = createSelectorTable({ onReached: () => void ++reached });
    // The first four of a queue are nobody's share.
    assert.equal(fill(table, 'q', MAX_QUEUE_SELECTORS, 'token:a'), MAX_QUEUE_SELECTORS / 2);
    assert.throws(() => table.add({ queue: 'q', lane: 's:more' }, 'token:a'), {
      code: 'RESOURCE_EXHAUSTED',
      message:
        /^selector: token:a has as many different selectors with waiting tasks as one principal may in q already, 500 in all/,
    });
    assert.equal(reached, 1);
    assert.equal(fill(table, 'q', MAX_QUEUE_SELECTORS, 'token:b'), MAX_QUEUE_SELECTORS / 2);

    const counts = Array.from({ length: 30 }, (_, n) => fill(table, `a-${n}`, MAX_QUEUE_SELECTORS, 'token:a'));
    assert.equal(counts.at(-1), 4);
    assert.equal(fill(table, 'b', MAX_QUEUE_SELECTORS, 'token:b'), MAX_QUEUE_SELECTORS / 2);

    // Whose they are is known as long as they are.
    const lanes = Array.from({ length: 500 }, (_, n) => ({ queue: 'a-0', lane: `s:n=token:a-${n}` }));
    table.retain(lanes);
    assert.deepEqual([table.isFull('a-0', 'token:a'), table.isFull('a-0', 'token:b')], [true, false]);
    assert.equal(fill(table, 'a-1', 10, 'token:a'), 10);
  });

  it('count for the operator too that has made who adds them', () => {
    const table = createSelectorTable({ makerOf: (principal) => (principal === 'token:other' ? '' : 'token:maker') });
    for (const name of ['a', 'b']) fill(table, 'q', 250, `token:${name}`);
    assert.throws(() => table.add({ queue: 'q', lane: 's:more' }, 'token:c'), {
      message: /^selector: token:maker and those that it has made have as many different selectors/,
    });
    table.retain(Array.from({ length: 250 }, (_, n) => ({ queue: 'q', lane: `s:n=token:a-${n}` })));
    assert.equal(table.isFull('q', 'token:c'), false);
    assert.equal(fill(table, 'q', 500, 'token:c'), 250);
    assert.equal(fill(table, 'q', 500, 'token:other'), 500);
  });
});
