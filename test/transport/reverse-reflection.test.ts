import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { createReflection } from '../../client/index.ts';
import { AdminService, health, reflection, reflectionV1alpha } from '../../gen/index.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { bufCurl } from '../scene/buf.ts';
import { startCallee } from '../scene/callers.ts';
import { ask, connect, refusalOf } from '../scene/clients.ts';
import { closeScene, use } from '../scene/end.ts';
import { openServe } from '../scene/rawcallee.ts';
import { openReflection } from '../scene/reflection.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { statusOf } from '../scene/worker.ts';

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = health.HealthCheckResponse_ServingStatus;
const { check } = health.Health.method;
const SERVED = { methods: ['echo.Echo/Unary'] };

/** The echo service, in a file of this name whose messages are in another one. */
function describeAs(version: string): Uint8Array {
  const [service] = Echo.file.proto.service;
  const messages = { ...Echo.file.proto, name: `messages-${version}.proto`, service: [] };
  const file = { name: `echo-${version}.proto`, package: 'echo', syntax: 'proto3', service: [service!] };
  const set = { file: [messages, { ...file, dependency: [messages.name] }] };
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, set));
}

describe('reflection over the services of clients', () => {
  afterEach(closeScene);

  for (const service of [reflection.ServerReflection, reflectionV1alpha.ServerReflection]) {
    it(`lists and describes them while they are connected: ${service.typeName}`, async () => {
      const { address } = await startScene();
      const worker = await startCallee(address);
      const stream = openReflection(address, service);
      const listed = await stream.list();
      assert.ok(listed.includes('echo.Echo') && listed.includes('contact.v1.TaskService'), String(listed));
      assert.equal(new Set(listed).size, listed.length);
      const [ownFile] = namesOf((await stream.symbol('contact.v1.TASK_STATE_READY')) ?? []);
      assert.equal(ownFile, 'contact/v1/task.proto', 'a value of an enum is a symbol of its package');
      for (const symbol of ['echo.Echo', 'echo.Echo.Unary', 'echo.Message']) {
        assert.deepEqual(namesOf(await stream.symbol(symbol)), ['echo.proto'], symbol);
      }
      await worker.stop();
      await until('it is not listed', async () => !(await stream.list()).includes('echo.Echo'));
      assert.equal(await stream.symbol('echo.Echo'), undefined);
    });
  }

  for (const version of ['v1', 'v1alpha']) {
    it(`lets a stock client list a connected client’s services and call them by names alone: ${version}`, async function () {
      this.timeout(120_000);
      const { address } = await startScene();
      await startCallee(address);
      // Tools describe all that is listed, and are of no use if something cannot be.
      await openServe(address, 'mute', { methods: ['mute.Service/Say'] });
      const reflected = ['--reflect-protocol', `grpc-${version}`];
      const methods = (await bufCurl(`http://${address}`, ...reflected, '--list-methods')).split('\n');
      for (const name of ['Unary', 'Down', 'Up', 'Chat'])
        assert.ok(methods.includes(`echo.Echo/${name}`), `${methods}`);
      const call = async (name: string, ...bodies: readonly string[]): Promise<unknown[]> => {
        const data = bodies.map((body) => JSON.stringify({ body: btoa(body), count: 2 })).join('\n');
        const told = await bufCurl(`http://${address}/echo.Echo/${name}`, ...reflected, '--data', data);
        return told
          .trim()
          .split(/(?<=^})\n/m)
          .map((text) => JSON.parse(text));
      };
      assert.deepEqual(await call('Unary', 'one'), [{ body: btoa('one') }]);
      assert.equal((await call('Down', 'two')).length, 2);
      assert.deepEqual(await call('Up', 'a', 'bc'), [{ messages: 2, bytes: '3' }]);
      assert.equal((await call('Chat', 'a', 'b', 'c')).length, 3);
    });
  }

  it('answers a stream from one set, whoever else describes the same', async () => {
    const { address } = await startScene();
    const callees = ['a', 'b'].map((name) =>
      openServe(address, name, { ...SERVED, fileDescriptorSet: describeAs(name) }),
    );
    await Promise.all(callees);
    const stream = openReflection(address);
    const files = namesOf(await stream.symbol('echo.Echo'));
    const version = files[0]!.includes('-a') ? 'a' : 'b';
    assert.deepEqual(files.toSorted(), [`echo-${version}.proto`, `messages-${version}.proto`]);
    assert.deepEqual(namesOf(await stream.symbol('echo.Message')), [`messages-${version}.proto`]);
    const other = version === 'a' ? 'b' : 'a';
    assert.deepEqual(namesOf(await stream.file(`messages-${other}.proto`)), [`messages-${other}.proto`]);
    assert.deepEqual(namesOf(await stream.symbol('echo.Message')), [`messages-${version}.proto`]);
  });

  it('answers from the client that is asked for, and on one stream from who serves each service', async () => {
    const { address } = await startScene();
    await openServe(address, 'nobody', { methods: ['other.Other/Unary'], fileDescriptorSet: describeAs('nobody') });
    const stream = openReflection(address);
    assert.deepEqual(namesOf(await stream.symbol('echo.Message')), ['messages-nobody.proto']);
    for (const name of ['a', 'b']) await openServe(address, name, { ...SERVED, fileDescriptorSet: describeAs(name) });
    assert.deepEqual(namesOf(await stream.symbol('echo.Echo.Unary')).toSorted(), ['echo-a.proto', 'messages-a.proto']);
    const asking = use(createReflection(connectTo(address)));
    for (const clientId of ['a', 'b']) {
      const { file } = await asking.describe(['echo.Echo'], { clientId });
      assert.deepEqual(
        file.map(({ name }) => name),
        [`messages-${clientId}.proto`, `echo-${clientId}.proto`],
      );
    }
    // It has said nothing, or is away: as others do.
    await openServe(address, 'c', SERVED);
    for (const clientId of ['c', 'away'])
      assert.equal((await asking.describe(['echo.Echo'], { clientId })).file.length, 2);
    await assert.rejects(asking.describe(['echo.Echo'], { clientId: '' }), /clientId/);
  });

  it('tells of extensions that a client describes beside its services', async () => {
    const { address } = await startScene();
    const message = { name: 'Line', extensionRange: [{ start: 100, end: 200 }] };
    const lines = { name: 'lines.proto', package: 'lines', syntax: 'proto2', messageType: [message] };
    const extension = { name: 'colour', number: 100, extendee: '.lines.Line', type: 9, label: 1 };
    const colours = { name: 'colours.proto', syntax: 'proto2', dependency: ['lines.proto'], extension: [extension] };
    const set = create(FileDescriptorSetSchema, { file: [lines, colours, Echo.file.proto] as never });
    await openServe(address, 'a', { ...SERVED, fileDescriptorSet: toBinary(FileDescriptorSetSchema, set) });
    const asking = use(createReflection(connectTo(address)));
    const names = async (extensions: boolean) =>
      (await asking.describe(['lines.Line'], { extensions })).file.map(({ name }) => name);
    assert.deepEqual(await names(false), ['lines.proto']);
    assert.deepEqual(await names(true), ['lines.proto', 'colours.proto']);
    const stream = openReflection(address);
    assert.deepEqual(await stream.extensions('lines.Line'), [100]);
    assert.deepEqual(await stream.extensions('contact.v1.Task'), []);
    assert.equal(await stream.extensions('lines.Nothing'), undefined);
  });

  it('describes a service as those do who serve it, whoever else describes it', async () => {
    const { address } = await startScene();
    const set = { fileDescriptorSet: describeAs('evil') };
    await openServe(address, 'serves-nothing', { methods: [], ...set });
    await openServe(address, 'serves-another', { methods: ['evil.Evil/Call'], ...set });
    const robot = await openServe(address, 'robot', { ...SERVED, fileDescriptorSet: describeAs('good') });
    const wanted = ['echo-good.proto', 'messages-good.proto'];
    for (const symbol of ['echo.Echo', 'echo.Echo.Unary']) {
      assert.deepEqual(namesOf(await openReflection(address).symbol(symbol)).toSorted(), wanted, symbol);
    }
    robot.cut();
    const isUnknown = async () => (await openReflection(address).symbol('echo.Echo')) === undefined;
    await until('who is away is described by nobody', isUnknown);
  });

  it('takes no client’s word for the server’s own services', async () => {
    const { address } = await startScene();
    const file = { name: 'x.proto', package: 'contact.v9', syntax: 'proto3', messageType: [{ name: 'Fake' }] };
    const fileDescriptorSet = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] }));
    await openServe(address, 'a', { ...SERVED, fileDescriptorSet });
    assert.equal(await openReflection(address).symbol('contact.v9.Fake'), undefined);
  });
});

describe('health of a service of clients', () => {
  afterEach(closeScene);

  it('is serving while one serves it that is not drained, and known when none does any more', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const service = 'echo.Echo';
    const told: number[] = [];
    const watch = clients.health.watch({ service });
    watch.on('data', ({ status }) => told.push(status));
    const ended = statusOf(watch);
    await until('it is told', () => told.length === 1);
    assert.match(await refusalOf(ask(clients, check, { service })), /^NOT_FOUND service: /);
    const [one, two] = await Promise.all(['one', 'two'].map((name) => openServe(scene.address, name, SERVED)));
    assert.equal((await ask(clients, check, { service })).status, SERVING);
    one!.cut();
    await ask(clients, AdminService.method.drainClient, { clientId: 'two' });
    await until('it is not served', async () => (await ask(clients, check, { service })).status === NOT_SERVING);
    await ask(clients, AdminService.method.resumeClient, { clientId: 'two' });
    await until('it is served', () => told.at(-1) === SERVING);
    two!.cut();
    await until('it is told of the end', () => told.at(-1) === NOT_SERVING);
    assert.deepEqual(told, [SERVICE_UNKNOWN, SERVING, NOT_SERVING, SERVING, NOT_SERVING]);
    watch.cancel();
    await ended;
  });
});

function namesOf(files: readonly Uint8Array[] | undefined): string[] {
  return (files ?? []).map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
}
