import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FewLanes, FewSet } from '../../server/dispatch/few.ts';

const NAMES = ['', 'c:a', 'c:b', 's:x'];
const entries = NAMES.map((name) => ({ name }));
const which = fc.nat(entries.length - 1);

describe('FewSet', () => {
  it('has what a set has, in the same order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), which)), (steps) => {
        const few = new FewSet<object>();
        const set = new Set<object>();
        for (const [isAdded, index] of steps) {
          const entry = entries[index]!;
          if (isAdded) {
            few.add(entry);
            set.add(entry);
          } else assert.equal(few.delete(entry), set.delete(entry));
          assert.deepEqual([...few], [...set]);
          assert.equal(few.size, set.size);
          assert.equal(few.has(entry), set.has(entry));
        }
      }),
    );
  });
});

describe('FewLanes', () => {
  it('has what a map has', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), which)), (steps) => {
        const few = new FewLanes<object>();
        const map = new Map<string, object>();
        for (const [isSet, index] of steps) {
          const name = NAMES[index]!;
          if (isSet) {
            few.set(name, entries[index]!);
            map.set(name, entries[index]!);
          } else {
            few.delete(name);
            map.delete(name);
          }
          assert.deepEqual(new Set(few.values()), new Set(map.values()));
          assert.equal(few.size, map.size);
          assert.equal(few.get(name), map.get(name));
        }
      }),
    );
  });
});
