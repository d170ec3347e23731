import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, type FileDescriptorSet, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { invalid } from '../shared/errors.ts';
import { createFileSet } from './fileset.ts';

/**
 * What a file written by `buf build -o` or `protoc -o` has, imports first.
 * @throws ContactError INVALID_ARGUMENT naming `descriptors`: the bytes are no such set, or one of its imports is missing
 */
export function readDescriptorSet(bytes: Uint8Array): FileDescriptorSet {
  const files = createFileSet();
  let set: FileDescriptorSet;
  try {
    set = fromBinary(FileDescriptorSetSchema, bytes);
  } catch (error) {
    throw invalid('descriptors', `expected a google.protobuf.FileDescriptorSet: ${(error as Error).message}`);
  }
  if (set.file.length === 0)
    throw invalid('descriptors', 'expected a google.protobuf.FileDescriptorSet, it has no file');
  files.add(set.file.map((file) => toBinary(FileDescriptorProtoSchema, file)));
  const [missing] = files.missing();
  if (missing !== undefined)
    throw invalid('descriptors', `${missing} is imported and not there (protoc needs --include_imports)`);
  return files.order();
}
