import { Buffer } from 'node:buffer';
import {
  type Declarations,
  declares,
  eachExtension,
  FILE,
  METHOD,
  nameIn,
  readFile,
  readMessage,
  SERVICE,
  startsAt,
  valuesOf,
} from './declarations.ts';
import { createMessageBytes, type MessageBytes, type Span } from './fields.ts';
import type { MethodKind } from './methods.ts';
import { createNameTable, DOT, extend, extendByte, hashOf, type NameTable, NO_NAME, SLASH } from './nametable.ts';

/**
 * What a `google.protobuf.FileDescriptorSet` declares, by name. It is made in time that grows with the bytes of the set and
 * with nothing else, whatever names it has: no type is linked, and no full name is put together (a long package before
 * many types would be more text than a server can hold). The bytes stay as they came.
 */
export interface FileIndex {
  /** The place of the file that declares a message, enum, value of one, service or extension; undefined: none does. */
  fileWith(symbol: string): number | undefined;
  fileNamed(name: string): number | undefined;
  hasMessage(name: string): boolean;
  /** Numbers of the extensions of a message, each with the place of its file. */
  extensionsOf(message: string): ReadonlyMap<number, number>;
  /** The `FileDescriptorProto` of a file, and of all that it imports. */
  closureOf(file: number): readonly Uint8Array[];
  /** `pkg.Service/Method`; undefined: there is no such method. Two methods whose names share a hash are not told apart. */
  kindOf(method: string): MethodKind | undefined;
}

export const MAX_FILES = 1_000;
/** Messages in messages; runtimes of protobuf refuse more too. */
const MAX_DEPTH = 100;

/** At 1: it takes a stream; at 2: it answers with one. */
const KINDS: readonly MethodKind[] = ['unary', 'client_streaming', 'server_streaming', 'bidi_streaming'];

interface Tables {
  /** Places of files. */
  readonly types: NameTable;
  /** Of the names of what is extended: places of the files that do. */
  readonly extended: NameTable;
  /** Places in `KINDS`. */
  readonly methods: NameTable;
}

/** @throws Error that says why the bytes are no set of files with all that they import, imports first */
export function createFileIndex(bytes: Uint8Array): FileIndex {
  const message = createMessageBytes(bytes);
  const { files, fileByName } = readFiles(message);
  const { types, extended, methods } = readNames(message, files);

  function find(name: string, what: 'any' | 'message'): number | undefined {
    const wanted = Buffer.from(name);
    return types.valuesOf(hashOf(wanted)).find((at) => declares(message, files[at]!, wanted, what));
  }

  return {
    fileWith: (symbol) => find(symbol, 'any'),
    fileNamed: (name) => fileByName.get(name),
    hasMessage: (name) => find(name, 'message') !== undefined,
    extensionsOf(name) {
      const found = new Map<number, number>();
      const wanted = Buffer.from(name);
      for (const at of extended.valuesOf(hashOf(wanted))) {
        eachExtension(message, files[at]!, (extendee, number) => {
          const isOfIt = extendee.to - extendee.from === wanted.byteLength && startsAt(wanted, 0, bytes, extendee);
          if (isOfIt && !found.has(number)) found.set(number, at);
        });
      }
      return found;
    },
    closureOf(file) {
      const closure = new Set([file]);
      // Those that are added meanwhile have their turn too.
      for (const at of closure) {
        eachImport(message, files[at]!, (name) => closure.add(fileByName.get(name)!));
      }
      return [...closure].map((at) => bytes.subarray(files[at]!.from, files[at]!.to));
    },
    kindOf(method) {
      const [kind] = methods.valuesOf(hashOf(Buffer.from(method)));
      return kind === undefined ? undefined : KINDS[kind];
    },
  };
}

function readFiles(message: MessageBytes) {
  const files: Span[] = [];
  const fileByName = new Map<string, number>();
  message.eachField({ from: 0, to: message.bytes.byteLength }, (no, file) => {
    if (no !== 1 || typeof file === 'number') return;
    if (files.length === MAX_FILES) throw new Error(`it has more than ${MAX_FILES} files`);
    const name = textOf(message, nameIn(message, file));
    eachImport(message, file, (imported) => {
      if (!fileByName.has(imported)) throw new Error(`${imported}, which ${name} imports, is not before it`);
    });
    if (fileByName.has(name)) throw new Error(`two files are named ${name}`);
    fileByName.set(name, files.length);
    files.push(file);
  });
  return { files, fileByName };
}

function eachImport(message: MessageBytes, file: Span, visit: (name: string) => void): void {
  message.eachField(file, (no, value) => {
    if (no === FILE.dependency && typeof value !== 'number') visit(textOf(message, value));
  });
}

function readNames(message: MessageBytes, files: readonly Span[]): Tables {
  const [types, extended, methods] = [createNameTable(), createNameTable(), createNameTable()];
  const extendByName = (hash: number, span: Span): number => extend(hash, message.bytes, nameIn(message, span));

  function addMethods(service: Span, hash: number): void {
    message.eachField(service, (no, method) => {
      if (no !== SERVICE.method || typeof method === 'number') return;
      let kind = 0;
      message.eachField(method, (field, value) => {
        if (field === METHOD.clientStreaming && value !== 0) kind |= 1;
        if (field === METHOD.serverStreaming && value !== 0) kind |= 2;
      });
      methods.add(extendByName(extendByte(hash, SLASH), method), kind);
    });
  }

  function addTypes(declared: Declarations, prefix: number, file: number, depth: number): void {
    if (depth > MAX_DEPTH) throw new Error(`its messages are nested deeper than ${MAX_DEPTH}`);
    const { messages, enums, services, extensions } = declared;
    const values = enums.flatMap((span) => valuesOf(message, span));
    for (const other of [enums, values, extensions].flat()) types.add(extendByName(prefix, other), file);
    for (const service of services) {
      const hash = extendByName(prefix, service);
      types.add(hash, file);
      addMethods(service, hash);
    }
    for (const span of messages) {
      const inner = readMessage(message, span);
      const hash = extend(prefix, message.bytes, inner.name);
      types.add(hash, file);
      addTypes(inner, extendByte(hash, DOT), file, depth + 1);
    }
  }

  files.forEach((span, file) => {
    const declared = readFile(message, span);
    const isNamed = declared.name.to > declared.name.from;
    addTypes(declared, isNamed ? extendByte(extend(NO_NAME, message.bytes, declared.name), DOT) : NO_NAME, file, 0);
    eachExtension(message, span, (extendee) => extended.add(extend(NO_NAME, message.bytes, extendee), file));
  });
  return { types: types.build(), extended: extended.build(), methods: methods.build() };
}

function textOf({ bytes }: MessageBytes, { from, to }: Span): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString();
}
