import assert from 'node:assert/strict';
import { create, createFileRegistry, toBinary } from '@bufbuild/protobuf';
import { anyPack, BoolValueSchema, FileDescriptorSetSchema, file_google_protobuf_any } from '@bufbuild/protobuf/wkt';
import { Metadata, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { afterEach, describe, it } from 'mocha';
import { describeErrorDetails } from '../../cli/call/googlerpc.ts';
import { runHere } from '../scene/command.ts';
import { closeScene } from '../scene/end.ts';
import { type ForeignServer, startForeignServer } from '../scene/foreign.ts';

const [OPTIONAL, REQUIRED, REPEATED] = [1, 2, 3];
const [STRING, MESSAGE] = [9, 11];
const ANY = '.google.protobuf.Any';

function field(name: string, number: number, type: number, label = OPTIONAL, typeName = ''): object {
  return { name, number, type, label, typeName };
}

/** A box holds anything; notes are in a file that boxes do not import, colours extend what is in proto2. */
const BOXES = {
  name: 'boxes.proto',
  package: 'boxes',
  syntax: 'proto3',
  dependency: ['google/protobuf/any.proto', 'old.proto'],
  messageType: [
    {
      name: 'Box',
      field: [
        field('thing', 1, MESSAGE, OPTIONAL, ANY),
        field('things', 2, MESSAGE, REPEATED, ANY),
        field('inner', 3, MESSAGE, OPTIONAL, '.boxes.Box'),
        field('the_old', 4, MESSAGE, OPTIONAL, '.old.Line'),
      ],
    },
  ],
  service: [{ name: 'Boxes', method: [{ name: 'Echo', inputType: '.boxes.Box', outputType: '.boxes.Box' }] }],
};
const NOTES = {
  name: 'notes.proto',
  package: 'notes',
  syntax: 'proto3',
  dependency: ['google/protobuf/any.proto'],
  messageType: [{ name: 'Note', field: [field('text', 1, STRING), field('seal', 2, MESSAGE, OPTIONAL, ANY)] }],
};
const OLD = {
  name: 'old.proto',
  package: 'old',
  syntax: 'proto2',
  messageType: [
    { name: 'Line', field: [field('text', 1, STRING, REQUIRED)], extensionRange: [{ start: 100, end: 200 }] },
  ],
};
const COLOURS = {
  name: 'colours.proto',
  package: 'colours',
  syntax: 'proto2',
  dependency: ['old.proto'],
  extension: [{ ...field('colour', 100, STRING), extendee: '.old.Line' }],
};
const LATE = {
  name: 'late.proto',
  package: 'late',
  syntax: 'proto3',
  messageType: [{ name: 'Late', field: [field('text', 1, STRING)] }],
};
const FILES: Readonly<Record<string, object>> = {
  'boxes.Boxes': BOXES,
  'notes.Note': NOTES,
  'late.Late': LATE,
  'old.proto': OLD,
  'old.Line 100': COLOURS,
};

type Bytes = (bytes: Buffer) => Buffer;
const asItIs: Bytes = (bytes) => bytes;

interface Ending {
  /** Of a status that is answered. */
  readonly details?: Uint8Array;
  readonly answer?: Uint8Array;
}

/** Answers what it was asked, or this. */
async function startBoxes(end: Ending = {}): Promise<ForeignServer> {
  const foreign = await startForeignServer({
    services: ['boxes.Boxes'],
    find: (name) => FILES[name],
    extensionsOf: (name) => (name === 'old.Line' ? [100] : []),
  });
  const codec = {
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  };
  const method = { path: '/boxes.Boxes/Echo', requestStream: false, responseStream: false, ...codec };
  const handle = ({ request }: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>): void => {
    const metadata = new Metadata();
    if (end.details) metadata.set('grpc-status-details-bin', Buffer.from(end.details));
    if (end.details) answer({ code: status.INVALID_ARGUMENT, details: 'it is wrong', metadata });
    else answer(null, Buffer.from(end.answer ?? request));
  };
  foreign.server.addService({ echo: method }, { echo: handle });
  return foreign;
}

async function echo(json: string, end: Ending = {}) {
  const { address, asked } = await startBoxes(end);
  return { asked, ...(await runHere(['call', 'boxes.Boxes/Echo', json, '--server', address])) };
}

describe('contact call, of types', function () {
  this.timeout(60_000);
  afterEach(closeScene);

  it('shows and takes an Any of a type that reflection describes, also within another one', async () => {
    const seal = '{"@type":"type.googleapis.com/google.protobuf.BoolValue","value":true}';
    const note = `{"@type":"type.googleapis.com/notes.Note","text":"n","seal":${seal}}`;
    const json = `{"thing":${note},"things":[${seal},${note}],"inner":{"thing":${note}}}`;
    const { code, stdout, stderr, asked } = await echo(json);
    assert.deepEqual([code, stdout], [0, `${json}\n`], stderr);
    assert.equal(asked.filter((line) => line === 'fileContainingSymbol notes.Note').length, 1, asked.join('\n'));
  });

  it('shows an Any within another one, whose type only reflection knows, and one that nobody describes', async () => {
    const registry = createFileRegistry(
      create(FileDescriptorSetSchema, { file: [file_google_protobuf_any.proto, OLD, BOXES, NOTES, LATE] as never }),
    );
    const [Box, Note, Late] = ['boxes.Box', 'notes.Note', 'late.Late'].map((name) => registry.getMessage(name)!);
    const late = anyPack(Late!, create(Late!, { text: 'l' } as never));
    const hidden = { typeUrl: 'x/no.Such', value: Buffer.from('hidden') };
    const notes = [late, hidden, hidden].map((seal) => anyPack(Note!, create(Note!, { seal } as never)));
    const { code, stdout, stderr } = await echo('{}', {
      answer: toBinary(Box!, create(Box!, { things: notes } as never)),
    });
    assert.equal(code, 0, stderr);
    const note = '"@type":"type.googleapis.com/notes.Note","seal"';
    const bytes = '{"@type":"x/no.Such","value":"aGlkZGVu"}';
    const seals = ['{"@type":"type.googleapis.com/late.Late","text":"l"}', bytes, bytes];
    assert.equal(stdout, `{"things":[${seals.map((seal) => `{${note}:${seal}}`).join(',')}]}\n`);
  });

  it('takes no Any of which nothing is known', async () => {
    const { code, stderr } = await echo('{"thing":{"@type":"x/no.Such"}}');
    assert.equal(code, 2);
    assert.match(stderr, /^contact: request thing: /);
  });

  it('takes and shows extensions, and says what proto2 requires', async () => {
    const json = '{"theOld":{"text":"t","[colours.colour]":"red"}}';
    const { code, stdout, stderr } = await echo(json);
    assert.deepEqual([code, stdout], [0, `${json}\n`], stderr);
    const missing = await echo('{"inner":{"the_old":{}}}');
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /^contact: request inner\.the_old: required field text is not set/);
  });

  it('shows the details of a status: common ones, those that reflection describes, and others by their bytes', async () => {
    const registry = describeErrorDetails();
    const [Status, BadRequest] = ['Status', 'BadRequest'].map((name) => registry.getMessage(`google.rpc.${name}`)!);
    const wrong = create(BadRequest!, { fieldViolations: [{ field: 'name', description: 'is empty' }] } as never);
    const hidden = { typeUrl: 'x/no.Such', value: Buffer.from('hidden') };
    const details = [anyPack(BadRequest!, wrong), anyPack(BoolValueSchema, create(BoolValueSchema)), hidden, hidden];
    const { code, stderr } = await echo('{}', {
      details: toBinary(Status!, create(Status!, { code: 3, message: 'm', details } as never)),
    });
    assert.equal(code, 1);
    const type = (name: string) => `"@type":"type.googleapis.com/${name}"`;
    assert.deepEqual(stderr.split('\n'), [
      'contact: INVALID_ARGUMENT: it is wrong',
      `  detail: {${type('google.rpc.BadRequest')},"fieldViolations":[{"field":"name","description":"is empty"}]}`,
      `  detail: {${type('google.protobuf.BoolValue')},"value":false}`,
      '  detail: {"@type":"x/no.Such","value":"aGlkZGVu"}',
      '  detail: {"@type":"x/no.Such","value":"aGlkZGVu"}',
      '',
    ]);
  });

  it('says that it needs descriptors where there is no reflection', async () => {
    const { address } = await startForeignServer(null);
    const { code, stderr } = await runHere(['call', 'boxes.Boxes/Echo', '{}', '--server', address]);
    assert.equal(code, 2);
    assert.match(stderr, /^contact: the server has no reflection: --descriptors FILE says/);
  });
});
