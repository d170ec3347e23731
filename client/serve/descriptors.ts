import { create, type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { MAX_SET_BYTES } from '../../tunnel/terms.ts';

/**
 * A `google.protobuf.FileDescriptorSet` of these services and all that they import, imports first, without comments; empty: it
 * is too large. Of two files with one name the first counts.
 */
export function describeServices(services: Iterable<DescService>): Uint8Array {
  const files = new Map<string, DescFile>();
  function add(file: DescFile): void {
    if (files.has(file.name)) return;
    file.dependencies.forEach(add);
    files.set(file.name, file);
  }
  for (const { file } of services) add(file);
  // Comments are most of what tools write, and nobody who calls needs them.
  const described = [...files.values()].map(({ proto }) => ({ ...proto, sourceCodeInfo: undefined }));
  const set = { ...create(FileDescriptorSetSchema), file: described as FileDescriptorProto[] };
  const bytes = toBinary(FileDescriptorSetSchema, set);
  return bytes.byteLength > MAX_SET_BYTES ? new Uint8Array() : bytes;
}
