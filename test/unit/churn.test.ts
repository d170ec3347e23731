import assert from 'node:assert/strict';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { ChurnMap, ChurnSet } from '../../shared/churn.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as NodeJS.GCFunction;

const ENTRIES = 20_000;
/** Alive at a time. */
const LIVING = 100;
const NUMBERS = 100;
const ENTRY_BYTES = NUMBERS * 8;

interface Entries {
  set(key: number, value: number[]): unknown;
  delete(key: number): boolean;
}

/** Bytes that become old while entries come and go, of all that do. */
function shareThatAges(entries: Entries): number {
  const oldBytes = (): number =>
    getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space')!.space_used_size;
  for (let key = -LIVING; key < 0; key += 1) entries.set(key, []);
  // Its table is old from here on, as that of a process that had nothing to do for a while.
  gc();
  gc();
  const before = oldBytes();
  for (let key = 0; key < ENTRIES; key += 1) {
    entries.set(
      key,
      Array.from({ length: NUMBERS }, () => key + 0.5),
    );
    entries.delete(key - LIVING);
    if (key % 2_000 === 0) gc({ type: 'minor' });
  }
  return (oldBytes() - before) / (ENTRIES * ENTRY_BYTES);
}

describe('ChurnMap and ChurnSet', () => {
  it('let the collector have what went while it is young', () => {
    const share = shareThatAges(new ChurnMap<number, number[]>());
    assert.ok(share < 0.1, `${share} of what passed through became old`);
  });

  it('are needed: a Map makes it old', () => {
    const share = shareThatAges(new Map<number, number[]>());
    assert.ok(share > 0.3, `only ${share} of what passed through became old`);
  });

  it('are a map and a set, in the order of addition', () => {
    const act = fc.record({ kind: fc.constantFrom('set', 'set', 'delete', 'clear'), key: fc.nat(3_000) });
    fc.assert(
      fc.property(fc.array(act, { size: '+1' }), fc.nat(5_000), (acts, flood) => {
        const [map, set, model] = [new ChurnMap<number, number>(), new ChurnSet<number>(), new Map<number, number>()];
        // So that it is renewed, at any place.
        for (let key = 0; key < flood; key += 1) {
          map.set(key, key);
          set.add(key);
          model.set(key, key);
          if (key % 3 > 0) for (const one of [map, set, model]) one.delete(key - 2);
        }
        acts.forEach(({ kind, key }, at) => {
          if (kind === 'set') {
            map.set(key, at);
            set.add(key);
            model.set(key, at);
          } else if (kind === 'delete') {
            const was = model.delete(key);
            assert.equal(map.delete(key), was);
            assert.equal(set.delete(key), was);
          } else if (key % 50 === 0) {
            for (const one of [map, set, model]) one.clear();
          }
          assert.equal(map.has(key), model.has(key));
          assert.equal(set.has(key), model.has(key));
          assert.equal(map.get(key), model.get(key));
        });
        assert.equal(map.size, model.size);
        assert.equal(set.size, model.size);
        assert.deepEqual([...map], [...model]);
        assert.deepEqual([...map.keys()], [...model.keys()]);
        assert.deepEqual([...map.values()], [...model.values()]);
        assert.deepEqual([...set], [...model.keys()]);
      }),
    );
  });
});
