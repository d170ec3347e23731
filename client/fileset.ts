import { create, type DescFile, fromBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  file_google_protobuf_any,
  file_google_protobuf_api,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt';
import { ContactError } from '../shared/errors.ts';

/** What one set may have; far more than any API, and little memory. */
const MAX_FILES = 5_000;
const MAX_FILES_BYTES = 16_777_216;

/** What protobuf itself brings, by the names of the files. */
export const WELL_KNOWN: ReadonlyMap<string, DescFile> = new Map(
  [
    file_google_protobuf_any,
    file_google_protobuf_api,
    file_google_protobuf_descriptor,
    file_google_protobuf_duration,
    file_google_protobuf_empty,
    file_google_protobuf_field_mask,
    file_google_protobuf_source_context,
    file_google_protobuf_struct,
    file_google_protobuf_timestamp,
    file_google_protobuf_type,
    file_google_protobuf_wrappers,
  ].map((file) => [file.proto.name, file]),
);

/** Files that somebody describes, gathered one by one until all that they import is there. */
export interface FileSet {
  /** Takes the bytes of FileDescriptorProtos; of two files with one name the first counts. */
  add(files: readonly Uint8Array[]): void;
  /** Imported, and not there; files that protobuf itself brings are. */
  missing(): string[];
  /** What the file of this name declares, if it is there. */
  get(name: string): FileDescriptorProto | undefined;
  all(): Iterable<FileDescriptorProto>;
  /** All of them, imports first. */
  order(): FileDescriptorSet;
}

/**
 * An empty set. What is added is refused when it is no file (INTERNAL), or when all together are more than 5,000 files or
 * 16 MiB (RESOURCE_EXHAUSTED).
 */
export function createFileSet(): FileSet {
  // Bounded by MAX_FILES.
  const fileByName = new Map<string, FileDescriptorProto>();
  // Imported and not there. Bounded by MAX_FILES_BYTES, which the names are part of.
  const missing = new Set<string>();
  let bytes = 0;

  function find(name: string): FileDescriptorProto | undefined {
    return fileByName.get(name) ?? WELL_KNOWN.get(name)?.proto;
  }

  return {
    add(files) {
      for (const encoded of files) {
        bytes += encoded.byteLength;
        if (bytes > MAX_FILES_BYTES) throw tooMuch(`${MAX_FILES_BYTES} bytes`);
        const file = decode(encoded);
        if (fileByName.has(file.name)) continue;
        if (fileByName.size >= MAX_FILES) throw tooMuch(`${MAX_FILES} files`);
        fileByName.set(file.name, file);
        missing.delete(file.name);
        for (const name of file.dependency) if (!find(name)) missing.add(name);
      }
    },
    missing: () => [...missing],
    get: (name) => fileByName.get(name),
    all: () => fileByName.values(),
    order() {
      const ordered = new Set<FileDescriptorProto>();
      const open = new Set<string>();
      const place = (name: string): void => {
        const file = find(name);
        if (!file || ordered.has(file)) return;
        if (open.has(name)) throw new ContactError('INTERNAL', `the descriptors of ${name} import themselves`);
        open.add(name);
        file.dependency.forEach(place);
        open.delete(name);
        ordered.add(file);
      };
      for (const name of fileByName.keys()) place(name);
      return create(FileDescriptorSetSchema, { file: [...ordered] });
    },
  };
}

function decode(encoded: Uint8Array): FileDescriptorProto {
  try {
    const file = fromBinary(FileDescriptorProtoSchema, encoded);
    nameForJson(file.extension, file.messageType);
    return file;
  } catch (error) {
    throw new ContactError('INTERNAL', `what describes a file cannot be decoded: ${(error as Error).message}`);
  }
}

/** Gives the fields their names in JSON: servers in C++ and Python tell descriptors without. */
function nameForJson(fields: readonly FieldDescriptorProto[], messages: readonly DescriptorProto[]): void {
  for (const field of fields) {
    if (field.jsonName === '') field.jsonName = field.name.replace(/_+(.?)/g, (_, next: string) => next.toUpperCase());
  }
  for (const { field, extension, nestedType } of messages) nameForJson([...field, ...extension], nestedType);
}

function tooMuch(limit: string): ContactError {
  return new ContactError('RESOURCE_EXHAUSTED', `more than ${limit} of descriptors`);
}
