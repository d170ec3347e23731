import assert from 'node:assert/strict';
import { create, createFileRegistry, fromJson } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, StructSchema } from '@bufbuild/protobuf/wkt';
import { describe, it } from 'mocha';
import { type Described, describeAsProto } from '../../cli/services/prototext.ts';
import { createTemplate } from '../../cli/services/template.ts';
import { createRunning } from '../../server/tunnel/running.ts';

const [OPTIONAL, REQUIRED, REPEATED] = [1, 2, 3];
const [INT64, STRING, GROUP, MESSAGE, BYTES, ENUM] = [3, 9, 10, 11, 12, 14];

const FILE = {
  name: 'old.proto',
  package: 'old',
  syntax: 'proto2',
  messageType: [
    {
      name: 'Node',
      field: [
        { name: 'node_id', jsonName: 'nodeId', number: 1, type: INT64, label: REQUIRED },
        { name: 'name', jsonName: 'name', number: 2, type: STRING, label: OPTIONAL, options: { deprecated: true } },
        { name: 'nodes', jsonName: 'nodes', number: 3, type: MESSAGE, label: REPEATED, typeName: '.old.Node' },
        { name: 'colour', jsonName: 'colour', number: 4, type: ENUM, label: OPTIONAL, typeName: '.old.Node.Colour' },
      ],
      enumType: [{ name: 'Colour', value: [{ name: 'RED', number: 1 }] }],
      nestedType: [{ name: 'Empty' }],
      extensionRange: [{ start: 100, end: 200 }],
    },
  ],
  extension: [{ name: 'mark', jsonName: 'mark', number: 100, type: STRING, label: OPTIONAL, extendee: '.old.Node' }],
};
const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [FILE as object] }));
const proto = (name: string): string => describeAsProto(registry.get(name) as Described);

describe('describeAsProto()', () => {
  it('writes what proto2 has: required, extensions, deprecated', () => {
    assert.equal(
      proto('old.Node'),
      `message old.Node {
  required int64 node_id = 1;
  optional string name = 2 [deprecated = true];
  repeated old.Node nodes = 3;
  optional old.Node.Colour colour = 4;
  extensions 100 to 199;
  // enum old.Node.Colour
  // message old.Node.Empty
}
`,
    );
    assert.equal(proto('old.mark'), 'extend old.Node {\n  optional string mark = 100;\n}\n');
    assert.equal(proto('old.Node.Empty'), 'message old.Node.Empty {}\n');
    assert.equal(proto('old.Node.Colour'), 'enum old.Node.Colour {\n  RED = 1;\n}\n');
  });
});

const DEFAULTS = {
  name: 'defaults.proto',
  package: 'old',
  syntax: 'proto2',
  messageType: [
    {
      name: 'Q',
      field: [
        {
          name: 'n',
          jsonName: 'n',
          number: 1,
          type: INT64,
          label: OPTIONAL,
          defaultValue: '7',
          options: { deprecated: true },
        },
        { name: 't', jsonName: 't', number: 2, type: STRING, label: OPTIONAL, defaultValue: 'a "b"' },
        { name: 'b', jsonName: 'b', number: 3, type: BYTES, label: OPTIONAL, defaultValue: '\\000x' },
        { name: 'c', jsonName: 'c', number: 4, type: ENUM, label: OPTIONAL, typeName: '.old.Q.C', defaultValue: 'RED' },
        { name: 'g', jsonName: 'g', number: 5, type: GROUP, label: OPTIONAL, typeName: '.old.Q.G' },
        { name: 'h', jsonName: 'h', number: 6, type: GROUP, label: REPEATED, typeName: '.old.Q.H' },
      ],
      enumType: [{ name: 'C', value: [{ name: 'RED', number: 1 }] }],
      nestedType: [{ name: 'G' }, { name: 'H' }],
    },
  ],
};

describe('describeAsProto() of proto2', () => {
  it('writes defaults and groups', () => {
    const described = createFileRegistry(create(FileDescriptorSetSchema, { file: [DEFAULTS as object] }));
    assert.equal(
      describeAsProto(described.getMessage('old.Q')!),
      `message old.Q {
  optional int64 n = 1 [default = 7, deprecated = true];
  optional string t = 2 [default = "a \\"b\\""];
  optional bytes b = 3 [default = "\\000x"];
  optional old.Q.C c = 4 [default = RED];
  optional group G = 5 {} // old.Q.G
  repeated group H = 6 {} // old.Q.H
  // enum old.Q.C
  // message old.Q.G
  // message old.Q.H
}
`,
    );
  });
});

describe('createTemplate()', () => {
  it('comes to an end in a message within itself, and is one that is taken', () => {
    const desc = registry.getMessage('old.Node')!;
    const template = createTemplate(desc);
    assert.deepEqual(template, { nodeId: '0', name: '', nodes: [{}], colour: 'RED' });
    assert.equal(fromJson(desc, template).$typeName, 'old.Node');
    assert.deepEqual(createTemplate(StructSchema), {});
  });
});

describe('createRunning()', () => {
  it('counts the calls of a callee, and each end once', () => {
    let ended = 0;
    const running = createRunning(() => (ended += 1));
    const first = running.begin('a.A/X');
    running.begin('a.A/Y');
    const last = running.begin('b.B/X');
    assert.deepEqual([running.count, running.of('a.A/X'), running.byService()], [3, 1, { 'a.A': 2, 'b.B': 1 }]);
    last();
    last();
    first();
    assert.deepEqual([running.count, running.of('b.B/X'), running.byService(), ended], [1, 0, { 'a.A': 1 }, 2]);
  });
});
