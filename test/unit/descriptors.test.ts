import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { createDescriptorSets, type DescriptorSet, MAX_SET_BYTES } from '../../server/tunnel/descriptors.ts';
import { measureMemory } from '../scene/memory.ts';

function setOf(name: string): Uint8Array {
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [{ name, syntax: 'proto3' }] }));
}

describe('descriptor sets', () => {
  it('of the same bytes are one, and all that differ have a bound', () => {
    const [one, two] = [setOf('a.proto'), setOf('b.proto')];
    const sets = createDescriptorSets(one.byteLength);
    const first = sets.take(one) as DescriptorSet;
    assert.equal(sets.take(one), first);
    sets.release(first);
    assert.equal(sets.take(two), 'all clients together announce too large ones');
    sets.release(first);
    assert.notEqual(typeof sets.take(two), 'string', 'nobody announces the first any more');
  });

  it('have 262,144 bytes at most', () => {
    const why = createDescriptorSets().take(new Uint8Array(MAX_SET_BYTES + 1));
    assert.equal(why, '262145 bytes, at most 262144 are taken');
  });

  it('keep what they are unpacked to no longer than somebody looks, and their names', async () => {
    const sets = createDescriptorSets();
    const field = Array.from({ length: 30 }, (_, at) => ({ name: `f${at}`, number: at + 1, type: 9, label: 1 }));
    const messageType = Array.from({ length: 150 }, (_, at) => ({ name: `M${at}`, field }));
    const before = await measureMemory();
    const taken = Array.from({ length: 10 }, (_, at) => {
      const file = [{ name: `${at}.proto`, package: `p${at}`, syntax: 'proto3', messageType }];
      return sets.take(
        toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: file as never })),
      ) as DescriptorSet;
    });
    const held = (await measureMemory()) - before;
    assert.ok(held < 5_000_000, `${held} bytes`);
    const [first] = taken;
    assert.deepEqual(['p0.M7', '0.proto', 'p1.M7', 'p0.N'].map(first!.mayHave), [true, true, false, false]);
    assert.equal(first!.registry.getMessage('p0.M7')?.fields.length, 30);
  });
});
