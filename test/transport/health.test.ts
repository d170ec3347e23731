import assert from 'node:assert/strict';
import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import {
  AdminService,
  ContactService,
  classic,
  health,
  reflection,
  reflectionV1alpha,
  TaskService,
} from '../../gen/index.ts';
import { bufCurl } from '../scene/buf.ts';
import { ask, type Clients, connect, enqueue, refusalOf } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { lockStore } from '../scene/lock.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { openWorker, statusOf } from '../scene/worker.ts';

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = health.HealthCheckResponse_ServingStatus;
const { check } = health.Health.method;

describe('grpc.health.v1', () => {
  afterEach(closeScene);

  it('says that the server and its services serve', async () => {
    const clients = connect(await startScene());
    for (const service of [
      '',
      ...[ContactService, TaskService, AdminService, classic.Contact].map((one) => one.typeName),
    ]) {
      assert.equal((await ask(clients, check, { service })).status, SERVING);
    }
    assert.match(await refusalOf(ask(clients, check, { service: 'nobody' })), /^NOT_FOUND service: /);
  });

  it('tells a watcher that the server is going', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const seen: number[] = [];
    const known = clients.health.watch({ service: '' });
    const ended = statusOf(known.on('data', ({ status: one }: health.HealthCheckResponse) => seen.push(one)));
    const unknown = clients.health.watch({ service: 'nobody' });
    const unknownEnded = statusOf(unknown.on('data', ({ status: one }: health.HealthCheckResponse) => seen.push(one)));
    await until('the first word', () => seen.length === 2);
    assert.deepEqual(new Set(seen), new Set([SERVING, SERVICE_UNKNOWN]));
    // Something to wait for.
    await enqueue(clients, {});
    const worker = await openWorker(clients);
    await worker.receive(1);
    const closing = scene.server.close({ deadlineMs: 5_000 });
    await until('the word of going', () => seen.includes(NOT_SERVING));
    assert.equal((await ask(clients, check, {})).status, NOT_SERVING);
    await worker.succeed(...worker.tasks);
    await closing;
    assert.deepEqual([(await ended).code, (await unknownEnded).code], [status.UNAVAILABLE, status.UNAVAILABLE]);
  });

  it('tells a watcher that the server is going, also when there is nothing to wait for', async () => {
    const scene = await startScene();
    const seen: number[] = [];
    const watch = connect(scene).health.watch({ service: '' });
    const ended = statusOf(watch.on('data', ({ status: one }: health.HealthCheckResponse) => seen.push(one)));
    await until('the first word', () => seen.length === 1);
    await scene.server.close();
    assert.equal((await ended).code, status.UNAVAILABLE);
    assert.deepEqual(seen, [SERVING, NOT_SERVING]);
  });

  it('says no while the store takes nothing, and yes again', async () => {
    const scene = await startScene({ isDurable: true });
    const clients = connect(scene);
    const seen: number[] = [];
    const watch = clients.health.watch({ service: '' });
    watch.on('error', () => undefined).on('data', ({ status: one }: health.HealthCheckResponse) => seen.push(one));
    await until('the first word', () => seen.length === 1);
    const unlock = lockStore(scene.storeFile);
    await until('a watcher hears of it', async () => {
      await refusalOf(enqueue(clients, {}));
      return seen.length === 2;
    });
    assert.equal((await ask(clients, check, { service: TaskService.typeName })).status, NOT_SERVING);
    unlock();
    await enqueue(clients, {});
    await until('a watcher hears of the end', () => seen.length === 3);
    assert.deepEqual(seen, [SERVING, NOT_SERVING, SERVING]);
    assert.equal((await ask(clients, check, {})).status, SERVING);
    watch.cancel();
  });

  it('says no while too little disk is free', async () => {
    const scene = await startScene({ isDurable: true, minFreeBytes: Number.MAX_SAFE_INTEGER });
    const clients = connect(scene);
    assert.equal((await ask(clients, check, {})).status, NOT_SERVING);
  });
});

/** Each file after those that it imports; fails when one of them is not there. */
function order(files: ReadonlyMap<string, FileDescriptorProto>): FileDescriptorProto[] {
  const ordered = new Set<FileDescriptorProto>();
  const add = (name: string): void => {
    const file = files.get(name);
    assert.ok(file, `${name} is missing`);
    if (ordered.has(file)) return;
    file.dependency.forEach(add);
    ordered.add(file);
  };
  for (const name of files.keys()) add(name);
  return [...ordered];
}

describe('reflection', () => {
  afterEach(closeScene);

  it('describes every service, with all that it needs', async () => {
    const clients = connect(await startScene());
    await checkReflection(clients.reflection);
    await checkReflection(clients.reflectionV1alpha as unknown as ReflectionClient);
  });

  for (const version of ['v1', 'v1alpha']) {
    it(`lets a stock client call by names alone: ${version}`, async function () {
      this.timeout(120_000);
      const { address } = await startScene();
      const method = `http://${address}/contact.v1.AdminService/GetServerInfo`;
      const told = await bufCurl(method, '--reflect-protocol', `grpc-${version}`, '--data', '{}');
      assert.equal(JSON.parse(told).limits.maxPayloadBytes, 1 << 20);
    });
  }
});

type ReflectionClient = Pick<Clients['reflection'], 'serverReflectionInfo'>;

async function checkReflection(client: ReflectionClient): Promise<void> {
  const stream = client.serverReflectionInfo();
  const answers: reflection.ServerReflectionResponse['messageResponse'][] = [];
  stream.on('data', ({ messageResponse }: reflection.ServerReflectionResponse) => answers.push(messageResponse));
  const ended = statusOf(stream);
  stream.write({ messageRequest: { case: 'listServices', value: '' } });
  await until('the services', () => answers.length === 1);
  const [list] = answers;
  assert.ok(list?.case === 'listServicesResponse');
  const names = list.value.service.map(({ name }) => name);
  const reflections = [reflection.ServerReflection, reflectionV1alpha.ServerReflection];
  const services = [ContactService, TaskService, AdminService, classic.Contact, health.Health, ...reflections];
  for (const { typeName } of services) assert.ok(names.includes(typeName), typeName);

  for (const { typeName } of services) {
    stream.write({ messageRequest: { case: 'fileContainingSymbol', value: typeName } });
  }
  stream.write({ messageRequest: { case: 'fileContainingSymbol', value: 'contact.v1.TaskService.EnqueueTasks' } });
  stream.write({ messageRequest: { case: 'fileByFilename', value: 'contact/v1/task.proto' } });
  stream.write({ messageRequest: { case: 'fileContainingSymbol', value: 'nobody' } });
  stream.write({ messageRequest: { case: 'fileByFilename', value: 'nobody.proto' } });
  stream.end();
  assert.equal((await ended).code, status.OK);
  assert.equal(answers.length, 5 + services.length);
  for (const [at, { typeName, methods }] of services.entries()) {
    const answer = answers[1 + at];
    assert.ok(answer?.case === 'fileDescriptorResponse');
    const files = new Map<string, FileDescriptorProto>();
    for (const bytes of answer.value.fileDescriptorProto) {
      const file = fromBinary(FileDescriptorProtoSchema, bytes);
      files.set(file.name, file);
    }
    const found = createFileRegistry(create(FileDescriptorSetSchema, { file: order(files) })).getService(typeName);
    assert.deepEqual(
      found?.methods.map(({ name }) => name),
      methods.map(({ name }) => name),
    );
  }
  assert.deepEqual(
    answers.slice(1 + services.length).map((answer) => answer?.case),
    ['fileDescriptorResponse', 'fileDescriptorResponse', 'errorResponse', 'errorResponse'],
  );
}
