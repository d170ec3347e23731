import { create, type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

/** What a server takes; a larger set is not sent. */
const MAX_SET_BYTES = 262_144;

/** A `google.protobuf.FileDescriptorSet` of these services and all that they import, imports first; empty: it is too large. */
export function describeServices(services: Iterable<DescService>): Uint8Array {
  const files = new Set<DescFile>();
  function add(file: DescFile): void {
    if (files.has(file)) return;
    file.dependencies.forEach(add);
    files.add(file);
  }
  for (const { file } of services) add(file);
  const set = create(FileDescriptorSetSchema, { file: [...files].map(({ proto }) => proto) });
  const bytes = toBinary(FileDescriptorSetSchema, set);
  return bytes.byteLength > MAX_SET_BYTES ? new Uint8Array() : bytes;
}
