import assert from 'node:assert/strict';
import { drawToken } from '../../server/access/token.ts';
import { COLUMN } from '../../server/metrics/columns.ts';
import { createQueueLabels, OTHER } from '../../server/metrics/labels.ts';
import { createQueueRows } from '../../server/metrics/rows.ts';

const NEVER = (): boolean => false;

function choose(
  labels: ReturnType<typeof createQueueLabels>,
  sizes: Record<string, number>,
  isGone: (queue: string) => boolean = NEVER,
) {
  return labels.give(() => Object.entries(sizes).map(([queue, size]) => ({ queue, size })), isGone);
}

describe('createQueueLabels()', () => {
  it('gives them to the largest, by name among equals', () => {
    const labels = createQueueLabels(2);
    assert.deepEqual(choose(labels, { d: 1, c: 5, b: 1, a: 1 }), { given: ['c', 'a'], taken: [] });
    assert.deepEqual(['a', 'b', 'c'].map(labels.has), [true, false, true]);
  });

  it('leaves them where they are, however large another queue becomes', () => {
    const labels = createQueueLabels(1);
    choose(labels, { a: 1 });
    assert.deepEqual(choose(labels, { a: 0, b: 100 }), { given: [], taken: [] });
    assert.equal(labels.has('a'), true);
  });

  it('takes those of queues that are gone, and no more than are wanted', () => {
    const labels = createQueueLabels(3);
    choose(labels, { a: 1, b: 1, c: 1 });
    const isGone = (queue: string): boolean => queue !== 'c';
    assert.deepEqual(choose(labels, { c: 1 }, isGone), { given: [], taken: [] });
    assert.deepEqual(choose(labels, { c: 1, d: 1 }, isGone), { given: ['d'], taken: ['a'] });
    assert.deepEqual(['a', 'b', 'c', 'd'].map(labels.has), [false, true, true, true]);
  });

  it('gives none to a queue by the name of the rest', () => {
    const labels = createQueueLabels(2);
    assert.deepEqual(choose(labels, { [OTHER]: 9, a: 1 }).given, ['a']);
  });

  it('gives none to a token that an older version has taken for the name of a queue', () => {
    const labels = createQueueLabels(2);
    assert.deepEqual(choose(labels, { [`x${drawToken().text}`]: 9, a: 1 }).given, ['a']);
  });
});

describe('createQueueRows()', () => {
  const sizes = (...queues: string[]) => new Map(queues.map((queue) => [queue, 1]));
  const count = (rows: ReturnType<typeof createQueueRows>, queue: string, by = 1): void => {
    rows.of(queue)[COLUMN.enqueued]! += by;
  };
  const told = (rows: ReturnType<typeof createQueueRows>, there: ReadonlyMap<string, number>) =>
    Object.fromEntries([...rows.tell(there)].map(([label, row]) => [label, row[COLUMN.enqueued]]));

  it('tells each queue by its own label, while there are some', () => {
    const rows = createQueueRows(2);
    count(rows, 'a', 3);
    count(rows, 'b');
    count(rows, 'a');
    assert.deepEqual(told(rows, sizes('a', 'b')), { a: 4, b: 1, [OTHER]: 0 });
  });

  it('adds up the others, and never tells less of them than before', () => {
    const rows = createQueueRows(1);
    count(rows, 'a', 2);
    count(rows, 'b', 3);
    count(rows, 'c', 4);
    assert.deepEqual(told(rows, sizes('a', 'b', 'c')), { a: 2, [OTHER]: 7 });
    count(rows, 'b', 10);
    // `a` is gone, so that the label is free: `b` begins with what was not told of it.
    assert.deepEqual(told(rows, sizes('b', 'c')), { b: 10, [OTHER]: 7 });
    count(rows, 'b');
    count(rows, 'c');
    assert.deepEqual(told(rows, sizes('b', 'c')), { b: 11, [OTHER]: 8 });
    // What is told of a queue that has gone stays told, and what comes later by its name is added.
    assert.deepEqual(told(rows, sizes('b')), { b: 11, [OTHER]: 8 });
    count(rows, 'c', 5);
    assert.deepEqual(told(rows, sizes('b')), { b: 11, [OTHER]: 13 });
  });

  it('tells what was counted of a queue that came and went between two looks', () => {
    const rows = createQueueRows(1);
    count(rows, 'a', 2);
    assert.deepEqual(told(rows, new Map()), { a: 2, [OTHER]: 0 });
    assert.deepEqual(told(rows, new Map()), { a: 2, [OTHER]: 0 });
  });

  it('counts queues beyond its bound together', () => {
    const rows = createQueueRows(10, 2);
    for (const queue of ['a', 'b', 'c', 'd', 'c']) count(rows, queue);
    assert.deepEqual(told(rows, sizes('a', 'b', 'c', 'd')), { a: 1, b: 1, [OTHER]: 3 });
  });

  it('has numbers for 10,000 queues and no more labels than it may', () => {
    const rows = createQueueRows();
    const all = sizes(...Array.from({ length: 10_000 }, (_, at) => `q${at}`));
    for (const queue of all.keys()) count(rows, queue);
    const result = told(rows, all);
    assert.equal(Object.keys(result).length, 101);
    assert.equal(result[OTHER], 9_900);
  });
});
