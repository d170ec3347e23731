import assert from 'node:assert/strict';
import {
  bytes,
  createAdmin,
  createObserver,
  createProducer,
  createWorker,
  newTaskId,
  TaskFailed,
  TaskFailure,
  TaskState,
} from '../../client/index.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { startProxy } from '../scene/proxy.ts';
import { connectTo, startDurable } from '../scene/server.ts';
import { until } from '../scene/until.ts';

describe('createProducer()', () => {
  afterEach(closeScene);

  it('answers each task with its id once it is stored', async () => {
    const server = await startDurable();
    const producer = use(createProducer(connectTo(server.address)));
    const admin = use(createAdmin(connectTo(server.address)));
    const id = newTaskId();
    assert.deepEqual(await producer.enqueue('q', { a: 1 }, { id, key: 'k', priority: 3 }), { id, deduplicated: false });
    const task = await admin.describeTask(id);
    assert.equal(task.priority, 3);
    assert.equal(task.contentType, 'application/json');
    assert.deepEqual(await producer.enqueue('q', { a: 1 }, { id, key: 'k', priority: 3 }), { id, deduplicated: true });
    assert.deepEqual(await producer.enqueue('q', { a: 1 }, { key: 'k', priority: 3 }), { id, deduplicated: true });
  });

  it('broadcasts: a child for each client that matches, whose results end with that of the parent', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    const sites = { one: 'berlin', two: 'berlin', three: 'oslo' };
    const workers = Object.entries(sites).map(([clientId, site]) =>
      useWorker(createWorker({ ...connection, queues: ['ping'], clientId, labels: { site }, handler: () => clientId })),
    );
    await Promise.all(workers.map((worker) => worker.connected()));
    workers[0]!.setStatus('waits for a ping');
    const admin = use(createAdmin(connection));
    await until('an operator sees it', async () =>
      (await admin.listClients()).clients.some(({ status }) => status === 'waits for a ping'),
    );
    const producer = use(createProducer(connection));
    // Beside it in the same turn, and not in its batch.
    const [{ id }] = await Promise.all([
      producer.broadcast('ping', 'x', { selector: 'site=berlin' }),
      producer.enqueue('ping', 'y'),
    ]);
    const observer = use(createObserver(connection));
    const answers: unknown[] = [];
    for await (const result of observer.results({ parentId: id, from: 'oldest' })) {
      if (result.taskId === id) break;
      assert.equal(result.parentId, id);
      answers.push(result.value());
    }
    assert.deepEqual(answers.toSorted(), ['one', 'two']);
    await assert.rejects(producer.broadcast('ping', 'x', { selector: 'site=rome' }), { code: 'FAILED_PRECONDITION' });
  });

  it('sends a broadcast again whose acknowledgement was lost, and it is the one that is there', async () => {
    const server = await startDurable();
    const labels = { site: 'berlin' };
    const connection = connectTo(server.address);
    const worker = useWorker(
      createWorker({ ...connection, queues: ['q'], clientId: 'a', labels, handler: () => 'pong' }),
    );
    await worker.connected();
    const admin = use(createAdmin(connection));
    const proxy = await startProxy(server);
    const producer = use(createProducer(connectTo(proxy.address)));
    await producer.enqueue('other', 'connects');
    proxy.swallow('toClient');
    const sent = producer.broadcast('q', 'ping', { selector: 'site=berlin', known: true });
    await until('it is stored', async () => (await admin.listTasks({ queues: ['q'] })).tasks.length === 2);
    proxy.accept();
    proxy.cut();
    const { id, deduplicated } = await sent;
    assert.equal(deduplicated, true);
    assert.equal((await admin.describeTask(id)).children?.total, 1);
  });

  it('rejects only the guilty task of those that travelled together', async () => {
    const server = await startDurable({ maxPayloadBytes: 1_000 });
    const producer = use(createProducer({ ...connectTo(server.address), codec: bytes }));
    const id = newTaskId();
    await producer.enqueue('q', 'first', { id });
    const mixed = await Promise.allSettled([
      producer.enqueue('q', 'a'),
      producer.enqueue('q', 'x'.repeat(1_001)),
      producer.enqueue('q', 'other content', { id }),
      producer.enqueue('no such name!', 'b'),
      producer.enqueue('q', 'c'),
    ]);
    assert.deepEqual(
      mixed.map((one) => (one.status === 'fulfilled' ? 'stored' : one.reason.code)),
      ['stored', 'INVALID_ARGUMENT', 'ALREADY_EXISTS', 'INVALID_ARGUMENT', 'stored'],
    );
  });

  it('stores a batch of its caller whole or not at all', async () => {
    const server = await startDurable({ maxPayloadBytes: 1_000 });
    const producer = use(createProducer({ ...connectTo(server.address), codec: bytes }));
    const admin = use(createAdmin(connectTo(server.address)));
    const good = [1, 2, 3].map((n) => ({ queue: 'q', payload: `${n}` }));
    assert.equal((await producer.enqueueBatch(good)).length, 3);
    await assert.rejects(producer.enqueueBatch([...good, { queue: 'q', payload: 'x'.repeat(1_001) }]), {
      code: 'INVALID_ARGUMENT',
    });
    await assert.rejects(producer.enqueueBatch([]), { code: 'INVALID_ARGUMENT' });
    assert.equal((await admin.listTasks({ queues: ['q'] })).tasks.length, 3);
  });

  it('refuses a batch that is too large for one message, naming the task, and nothing else is held up', async () => {
    const server = await startDurable();
    const warnings: string[] = [];
    const logger = { info: () => {}, warn: (words: string) => void warnings.push(words), error: () => {} };
    const producer = use(createProducer<string>({ ...connectTo(server.address), logger }));
    const batchOf = (count: number) =>
      Array.from({ length: count }, () => ({ queue: 'q', payload: 'x'.repeat(1 << 20) }));
    const before = producer.enqueue('q', 'before');
    const tooLarge = { name: 'ContactError', code: 'RESOURCE_EXHAUSTED', field: 'tasks[5]', index: 5 };
    // A task of a MiB is one byte of JSON too large for the server, which says so of what reaches it.
    await assert.rejects(producer.enqueueBatch(batchOf(7)), tooLarge);
    await assert.rejects(producer.enqueue('q', 'x'.repeat(7 << 20)), { code: 'RESOURCE_EXHAUSTED', field: 'task' });
    await assert.rejects(producer.enqueueBatch(batchOf(64)), { ...tooLarge, field: 'tasks[62]', index: 62 });
    await Promise.all([before, producer.enqueue('q', 'after')]);
    assert.deepEqual(warnings, ['no client serves queue q, and none has done a task of it']);
  });

  it('loses and doubles nothing over restarts of the server', async () => {
    const server = await startDurable();
    const producer = use(createProducer(connectTo(server.address)));
    const admin = use(createAdmin(connectTo(server.address)));
    const all: Promise<{ id: string }>[] = [];
    for (let round = 0; round < 3; round += 1) {
      for (let n = 0; n < 400; n += 1) {
        all.push(producer.enqueue('q', n));
        if (n % 40 === 0) await new Promise(setImmediate);
      }
      await server.restart();
    }
    const ids = new Set((await Promise.all(all)).map(({ id }) => id));
    const found = new Set<string>();
    for await (const task of admin.listAllTasks({ queues: ['q'] })) found.add(task.id);
    assert.equal(ids.size, 1_200);
    assert.deepEqual(found, ids);
  });

  it('waits for a server that is not there yet', async () => {
    const server = await startDurable();
    await server.stop();
    const producer = use(createProducer(connectTo(server.address)));
    const stored = producer.enqueue('q', 1);
    const connected = producer.connected();
    await server.start();
    await Promise.all([stored, connected]);
  });

  it('waits on close for what is unacknowledged', async () => {
    const server = await startDurable();
    const producer = createProducer(connectTo(server.address));
    const all = Array.from({ length: 300 }, (_, n) => producer.enqueue('q', n));
    await producer.close();
    assert.equal((await Promise.all(all)).length, 300);
  });
});

describe('Producer.call()', () => {
  afterEach(closeScene);

  it('throws TaskFailed with the state and the error of a task that did not succeed', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    const handler = () => {
      throw new TaskFailure('no such file', { code: 'ENOENT', retry: 'never' });
    };
    useWorker(createWorker({ ...connection, queues: ['q'], handler }));
    const producer = use(createProducer(connection));
    await assert.rejects(producer.call('q', 1), (error: unknown) => {
      assert.ok(error instanceof TaskFailed);
      assert.equal(error.state, 'failed');
      assert.deepEqual(error.error, { code: 'ENOENT', message: 'no such file' });
      return true;
    });
  });

  it('gives up at its deadline, and at its signal', async () => {
    const server = await startDurable();
    const producer = use(createProducer(connectTo(server.address)));
    await assert.rejects(producer.call('nobody', 1, { deadlineMs: 50 }), { code: 'DEADLINE_EXCEEDED' });
    const controller = new AbortController();
    const call = producer.call('nobody', 1, { signal: controller.signal });
    controller.abort();
    await assert.rejects(call, { code: 'CANCELLED' });
    const open = createProducer(connectTo(server.address));
    const last = open.call('nobody', 1);
    await Promise.all([assert.rejects(last, { code: 'CANCELLED' }), open.close()]);
    await server.stop();
    await assert.rejects(producer.call('nobody', 1, { deadlineMs: 100 }), { code: 'DEADLINE_EXCEEDED' });
  });

  it('closes by its deadline while the server is away, and rejects what was not acknowledged', async () => {
    const server = await startDurable();
    await server.stop();
    const deadlines: number[] = [];
    const clock: Clock = {
      ...systemClock,
      after(ms, run) {
        if (ms >= 5_000) deadlines.push(ms);
        return systemClock.after(ms / 100, run);
      },
    };
    const producer = createProducer({ ...connectTo(server.address), clock, maxOutstanding: 1 });
    const ends = [1, 2].map((n) => assert.rejects(producer.enqueue('q', n), { code: 'CANCELLED' }));
    await Promise.all([producer.close(), ...ends]);
    assert.ok(deadlines.includes(10_000));
  });

  it('says that the deadline has passed although its timer is late', async () => {
    const server = await startDurable();
    await server.stop();
    const deadlineMs = 40;
    const clock: Clock = {
      ...systemClock,
      after: (ms, run) => (ms === deadlineMs ? () => {} : systemClock.after(ms, run)),
    };
    const producer = use(createProducer({ ...connectTo(server.address), clock, backoff: { baseMs: 1, capMs: 1 } }));
    await assert.rejects(producer.call('nobody', 1, { deadlineMs }), { code: 'DEADLINE_EXCEEDED' });
  });

  it('cancels the task it gives up, if asked to', async () => {
    const server = await startDurable();
    const producer = use(createProducer(connectTo(server.address)));
    const admin = use(createAdmin(connectTo(server.address)));
    const ids = [newTaskId(), newTaskId()];
    // They are there before they are called, however busy the machine is.
    for (const id of ids) await producer.enqueue('nobody', 1, { id });
    const calls = ids.map((id, n) => producer.call('nobody', 1, { id, deadlineMs: 80, cancelWhenAbandoned: n === 1 }));
    await Promise.all(calls.map((call) => assert.rejects(call, { code: 'DEADLINE_EXCEEDED' })));
    const states = await Promise.all(ids.map(async (id) => (await admin.describeTask(id)).state));
    assert.deepEqual(states, [TaskState.READY, TaskState.CANCELLED]);
  });

  it('survives a restart of the server, and the task runs once', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    const gate = Promise.withResolvers<string>();
    let entered = 0;
    useWorker(
      createWorker({
        ...connection,
        queues: ['q'],
        handler: () => {
          entered += 1;
          return gate.promise;
        },
      }),
    );
    const producer = use(createProducer(connection));
    const calls = [producer.call('q', 1), producer.call('q', 2, { cancelWhenAbandoned: true })];
    await until('it runs', () => entered === 1);
    await server.restart();
    gate.resolve('done');
    assert.deepEqual(await Promise.all(calls), ['done', 'done']);
    assert.equal(entered, 2);
  });
});
