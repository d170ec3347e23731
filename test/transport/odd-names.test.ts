import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http2';
import { afterEach, describe, it } from 'mocha';
import { AdminService, Retry, TaskService } from '../../gen/index.ts';
import { ask, connect, enqueue } from '../scene/clients.ts';
import { runHere } from '../scene/command.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { dial, frame, open } from '../scene/http2.ts';
import { openServe } from '../scene/rawcallee.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

/** Words that every plain object of JavaScript knows already. */
const NAMES = ['constructor', 'toString', 'hasOwnProperty', 'valueOf', '__proto__'];
/** Keys of metadata are in lower case. */
const KEYS = ['constructor', '__proto__'];
const { listClients, describeClient } = AdminService.method;

const allOf = (value: string, names = NAMES): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, value]));

/** A call by hand, since grpc-js cannot say every key; answers the headers and the trailers. */
function call(address: string, path: string, metadata: Readonly<Record<string, string>> = {}) {
  const session = dial({ address });
  atEnd(() => session.destroy());
  const stream = open(session, path, metadata);
  stream.end(frame(Buffer.alloc(0)));
  stream.resume();
  const heard: { headers?: IncomingHttpHeaders; trailers?: IncomingHttpHeaders } = {};
  stream.on('response', (headers) => {
    heard.headers = headers;
  });
  stream.on('trailers', (trailers) => {
    heard.trailers = trailers;
  });
  return new Promise<typeof heard>((resolve) => stream.on('close', () => resolve(heard)));
}

describe('names that JavaScript gives a meaning', () => {
  afterEach(closeScene);

  it('are those of services like any other, whose calls are counted and shown', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const callee = await openServe(scene.address, 'odd', {
      methods: NAMES.map((name) => `${name}/M`),
      labels: allOf('label'),
      maxCalls: 10,
    });
    const calls = NAMES.map((name) => call(scene.address, `/${name}/M`));
    await until('all run', () => callee.opened.length === NAMES.length);
    const [client] = (await ask(clients, listClients, {})).clients;
    const counts = Object.fromEntries(NAMES.map((name) => [name, 1]));
    assert.deepEqual(Object.entries(client!.callsByService).toSorted(), Object.entries(counts).toSorted());
    assert.deepEqual(Object.entries(client!.labels).toSorted(), Object.entries(allOf('label')).toSorted());
    const { methods } = await ask(clients, describeClient, { clientId: 'odd' });
    assert.deepEqual(new Set(methods.map(({ calls: count }) => count)), new Set([1]));
    const shown = await runHere(['services', 'list', '--server', scene.address]);
    for (const name of NAMES) assert.match(shown.stdout, new RegExp(`^${name} +1 +odd$`, 'm'), shown.stdout);
    for (const frameOf of callee.opened) callee.answer(frameOf, '');
    for (const { trailers } of await Promise.all(calls)) assert.equal(trailers!['grpc-status'], '0');
  });

  it('are those of services that nobody calls, too', async () => {
    const scene = await startScene();
    await openServe(scene.address, 'odd', { methods: NAMES.map((name) => `${name}/M`) });
    const shown = await runHere(['services', 'list', '--server', scene.address]);
    assert.doesNotMatch(shown.stdout, /native code|undefined|NaN/);
    assert.equal(shown.code, 0);
  });

  it('are keys of the metadata of a live call, both ways', async () => {
    const { address } = await startScene();
    const callee = await openServe(address, 'odd', { methods: ['p.S/M'] });
    const answered = call(address, '/p.S/M', allOf('asked', KEYS));
    await until('it runs', () => callee.opened.length === 1);
    const [{ call: id, open: asked }] = callee.opened as [(typeof callee.opened)[0]];
    const pairs = KEYS.flatMap((key) => ['one', 'two'].map((value) => ({ key, value })));
    assert.deepEqual(
      asked!.metadata.filter(({ value }) => value === 'asked').map(({ key }) => key),
      KEYS,
    );
    const end = { code: 0, message: '', statusDetails: Buffer.alloc(0), trailers: pairs };
    callee.say({ call: id, headers: pairs, data: Buffer.alloc(0), end });
    const { headers, trailers } = await answered;
    for (const key of KEYS) assert.deepEqual([headers![key], trailers![key]], ['one, two', 'one, two'], key);
  });

  it('are keys of the metadata of a durable call and of a task', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const [id] = await enqueue(clients, { metadata: allOf('said') });
    const kept = { 'contact-mode': 'durable', 'contact-detach': '1' };
    const { headers } = await call(scene.address, '/p.S/M', { ...kept, ...allOf('said', KEYS) });
    for (const [taskId, names] of [
      [id!, NAMES],
      [String(headers!['contact-task']), KEYS],
    ] as const) {
      const { task } = await ask(clients, TaskService.method.describeTask, { id: taskId });
      assert.deepEqual(Object.entries(task!.metadata).toSorted(), Object.entries(allOf('said', [...names])).toSorted());
    }
  });

  it('are codes of failures that gRPC does not have, which is UNKNOWN to a caller', async () => {
    const scene = await startScene();
    const worker = await openWorker(connect(scene), { queues: ['p.S/M'], maxInFlight: NAMES.length });
    const calls = NAMES.map((code) => call(scene.address, '/p.S/M', { 'contact-mode': 'durable', 'x-code': code }));
    for (const { taskId, delivery, metadata } of await worker.receive(NAMES.length)) {
      const error = { code: metadata['x-code']!, message: 'said' };
      await worker.report({ failed: [{ taskId, delivery, error, retry: Retry.NEVER }] });
    }
    for (const { trailers } of await Promise.all(calls)) {
      assert.deepEqual([trailers!['grpc-status'], trailers!['grpc-message']], ['2', 'said']);
    }
  });

  it('are names of queues and of clients, and keys of tasks', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    for (const name of NAMES) {
      const worker = await openWorker(clients, { queues: [name], clientId: name, labels: allOf('here') });
      const target = { case: 'selector', value: `${name}=here` } as const;
      const [id] = await enqueue(clients, { queue: name, idempotencyKey: name, target });
      const [again] = await enqueue(clients, { queue: name, idempotencyKey: name, target });
      const [task] = await worker.receive(1);
      assert.deepEqual([task!.taskId, again], [id, id], name);
      await worker.succeed(task!);
    }
    const { clients: shown } = await ask(clients, listClients, {});
    assert.deepEqual(new Set(shown.map(({ id }) => id)), new Set(NAMES));
  });
});
