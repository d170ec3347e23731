import assert from 'node:assert/strict';
import { createFairSet } from '../../shared/fairset.ts';

function filled(...entries: readonly (readonly [number, string])[]) {
  const set = createFairSet<number>();
  for (const [entry, source] of entries) set.add(entry, source);
  return set;
}

describe('createFairSet()', () => {
  it('has the oldest give way of the source that has most', () => {
    const set = filled([1, 'a'], [2, 'b'], [3, 'b'], [4, 'c']);
    assert.equal(set.findLeast(), 2);
    set.delete(2, 'b');
    set.add(5, 'c');
    assert.equal(set.findLeast(), 4);
  });

  it('spares a source', () => {
    const set = filled([1, 'a'], [2, 'b'], [3, 'b']);
    assert.equal(set.findLeast('b'), 1);
    assert.equal(filled([1, 'a']).findLeast('a'), undefined);
  });

  it('counts an entry once, and forgets sources without any', () => {
    const set = filled([1, 'a'], [1, 'a']);
    assert.equal(set.size, 1);
    set.delete(2, 'a');
    set.delete(1, 'b');
    assert.equal(set.size, 1);
    set.delete(1, 'a');
    set.delete(1, 'a');
    assert.deepEqual([set.size, set.findLeast()], [0, undefined]);
  });
});
