import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { create, createFileRegistry, type DescExtension, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { declares } from '../../server/tunnel/declarations.ts';
import { createMessageBytes } from '../../server/tunnel/fields.ts';
import { createFileIndex } from '../../server/tunnel/fileindex.ts';
import { isFull } from '../scene/full.ts';

const NAMES = ['A', 'B', 'aa', 'a', 'AB'];
const PACKAGES = ['', 'p', 'p.q', 'a', 'a.A'];

interface Type {
  readonly name: string;
  readonly nested: readonly Type[];
}

const distinct = <T extends { readonly name: string }>(one: fc.Arbitrary<T>) =>
  fc.uniqueArray(one, { selector: ({ name }) => name, maxLength: 4 });
const { type } = fc.letrec<{ type: Type }>((tie) => ({
  type: fc.record({
    name: fc.constantFrom(...NAMES),
    nested: fc.oneof({ maxDepth: 3 }, fc.constant([]), distinct(tie('type'))),
  }),
}));
const method = fc.record({
  name: fc.constantFrom(...NAMES),
  clientStreaming: fc.boolean(),
  serverStreaming: fc.boolean(),
});
const file = fc.record({
  package: fc.constantFrom(...PACKAGES),
  types: distinct(type),
  methods: distinct(method),
  extended: fc.option(fc.integer({ min: 100, max: 103 })),
  imports: fc.array(fc.nat(5), { maxLength: 2 }),
});

const messageOf = ({ name, nested }: Type): object => ({
  name,
  nestedType: nested.map(messageOf),
  enumType: [{ name: 'E', value: [{ name: `${name}0`, number: 0 }] }],
});

type DrawnFile = typeof file extends fc.Arbitrary<infer T> ? T : never;

/** Files of which each may import those before it; every one has a base that may be extended, by its own name. */
function filesOf(drawn: readonly DrawnFile[]): object[] {
  return drawn.map((one, at) => {
    const base = `Base${at}`;
    const full = one.package === '' ? base : `${one.package}.${base}`;
    const extension = (number: number) => ({
      name: `x${at}`,
      number,
      extendee: `.${full}`,
      label: FieldDescriptorProto_Label.OPTIONAL,
      type: FieldDescriptorProto_Type.INT32,
    });
    return {
      name: `${at}.proto`,
      package: one.package,
      syntax: 'proto2',
      dependency: [...new Set(one.imports.filter((other) => other < at))].map((other) => `${other}.proto`),
      // Names of two files may be the same ones, which a set of them must not have.
      messageType: [
        { name: base, extensionRange: [{ start: 100, end: 200 }] },
        ...(one.types.length > 0 ? [{ name: `T${at}`, nestedType: one.types.map(messageOf) }] : []),
      ],
      enumType: [{ name: `Top${at}`, value: [{ name: `TOP${at}`, number: 0 }] }],
      service: [
        {
          name: `S${at}`,
          method: one.methods.map((each) => ({ ...each, inputType: `.${full}`, outputType: `.${full}` })),
        },
      ],
      extension: one.extended === null ? [] : [extension(one.extended)],
    };
  });
}

function isDeclaredIn(one: FileDescriptorProto, symbol: string): boolean {
  const bytes = toBinary(FileDescriptorProtoSchema, one);
  return declares(createMessageBytes(bytes), { from: 0, to: bytes.byteLength }, Buffer.from(symbol), 'any');
}

describe('createFileIndex()', () => {
  it('finds what a registry of the same files finds, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(file, { minLength: 1, maxLength: 5 }), (drawn) => {
        const set = create(FileDescriptorSetSchema, { file: filesOf(drawn) as never });
        const registry = createFileRegistry(set);
        const index = createFileIndex(toBinary(FileDescriptorSetSchema, set));
        const nameAt = (at: number | undefined): string | undefined => set.file[at ?? -1]?.name;
        const known = [...registry].map(({ typeName }) => typeName);
        const cut = known.flatMap((name) => [
          name.slice(1),
          name.slice(0, -1),
          `${name}.A`,
          `a.${name}`,
          name.replace('.', ''),
          name.replaceAll('.', '_'),
        ]);
        for (const symbol of [...known, ...cut, ...PACKAGES, '.']) {
          const desc = registry.get(symbol);
          assert.equal(nameAt(index.fileWith(symbol)), desc?.file.proto.name, symbol);
          assert.equal(index.hasMessage(symbol), desc?.kind === 'message', symbol);
          // Names of one hash are told apart by what each file declares.
          const declaring = set.file.filter((one) => isDeclaredIn(one, symbol)).map(({ name }) => name);
          assert.deepEqual(declaring, desc ? [desc.file.proto.name] : [], symbol);
        }
        for (const desc of registry) {
          if (desc.kind === 'enum') {
            // A value stands beside its enum.
            const scope = desc.typeName.slice(0, -desc.name.length);
            for (const { name } of desc.values)
              assert.equal(nameAt(index.fileWith(scope + name)), desc.file.proto.name);
            continue;
          }
          if (desc.kind === 'service') {
            for (const { name, methodKind } of desc.methods) {
              assert.equal(index.kindOf(`${desc.typeName}/${name}`), methodKind);
            }
            assert.equal(index.kindOf(`${desc.typeName}/Nobody`), undefined);
          }
          if (desc.kind !== 'message') continue;
          const extensions = [...registry].filter(
            (one): one is DescExtension => one.kind === 'extension' && one.extendee.typeName === desc.typeName,
          );
          const found = [...index.extensionsOf(desc.typeName)].map(([number, at]) => [number, nameAt(at)]);
          assert.deepEqual(
            found,
            extensions.map(({ number, file: { proto } }) => [number, proto.name]),
          );
        }
        for (const [at, { proto }] of [...registry.files].entries()) {
          assert.equal(index.fileNamed(proto.name), at);
          const closure = index.closureOf(at).map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
          const wanted = new Set([proto.name]);
          for (const name of wanted) for (const other of registry.getFile(name)!.proto.dependency) wanted.add(other);
          assert.deepEqual(new Set(closure.map(({ name }) => name)), wanted);
          assert.deepEqual(closure[0], proto);
        }
      }),
      { numRuns: isFull ? 2_000 : 200 },
    );
  });
});
