import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { createDescriptorSets, type DescriptorSet } from '../../server/tunnel/descriptors.ts';
import { MAX_FILES } from '../../server/tunnel/fileindex.ts';
import { MAX_SET_BYTES } from '../../tunnel/terms.ts';
import { measureMemory } from '../scene/memory.ts';

function setWith(...file: readonly object[]): Uint8Array {
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: file as never }));
}

const setOf = (name: string): Uint8Array => setWith({ name, syntax: 'proto3' });

describe('descriptor sets', () => {
  it('of the same bytes are one, and all that differ have a bound', () => {
    const [one, two] = [setOf('a.proto'), setOf('b.proto')];
    const sets = createDescriptorSets({ maxAllBytes: one.byteLength });
    const first = sets.take(one, []) as DescriptorSet;
    assert.equal(sets.take(one, []), first);
    sets.release(first, []);
    assert.equal(sets.take(two, []), 'all clients together announce too large ones');
    sets.release(first, []);
    assert.notEqual(typeof sets.take(two, []), 'string', 'nobody announces the first any more');
  });

  it('are half of all bytes for the clients of one principal, a set of several counted once', () => {
    const [one, two, three] = [setOf('a.proto'), setOf('b.proto'), setOf('c.proto')];
    const { byteLength } = one;
    let reached = 0;
    const sets = createDescriptorSets({ maxAllBytes: 4 * byteLength, onReached: () => void ++reached });
    const first = sets.take(one, ['token:a']) as DescriptorSet;
    assert.equal(sets.take(one, ['token:a']), first);
    const second = sets.take(two, ['token:a']) as DescriptorSet;
    const full = `the clients of token:a announce more than ${2 * byteLength} bytes that differ`;
    assert.deepEqual([sets.take(three, ['token:a']), reached], [full, 1]);
    // It is another one's too, and stays that when the first has gone.
    assert.equal(sets.take(one, ['token:b']), first);
    assert.notEqual(typeof sets.take(three, ['token:b']), 'string');
    sets.release(first, ['token:a']);
    assert.equal(sets.take(three, ['token:a']), full);
    sets.release(first, ['token:a']);
    sets.release(first, ['token:a']);
    assert.equal(first.isGone, false);
    assert.notEqual(typeof sets.take(three, ['token:a']), 'string');
    assert.equal(sets.take(one, ['token:a']), full);
    sets.release(first, ['token:b']);
    sets.release(second, ['token:a']);
    assert.deepEqual([first.isGone, second.isGone], [true, true]);
  });

  it('count once for the operator that has made several of those who announce them, and are half of all bytes for it', () => {
    const [one, two, three] = [setOf('a.proto'), setOf('b.proto'), setOf('c.proto')];
    const sets = createDescriptorSets({ maxAllBytes: 4 * one.byteLength });
    const made = (name: string): string[] => [`client:${name}`, 'token:maker'];
    const fleet = Array.from({ length: 100 }, (_, n) => made(`robot-${n}`));
    const taken = fleet.map((holders) => sets.take(one, holders) as DescriptorSet);
    assert.equal(new Set(taken).size, 1);
    assert.notEqual(typeof sets.take(two, made('other')), 'string');
    const full = `the clients of token:maker and those that it has made announce more than ${2 * one.byteLength} bytes that differ`;
    assert.equal(sets.take(three, made('robot-0')), full);
    for (const holders of fleet.slice(1)) sets.release(taken[0]!, holders);
    assert.equal(sets.take(three, made('robot-1')), full);
    assert.equal(taken[0]!.isGone, false);
    sets.release(taken[0]!, fleet[0]!);
    assert.equal(taken[0]!.isGone, true);
    assert.notEqual(typeof sets.take(three, made('robot-1')), 'string');
  });

  it('give back the share of what is no set', () => {
    const wrong = Uint8Array.of(0xff, 0xff, 0xff);
    const sets = createDescriptorSets({ maxAllBytes: 2 * setOf('a.proto').byteLength });
    for (let n = 0; n < 10; n++) assert.match(String(sets.take(wrong, ['token:a'])), /^it is no set/);
    assert.notEqual(typeof sets.take(setOf('a.proto'), ['token:a']), 'string');
  });

  it('have 262,144 bytes at most', () => {
    const why = createDescriptorSets().take(new Uint8Array(MAX_SET_BYTES + 1), []);
    assert.equal(why, '262145 bytes, at most 262144 are taken');
  });

  it('cost what their bytes are, whatever is in them', async () => {
    const sets = createDescriptorSets();
    const before = await measureMemory();
    const taken: (DescriptorSet | string)[] = [];
    const begun = performance.now();
    for (let at = 0; at < 20; at++) {
      const dense = Array.from({ length: 25_000 }, (_, no) => ({ name: String.fromCharCode(97 + (no % 26)) }));
      taken.push(sets.take(setWith({ name: `${at}`, package: `p${at}`, messageType: dense }), []));
      // Full names of 120,000 characters each, of which 12,000 would be a gigabyte.
      const many = Array.from({ length: 12_000 }, (_, no) => ({ name: `M${no}` }));
      taken.push(
        sets.take(setWith({ name: `long${at}`, package: `p${at}`.padEnd(120_000, 'x'), messageType: many }), []),
      );
    }
    const held = (await measureMemory()) - before;
    for (const set of taken) assert.notEqual(typeof set, 'string', String(set));
    const ms = performance.now() - begun;
    assert.ok(held < 24_000_000, `${held} bytes`);
    assert.ok(ms < 20_000, `${ms} ms`);
    const [dense, long] = taken as [DescriptorSet, DescriptorSet];
    assert.deepEqual(['p0.a', 'p0.z', 'p1.a', 'a'].map(dense.fileWith), [0, 0, undefined, undefined]);
    assert.equal(long.fileWith(`${'p0'.padEnd(120_000, 'x')}.M11999`), 0);
  });

  it('are refused where they have no end: nested, in many files, without what they import', () => {
    const sets = createDescriptorSets();
    let nested: object = { name: 'M' };
    for (let depth = 0; depth < 101; depth++) nested = { name: 'M', nestedType: [nested] };
    const files = Array.from({ length: MAX_FILES + 1 }, (_, at) => ({ name: `${at}.proto` }));
    const why = (...file: object[]): string => String(sets.take(setWith(...file), [])).replace(/^.* first: /, '');
    assert.equal(why({ name: 'a', messageType: [nested] }), 'its messages are nested deeper than 100');
    assert.equal(why(...files), 'it has more than 1000 files');
    assert.equal(why({ name: 'a', dependency: ['b'] }, { name: 'b' }), 'b, which a imports, is not before it');
    assert.equal(why({ name: 'a' }, { name: 'a' }), 'two files are named a');
    for (const bytes of [[10, 5, 10], [11, 12], [8], [10, 5, 10, 1, 97, 34, 4, 10, 2, 10, 0]]) {
      assert.equal(typeof sets.take(Uint8Array.from(bytes), []), 'string', String(bytes));
    }
  });
});
