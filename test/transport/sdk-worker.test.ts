import assert from 'node:assert/strict';
import {
  createAdmin,
  createProducer,
  createWorker,
  type TaskFailed,
  TaskFailure,
  type Worker,
  type WorkerStatus,
} from '../../client/index.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { startProxy } from '../scene/proxy.ts';
import { connectTo, startDurable } from '../scene/server.ts';
import { until } from '../scene/until.ts';

interface Job {
  readonly n: number;
}

/** A handler that runs until it is told to end, and counts how often each input was entered. */
function createSlowHandler() {
  const entered = new Map<number, number>();
  const gates = new Map<number, PromiseWithResolvers<string>>();
  const signals = new Map<number, AbortSignal>();
  return {
    entered,
    signals,
    handler: ({ n }: Job, context: { readonly signal: AbortSignal }): Promise<string> => {
      entered.set(n, (entered.get(n) ?? 0) + 1);
      const gate = Promise.withResolvers<string>();
      gates.set(n, gate);
      signals.set(n, context.signal);
      context.signal.addEventListener('abort', () => gate.reject(context.signal.reason));
      return gate.promise;
    },
    finish: (n: number) => gates.get(n)!.resolve(`done ${n}`),
  };
}

function watch(worker: Worker): WorkerStatus[] {
  const seen: WorkerStatus[] = [];
  worker.status$.subscribe((status) => seen.push(status));
  return seen;
}

describe('createWorker()', () => {
  afterEach(closeScene);

  it('runs pushed tasks and delivers their results', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    const worker = useWorker(
      createWorker({ ...connection, queues: ['sums'], concurrency: 8, handler: async ({ n }: Job) => n * 2 }),
    );
    const producer = use(createProducer(connection));
    const calls = Array.from({ length: 50 }, (_, n) => producer.call<number>('sums', { n }));
    assert.deepEqual(
      await Promise.all(calls),
      calls.map((_, n) => n * 2),
    );
    await worker.drain();
  });

  it('tells the handler what the task is, and the next attempt what the last one saved', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    const seen: unknown[] = [];
    useWorker(
      createWorker({
        ...connection,
        queues: ['q'],
        handler: (payload, context) => {
          const { queue, attempt, maxAttempts, metadata, contentType, checkpoint } = context;
          seen.push({ payload, queue, attempt, maxAttempts, metadata, contentType, checkpoint });
          context.progress(0.5, 'half');
          if (attempt === 1) context.saveCheckpoint(new Uint8Array([7]));
          if (attempt === 1) throw new TaskFailure('again', { retry: { afterMs: 1 } });
          return attempt;
        },
      }),
    );
    const producer = use(createProducer(connection));
    assert.equal(await producer.call('q', 'hello', { maxAttempts: 2, metadata: { a: 'b' } }), 2);
    const known = {
      payload: 'hello',
      queue: 'q',
      maxAttempts: 2,
      metadata: { a: 'b' },
      contentType: 'application/json',
    };
    assert.deepEqual(seen, [
      { ...known, attempt: 1, checkpoint: null },
      { ...known, attempt: 2, checkpoint: new Uint8Array([7]) },
    ]);
  });

  it('never runs more at once than it may, and holds the prefetched ones ready', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    let running = 0;
    let peak = 0;
    const worker = useWorker(
      createWorker({
        ...connection,
        queues: ['q'],
        concurrency: 3,
        prefetch: 5,
        handler: async () => {
          running += 1;
          peak = Math.max(peak, running);
          await new Promise(setImmediate);
          running -= 1;
        },
      }),
    );
    const producer = use(createProducer(connection));
    await Promise.all(Array.from({ length: 60 }, () => producer.call('q', null)));
    assert.equal(peak, 3);
    await worker.drain();
  });

  it('keeps handlers running over a restart of the server and runs nothing twice', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    const slow = createSlowHandler();
    const worker = useWorker(
      createWorker({ ...connection, queues: ['q'], concurrency: 4, prefetch: 4, handler: slow.handler }),
    );
    const seen = watch(worker);
    const producer = use(createProducer(connection));
    const calls = [0, 1, 2, 3, 4, 5].map((n) => producer.call('q', { n }));
    await until('four run', () => slow.entered.size === 4);
    await server.stop({ deadlineMs: 0 });
    // One ends while nobody listens; its place is taken by one that waits here.
    slow.finish(2);
    await until('the next one runs', () => slow.entered.size === 5);
    await server.start();
    await until('connected again', () => seen.at(-1)?.state === 'connected');
    slow.finish(0);
    await until('the last one runs', () => slow.entered.size === 6);
    for (const n of [1, 3, 4, 5]) slow.finish(n);
    assert.deepEqual(
      await Promise.all(calls),
      [0, 1, 2, 3, 4, 5].map((n) => `done ${n}`),
    );
    assert.deepEqual([...slow.entered.values()], [1, 1, 1, 1, 1, 1]);
    assert.ok(seen.some(({ state, error }) => state === 'reconnecting' && error));
    await worker.drain();
    assert.equal(seen.at(-1)?.state, 'stopped');
  });

  it('comes back when the line is cut without a word, and keeps what it runs', async () => {
    const server = await startDurable();
    const line = await startProxy(server);
    const slow = createSlowHandler();
    const worker = useWorker(
      createWorker({ ...connectTo(line.address), keepaliveMs: 100, queues: ['q'], handler: slow.handler }),
    );
    const seen = watch(worker);
    const producer = use(createProducer(connectTo(server.address)));
    const call = producer.call('q', { n: 1 });
    await until('it runs', () => slow.entered.size === 1);
    line.swallow('toServer');
    line.swallow('toClient');
    await until('the silence is noticed', () => seen.at(-1)?.state === 'reconnecting');
    line.accept();
    await until('connected again', () => seen.at(-1)?.state === 'connected');
    slow.finish(1);
    assert.equal(await call, 'done 1');
    assert.equal(slow.entered.get(1), 1);
  });

  it('aborts the handler of a cancelled task and says that it stopped', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    const slow = createSlowHandler();
    useWorker(createWorker({ ...connection, queues: ['q'], handler: slow.handler }));
    const producer = use(createProducer(connection));
    const admin = use(createAdmin(connection));
    const { id } = await producer.enqueue('q', { n: 1 });
    await until('it runs', () => slow.entered.size === 1);
    await admin.cancelTasks({ ids: [id] }, 'not needed');
    await until('it is cancelled', async () => (await admin.describeTask(id)).state === 6);
    assert.match(String(slow.signals.get(1)?.reason), /not needed/);
  });

  it('drains: finishes what runs, gives back what waits, takes nothing new', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    const slow = createSlowHandler();
    const worker = useWorker(createWorker({ ...connection, queues: ['q'], prefetch: 2, handler: slow.handler }));
    const producer = use(createProducer(connection));
    const calls = [1, 2, 3].map((n) => producer.call('q', { n }));
    await until('one runs', () => slow.entered.size === 1);
    const drained = worker.drain();
    slow.finish([...slow.entered.keys()][0]!);
    await drained;
    assert.equal(slow.entered.size, 1);
    // What it gave back is there for the next one at once.
    useWorker(
      createWorker({ ...connection, queues: ['q'], concurrency: 3, handler: async ({ n }: Job) => `done ${n}` }),
    );
    assert.deepEqual(await Promise.all(calls), ['done 1', 'done 2', 'done 3']);
  });

  it('stops: aborts the handlers, and what had started is not run again at its last attempt', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    const slow = createSlowHandler();
    const worker = useWorker(createWorker({ ...connection, queues: ['q'], handler: slow.handler }));
    const producer = use(createProducer(connection));
    const call = producer.call('q', { n: 1 }, { maxAttempts: 1 });
    await until('it runs', () => slow.entered.size === 1);
    const failed = assert.rejects(call, ({ error }: TaskFailed) => error?.code === 'RELEASED');
    const calls = [producer.call('q', { n: 2 }, { maxAttempts: 1 })];
    await worker.stop();
    assert.equal(slow.signals.get(1)?.aborted, true);
    await failed;
    calls.push(producer.call('q', { n: 3 }));
    useWorker(createWorker({ ...connection, queues: ['q'], handler: (_, { attempt }) => attempt }));
    assert.deepEqual(await Promise.all(calls), [1, 1]);
  });

  it('gives back what a deaf handler still runs when the time to stop is over', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    let isEntered = false;
    const worker = useWorker(
      createWorker({
        ...connection,
        queues: ['q'],
        handler: () => {
          isEntered = true;
          return new Promise(() => {});
        },
      }),
    );
    const producer = use(createProducer(connection));
    const call = producer.call('q', null);
    await until('it runs', () => isEntered);
    await worker.stop({ deadlineMs: 20 });
    useWorker(createWorker({ ...connection, queues: ['q'], handler: (_, { attempt }) => attempt }));
    assert.equal(await call, 2);
  });

  it('says that another worker took its name, stays away for a while and comes back', async () => {
    const server = await startDurable();
    const options = { ...connectTo(server.address), queues: ['q'], clientId: 'one', handler: () => null };
    const first = useWorker(createWorker(options));
    await first.connected();
    const seen = watch(first);
    const second = useWorker(createWorker(options));
    await second.connected();
    await until('it was told', () => seen.some(({ error }) => error?.advice?.reason === 'REPLACED'));
    const { state, nextTryMs } = seen.find(({ error }) => error?.advice?.reason === 'REPLACED')!;
    assert.deepEqual([state, nextTryMs! >= 1_000], ['reconnecting', true]);
    await second.stop();
    await until('it is back', () => seen.at(-1)?.state === 'connected');
  });

  it('says so when it cannot reach the server, and stops all the same', async () => {
    const server = await startDurable();
    await server.stop();
    const worker = useWorker(createWorker({ ...connectTo(server.address), queues: ['q'], handler: () => null }));
    const seen = watch(worker);
    await until('it has tried', () => seen.filter(({ state }) => state === 'reconnecting').length > 1);
    assert.equal(seen.at(-1)?.error?.code, 'UNAVAILABLE');
    await worker.stop();
    await assert.rejects(worker.connected(), { code: 'CANCELLED' });
    await worker.finished;
  });
});
