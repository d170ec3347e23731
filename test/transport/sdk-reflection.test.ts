import assert from 'node:assert/strict';
import { createFileRegistry } from '@bufbuild/protobuf';
import { createReflection, type Reflection } from '../../client/index.ts';
import { reflection, reflectionV1alpha } from '../../gen/index.ts';
import { defineService } from '../../shared/grpc.ts';
import { startCallee } from '../scene/callers.ts';
import { closeScene, use } from '../scene/end.ts';
import { startForeignServer } from '../scene/foreign.ts';
import { connectTo, startScene } from '../scene/server.ts';

const NOTES = {
  name: 'notes.proto',
  package: 'notes',
  syntax: 'proto2',
  dependency: ['lines.proto', 'google/protobuf/timestamp.proto'],
  service: [{ name: 'Notes', method: [{ name: 'Add', inputType: '.notes.Line', outputType: '.notes.Line' }] }],
};
const LINES = {
  name: 'lines.proto',
  package: 'notes',
  syntax: 'proto2',
  messageType: [{ name: 'Line', extensionRange: [{ start: 100, end: 200 }] }],
};
const COLOURS = {
  name: 'colours.proto',
  package: 'colours',
  syntax: 'proto2',
  dependency: ['lines.proto'],
  extension: [{ name: 'colour', number: 100, extendee: '.notes.Line', type: 9, label: 1 }],
};
const FILES: Readonly<Record<string, object>> = {
  'notes.Notes': NOTES,
  'lines.proto': LINES,
  'notes.Line 100': COLOURS,
};

function reflectOn(address: string): Reflection {
  return use(createReflection(connectTo(address)));
}

describe('createReflection()', () => {
  afterEach(closeScene);

  it('lists what a contact server and its clients serve, and describes it with all that it imports', async () => {
    const { address } = await startScene();
    await startCallee(address);
    const asking = reflectOn(address);
    const services = await asking.listServices();
    assert.ok(services.includes('echo.Echo') && services.includes('contact.v1.AdminService'), String(services));
    const registry = createFileRegistry(await asking.describe(services, { extensions: true }));
    assert.equal(registry.getService('echo.Echo')?.methods.length, 4);
    assert.ok(registry.getMessage('google.protobuf.Timestamp'));
    const refused = { name: 'ContactError', code: 'NOT_FOUND', message: 'nothing is known of no.Such' };
    await assert.rejects(asking.describe(['echo.Echo', 'no.Such']), refused);
  });

  for (const version of [reflection.ServerReflection, reflectionV1alpha.ServerReflection]) {
    it(`puts together what a server tells file by file: ${version.typeName}`, async () => {
      const extensionsOf = (): number[] => [100];
      const described = { version, services: ['notes.Notes'], find: (name: string) => FILES[name], extensionsOf };
      const { address, asked } = await startForeignServer(described);
      const asking = reflectOn(address);
      assert.deepEqual(await asking.listServices(), ['notes.Notes']);
      const files = await asking.describe(['notes.Notes'], { extensions: true });
      // Protobuf's own files are there, though the server does not know them.
      assert.deepEqual(
        files.file.map(({ name }) => name),
        ['lines.proto', 'google/protobuf/timestamp.proto', 'notes.proto', 'colours.proto'],
      );
      const registry = createFileRegistry(files);
      assert.equal(registry.getExtensionFor(registry.getMessage('notes.Line')!, 100)?.typeName, 'colours.colour');
      assert.equal(asked.filter((line) => line.startsWith('fileByFilename')).length, 1, asked.join('\n'));
    });
  }

  it('goes without extensions where the server knows of no such question', async () => {
    const { address } = await startForeignServer({ find: (name) => FILES[name] });
    const files = await reflectOn(address).describe(['notes.Notes'], { extensions: true });
    assert.equal(files.file.length, 3);
  });

  it('says that a server has no reflection', async () => {
    const { address } = await startForeignServer(null);
    const expected = { name: 'ContactError', code: 'UNIMPLEMENTED', message: 'the server has no reflection' };
    await assert.rejects(reflectOn(address).listServices(), expected);
  });

  it('takes no more than its bound of a server that never comes to an end', async () => {
    const endless = (name: string): object => ({ name, dependency: [`${Number(name.split('.')[0]) + 1}.proto`] });
    const { address, asked } = await startForeignServer({ find: endless });
    const expected = { code: 'RESOURCE_EXHAUSTED', message: 'more than 5000 files of descriptors' };
    await assert.rejects(reflectOn(address).describe(['1.proto'], { deadlineMs: 60_000 }), expected);
    assert.equal(asked.length, 5_001);
  });

  it('takes no more bytes than its bound', async () => {
    const large = (name: string): object => ({ name, dependency: [`${name}x`], package: 'p'.repeat(2_000_000) });
    const { address } = await startForeignServer({ find: large });
    const expected = { code: 'RESOURCE_EXHAUSTED', message: 'more than 16777216 bytes of descriptors' };
    await assert.rejects(reflectOn(address).describe(['a'], { deadlineMs: 60_000 }), expected);
  });

  it('refuses files that import themselves, and answers about other files', async () => {
    const circle = (name: string): object => ({ name, dependency: [name === 'a' ? 'b' : 'a'] });
    const inCircle = reflectOn((await startForeignServer({ find: circle })).address);
    await assert.rejects(inCircle.describe(['a']), { code: 'INTERNAL', message: /import themselves/ });
    const other = (name: string): object => ({ name: `not-${name}`, dependency: ['b'] });
    const elsewhere = reflectOn((await startForeignServer({ find: other })).address);
    await assert.rejects(elsewhere.describe(['a']), { code: 'INTERNAL', message: /other files than b/ });
  });

  it('ends by its deadline, by its signal and by a server that is not there', async () => {
    const { server, address } = await startForeignServer(null);
    const silent = { serverReflectionInfo: () => undefined };
    server.addService(defineService(reflection.ServerReflection) as never, silent as never);
    const asking = reflectOn(address);
    await assert.rejects(asking.listServices({ deadlineMs: 50 }), { code: 'DEADLINE_EXCEEDED' });
    const cancelled = asking.describe(['a'], { signal: AbortSignal.timeout(50) });
    await assert.rejects(cancelled, { code: 'CANCELLED' });
    await assert.rejects(reflectOn('127.0.0.1:1').listServices(), { code: 'UNAVAILABLE' });
  });

  it('refuses wrong options by their names', async () => {
    assert.throws(() => createReflection({ server: 'nowhere' }), { field: 'server' });
    const asking = reflectOn('127.0.0.1:1');
    await assert.rejects(asking.describe(['a', ''] as string[]), { field: 'symbols[1]' });
    await assert.rejects(asking.listServices({ deadline: 1 } as object), { field: 'deadline' });
  });
});
