import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { type ResultEvent, type StreamEnqueueResponse, TaskService, TaskState } from '../../gen/index.ts';
import { newTaskId } from '../../shared/ids.ts';
import { ask, type Clients, connect, describeTask, enqueue, type TaskInit } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { measureMemory } from '../scene/memory.ts';
import { startProxy } from '../scene/proxy.ts';
import { startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';
import { openWorker, statusOf } from '../scene/worker.ts';

const PING_MS = 40;
const MAX_AWAITED = 2_000;

/** A stream whose producer awaits the results of its tasks. */
function openCaller({ tasks: service }: Clients) {
  const events: StreamEnqueueResponse['event'][] = [];
  const results: ResultEvent[] = [];
  const stream = service.streamEnqueue();
  const ended = statusOf(stream);
  stream.on('data', ({ event }: StreamEnqueueResponse) => {
    events.push(event);
    if (event.case === 'settled') results.push(...event.value.results);
  });
  return {
    stream,
    ended,
    events,
    results,
    await: (...tasks: TaskInit[]) =>
      void stream.write({ tasks: tasks.map((task) => ({ queue: 'q', ...task })), awaitResults: true }),
    abandon: (...abandoned: string[]) => void stream.write({ abandoned }),
    /** Waits for the answer of one more batch; answers it. */
    async answered(count = 1) {
      const answers = () => events.filter(({ case: kind }) => kind === 'stored' || kind === 'refused');
      await until(`${count} answers`, () => answers().length >= count);
      return answers()[count - 1]!;
    },
    settled: (count: number) => until(`${count} results`, () => results.length >= count),
  };
}

describe('StreamEnqueue with awaited results', () => {
  afterEach(closeScene);

  it('tells each result once, after its batch, and no others', async () => {
    const clients = connect(await startScene());
    const caller = openCaller(clients);
    const ids = [newTaskId(), newTaskId()];
    caller.stream.write({ tasks: [{ queue: 'q' }] });
    caller.await({ id: ids[0]! }, { id: ids[1]! });
    const worker = await openWorker(clients, { maxInFlight: 10 });
    const tasks = await worker.receive(3);
    const report = tasks.map(({ taskId }, at) => ({ taskId, delivery: 1, result: Buffer.from(String(at)) }));
    await worker.report({ succeeded: report });
    await caller.settled(2);
    assert.deepEqual(caller.results.map(({ taskId }) => taskId).toSorted(), ids.toSorted());
    assert.ok(caller.results.every(({ state, result }) => state === TaskState.SUCCEEDED && result.byteLength === 1));
    assert.deepEqual(
      caller.events.slice(0, 3).map((event) => event.case),
      ['window', 'stored', 'stored'],
    );
    assert.ok(caller.events[0]?.case === 'window' && caller.events[0].value.maxAwaited === MAX_AWAITED);
    caller.stream.end();
    assert.equal((await caller.ended).code, status.OK);
    assert.equal(caller.results.length, 2);
  });

  it('tells what has ended before, under the same id, a key or a new stream', async () => {
    const scene = await startScene({ isDurable: true });
    const clients = connect(scene);
    const task = { id: newTaskId(), idempotencyKey: 'k' };
    const first = openCaller(clients);
    first.await(task);
    await first.answered();
    const worker = await openWorker(clients);
    const [assignment] = await worker.receive(1);
    first.stream.cancel();
    await first.ended;
    await worker.succeed(assignment!);
    await scene.restart();
    const second = openCaller(connect(scene));
    second.await(task);
    second.await({ id: newTaskId(), idempotencyKey: 'k' }, { idempotencyKey: 'k' });
    await second.settled(3);
    assert.ok(second.results.every(({ taskId }) => taskId === task.id));
    // Told after the batch that names the id.
    assert.ok(second.events.findLastIndex((event) => event.case === 'settled') > 2);
  });

  it('tells what ends in the moment that it is stored', async () => {
    const clients = connect(await startScene());
    const caller = openCaller(clients);
    const ids = Array.from({ length: 20 }, newTaskId);
    const cancels = ids.map((id) => {
      caller.await({ id });
      return ask(clients, TaskService.method.cancelTasks, { ids: [id] });
    });
    const cancelled = (await Promise.all(cancels)).filter(({ tasks }) => tasks[0]!.refused === '').length;
    await caller.answered(20);
    await caller.settled(cancelled);
    assert.ok(caller.results.every(({ state }) => state === TaskState.CANCELLED));
  });

  it('ends after a half-close with the last result', async () => {
    const clients = connect(await startScene());
    const caller = openCaller(clients);
    const id = newTaskId();
    caller.await({ id });
    caller.stream.end();
    await caller.answered();
    const worker = await openWorker(clients);
    await worker.succeed((await worker.receive(1))[0]!);
    assert.equal((await caller.ended).code, status.OK);
    assert.deepEqual(
      caller.results.map(({ taskId }) => taskId),
      [id],
    );
  });

  it('refuses a batch beyond what may be awaited, and takes it when others are abandoned', async () => {
    const clients = connect(await startScene());
    const caller = openCaller(clients);
    const first = Array.from({ length: 1_000 }, () => ({ id: newTaskId(), queue: 'idle' }));
    caller.await(...first);
    caller.await(...Array.from({ length: 1_000 }, () => ({ queue: 'idle' })));
    const late = { id: newTaskId(), queue: 'late' };
    caller.await(late);
    const refused = await caller.answered(3);
    assert.ok(refused.case === 'refused' && refused.value.code === status.RESOURCE_EXHAUSTED);
    assert.match(refused.value.message, /^await_results: at most 2000 results/);
    assert.ok(refused.value.retryAfterMs > 0);
    // Without a result it is taken, and so is it once somebody else has gone; ids that nobody awaits change nothing.
    caller.stream.write({ tasks: [{ queue: 'other' }] });
    assert.equal((await caller.answered(4)).case, 'stored');
    caller.abandon(first[0]!.id, late.id, newTaskId());
    caller.await(late, { queue: 'late' });
    assert.equal((await caller.answered(5)).case, 'refused');
    caller.await(late);
    assert.equal((await caller.answered(6)).case, 'stored');
    // Abandoned is the result, not the task.
    assert.equal((await describeTask(clients, first[0]!.id)).state, TaskState.READY);
    const worker = await openWorker(clients, { queues: ['late', 'idle'], maxInFlight: 2 });
    const tasks = (await worker.receive(2)).slice(0, 2);
    await worker.succeed(...tasks);
    await caller.settled(1);
    assert.deepEqual(new Set(tasks.map(({ taskId }) => taskId)), new Set([first[0]!.id, late.id]));
    await never('an abandoned result', () => caller.results.some(({ taskId }) => taskId === first[0]!.id), 50);
    caller.abandon(...first.map(({ id }) => id), late.id);
    assert.equal((await caller.ended).code, status.INVALID_ARGUMENT);
  });

  it('gives the places of a stream that has ended to others', async () => {
    const clients = connect(await startScene());
    for (let round = 0; round < 3; round += 1) {
      const caller = openCaller(clients);
      caller.await(...Array.from({ length: 1_000 }, () => ({})));
      caller.await(...Array.from({ length: 1_000 }, () => ({})));
      assert.equal((await caller.answered(2)).case, 'stored');
      caller.stream.cancel();
      await caller.ended;
    }
  });

  it('says something in every interval', async () => {
    const clients = connect(await startScene({ pingIntervalMs: PING_MS }));
    const caller = openCaller(clients);
    caller.await({});
    const empty = (): number => caller.events.filter((event) => event.case === undefined).length;
    await until('three empty messages', () => empty() >= 3);
    const worker = await openWorker(clients);
    await worker.succeed((await worker.receive(1))[0]!);
    await caller.settled(1);
  });

  it('holds no results for a reader that does not keep up, and tells all when it does', async () => {
    const scene = await startScene({ pingIntervalMs: 2_000, isDurable: true });
    const proxy = await startProxy(scene);
    const clients = connect(scene);
    const caller = openCaller(connect(proxy));
    const ids = Array.from({ length: 24 }, newTaskId);
    caller.await(...ids.map((id) => ({ id })));
    await caller.answered();
    const worker = await openWorker(clients, { maxInFlight: 100 });
    const tasks = await worker.receive(24);
    const memory = await measureMemory();
    proxy.stall('toClient');
    const result = Buffer.alloc(500_000, 7);
    for (const { taskId } of tasks) await worker.report({ succeeded: [{ taskId, delivery: 1, result }] });
    const grown = (await measureMemory()) - memory;
    assert.ok(grown < 6e6, `${grown} bytes`);
    proxy.release('toClient');
    await caller.settled(24);
    assert.deepEqual(caller.results.map(({ taskId }) => taskId).toSorted(), ids.toSorted());
    assert.ok(caller.results.every((one) => one.result.byteLength === 500_000));
    assert.equal((await enqueue(clients, {})).length, 1);
  });
});
