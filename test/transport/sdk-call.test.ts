import assert from 'node:assert/strict';
import { createAdmin, createProducer, createWorker, newTaskId, TaskState } from '../../client/index.ts';
import type { CallTaskRequest } from '../../gen/contact/v1/task_service_pb.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { startProxy } from '../scene/proxy.ts';
import { connectTo, startDurable } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { openNarrowProxy, openTurnout, respond } from './proxies.ts';
import { startStub } from './sdk-stub.ts';

const MAX_AWAITED = 2_000;

/** What a worker would that gives back what it gets. */
const echo = ({ task }: CallTaskRequest) => ({
  taskId: task!.id,
  state: TaskState.SUCCEEDED,
  result: task!.payload,
  contentType: task!.contentType,
});

describe('Producer.call() over the stream of enqueues', () => {
  afterEach(closeScene);

  it('takes one stream for any number of calls, and enqueues beside them', async () => {
    const server = await startDurable();
    const proxy = await openNarrowProxy(server.address, 1);
    const producer = use(createProducer<number>(connectTo(proxy.address)));
    const calls = Array.from({ length: 300 }, (_, n) => producer.call<number>('q', n));
    const admin = use(createAdmin(connectTo(server.address)));
    await until(
      'all wait',
      async () => (await admin.listTasks({ queues: ['q'] }, { pageSize: 500 })).tasks.length === 300,
    );
    await producer.enqueue('other', 0);
    useWorker(
      createWorker({ ...connectTo(server.address), queues: ['q'], concurrency: 50, handler: (n: number) => 2 * n }),
    );
    assert.deepEqual(
      await Promise.all(calls),
      calls.map((_, n) => 2 * n),
    );
  });

  it('asks again after its line was cut, and is told what ended meanwhile', async () => {
    const server = await startDurable();
    const line = use(await openTurnout(server.address));
    const gate = Promise.withResolvers<string>();
    let entered = 0;
    useWorker(
      createWorker({
        ...connectTo(server.address),
        queues: ['q'],
        concurrency: 5,
        handler: async () => {
          entered += 1;
          return gate.promise;
        },
      }),
    );
    const producer = use(createProducer(connectTo(line.address)));
    const admin = use(createAdmin(connectTo(server.address)));
    const ids = [newTaskId(), newTaskId()];
    const calls = [producer.call('q', 1, { id: ids[0]! }), producer.call('q', 1, { id: ids[1]!, key: 'k' })];
    await until('both run', () => entered === 2);
    // Of a key that is taken, under an id of its own: it waits for the task that has the key.
    calls.push(producer.call('q', 1, { key: 'k' }));
    await producer.enqueue('other', 1);
    line.turn(respond(502));
    gate.resolve('done');
    await until('both have ended', async () => {
      const tasks = await Promise.all(ids.map((id) => admin.describeTask(id)));
      return tasks.every(({ state }) => state === TaskState.SUCCEEDED);
    });
    line.turn();
    assert.deepEqual(await Promise.all(calls), ['done', 'done', 'done']);
    assert.equal(entered, 2);
  });

  it('finds a dead line by its keepalive', async () => {
    const server = await startDurable();
    const line = await startProxy(server);
    const gate = Promise.withResolvers<string>();
    const entered = Promise.withResolvers<void>();
    useWorker(
      createWorker({
        ...connectTo(server.address),
        queues: ['q'],
        handler: () => {
          entered.resolve();
          return gate.promise;
        },
      }),
    );
    const producer = use(createProducer({ ...connectTo(line.address), keepaliveMs: 100 }));
    const call = producer.call('q', 1);
    await entered.promise;
    line.swallow('toServer');
    line.swallow('toClient');
    gate.resolve('done');
    line.accept();
    assert.equal(await call, 'done');
  });

  it('has more calls than one stream may await wait for their turn, and enqueues meanwhile', async () => {
    const server = await startDurable();
    const producer = use(createProducer<number>(connectTo(server.address)));
    const calls = Array.from({ length: MAX_AWAITED + 100 }, (_, n) => producer.call<number>('q', n));
    await producer.enqueue('other', 0);
    const admin = use(createAdmin(connectTo(server.address)));
    const waiting = async () => (await admin.listAllQueues().next()).value?.ready;
    await until('the first are stored', async () => (await waiting()) !== undefined);
    useWorker(
      createWorker({ ...connectTo(server.address), queues: ['q'], concurrency: 500, handler: (n: number) => n }),
    );
    assert.deepEqual(
      await Promise.all(calls),
      calls.map((_, n) => n),
    );
  });

  it('gives the place of a call that was given up to another', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    const producer = use(createProducer<number>(connection));
    for (let round = 0; round < 2; round += 1) {
      const givingUp = new AbortController();
      const { signal } = givingUp;
      const calls = Array.from({ length: MAX_AWAITED }, (_, n) => producer.call('nobody', n, { signal }));
      const gaveUp = Promise.all(calls.map((call) => assert.rejects(call, { code: 'CANCELLED' })));
      // The first round gives up what is stored, the second what is on its way.
      if (round === 0) await producer.enqueue('other', 0);
      else await new Promise(setImmediate);
      givingUp.abort();
      await gaveUp;
    }
    useWorker(createWorker({ ...connection, queues: ['q'], concurrency: 500, handler: (n: number) => n }));
    const calls = Array.from({ length: MAX_AWAITED }, (_, n) => producer.call<number>('q', n));
    assert.equal((await Promise.all(calls)).length, MAX_AWAITED);
  });

  it('answers every caller of one task, also when another of them gives up', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    const producer = use(createProducer<number>(connection));
    const id = newTaskId();
    const givingUp = new AbortController();
    const first = producer.call('q', 1, { id, signal: givingUp.signal });
    const gaveUp = assert.rejects(first, { code: 'CANCELLED' });
    const second = producer.call('q', 1, { id });
    await producer.enqueue('other', 0);
    const third = producer.call('q', 1, { id });
    givingUp.abort();
    await gaveUp;
    useWorker(createWorker({ ...connection, queues: ['q'], handler: () => 'done' }));
    assert.deepEqual(await Promise.all([second, third]), ['done', 'done']);
  });

  it('closes at once, whatever its calls wait for', async () => {
    const server = await startDurable();
    for (const isStored of [true, false]) {
      const producer = createProducer<number>(connectTo(server.address));
      await producer.connected();
      const call = assert.rejects(producer.call('nobody', 1), { code: 'CANCELLED' });
      if (isStored) await producer.enqueue('other', 0);
      else await new Promise(setImmediate);
      const since = performance.now();
      await producer.close();
      assert.ok(performance.now() - since < 800, 'it waited for the server');
      await call;
    }
  });

  it('asks an older server, which tells no results on streams, by CallTask', async () => {
    const server = await startStub({
      onCall: echo,
    });
    const producer = use(createProducer<string>(connectTo(server.address)));
    assert.deepEqual(await Promise.all([producer.call('q', 'a'), producer.call('q', 'b')]), ['a', 'b']);
    assert.equal(await producer.call('q', 'c'), 'c');
    await producer.enqueue('q', 'd');
    assert.deepEqual(
      server.batches.map(({ awaitResults, tasks }) => [awaitResults, tasks.length]),
      [[false, 1]],
    );
  });

  it('asks an older server for what a newer one had begun', async () => {
    const window = { maxBatches: 100, maxBytes: 1e7, maxAwaited: 10 };
    let calls = 0;
    const server = await startStub({
      windows: [window, { ...window, maxAwaited: 0 }],
      // The first call is stored and the second one on its way when the stream breaks.
      onBatch: (_, call) => {
        calls += 1;
        if (calls === 1) call.write({ event: { case: 'stored', value: {} } });
        else call.emit('error', { code: 14, details: 'a newer one has gone' });
      },
      onCall: echo,
    });
    const producer = use(createProducer<string>(connectTo(server.address)));
    const first = producer.call('q', 'a');
    await until('the first batch', () => server.batches.length === 1);
    assert.deepEqual(await Promise.all([first, producer.call('q', 'b')]), ['a', 'b']);
    assert.equal(server.batches.length, 2);
  });
});
