import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { createDescriptorSets, type DescriptorSet, MAX_SET_BYTES } from '../../server/tunnel/descriptors.ts';

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
});
