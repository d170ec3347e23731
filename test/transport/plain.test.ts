import assert from 'node:assert/strict';
import { Retry, TaskService, TaskState, type WatchTaskResponse } from '../../gen/index.ts';
import { ask, connect, describeTask, enqueue, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startProxy } from '../scene/proxy.ts';
import { startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';
import { nameOf, openWorker, statusOf, tell, writeIdentity } from '../scene/worker.ts';

describe('a plain session', () => {
  afterEach(closeScene);

  it('has a credit of 10 at most', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 30);
    const worker = await openWorker(clients, { isFull: false, maxInFlight: 100 });
    assert.equal(worker.registered.maxInFlight, 10);
    await worker.receive(10);
    await never('an eleventh task, an end', () => worker.tasks.length > 10 || worker.messages.length > 11, 250);
    await tell(clients, worker.clientId, { succeeded: worker.tasks.slice(0, 3).map(nameOf) });
    await worker.receive(13);
  });

  it('is pinged when it was told nothing for an interval, idle or with a task, and answers nothing', async () => {
    const clients = connect(await startScene({ pingIntervalMs: 50 }));
    const worker = await openWorker(clients, { isFull: false });
    const pings = () => worker.messages.filter(({ event }) => event.case === 'ping').length;
    await until('the pings of an idle one', () => pings() >= 5);
    await enqueueMany(clients, 1);
    const [task] = await worker.receive(1);
    const before = pings();
    await until('the pings of one that has a task', () => pings() >= before + 5);
    assert.deepEqual(
      worker.messages.map(({ seq }) => seq),
      worker.messages.map((_, at) => at + 1),
    );
    assert.deepEqual(await tell(clients, worker.clientId, { succeeded: [nameOf(task!)] }), ['STORED']);
  });

  it('is given nothing more once an attempt of it has timed out, until it tells a result', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { isFull: false, maxInFlight: 5 });
    const [id] = await enqueue(clients, { timeoutMs: 100, maxAttempts: 5, backoff: { baseMs: 1, capMs: 1 } });
    const [first] = await worker.receive(1);
    await until('its attempt is over', async () => (await describeTask(clients, id!)).state === TaskState.READY);
    await never('a second delivery to it', () => worker.tasks.length > 1, 250);
    const other = await openWorker(clients, { clientId: 'other' });
    const [second] = await other.receive(1);
    assert.deepEqual([second!.taskId, second!.attempt], [id, 2]);
    assert.deepEqual(await tell(clients, worker.clientId, { succeeded: [nameOf(first!)] }), ['STALE']);
    await enqueueMany(clients, 6);
    await worker.receive(2);
  });

  it('is given nothing more once it has left a cancel unanswered for its grace, until it tells a result', async () => {
    const clients = connect(await startScene({ cancelGraceMs: 50 }));
    const worker = await openWorker(clients, { isFull: false, maxInFlight: 5 });
    const [id] = await enqueueMany(clients, 1);
    const [first] = await worker.receive(1);
    await ask(clients, TaskService.method.cancelTasks, { ids: [id!] });
    await until('the cancel once more', () => worker.cancels.length === 2);
    assert.equal((await describeTask(clients, id!)).state, TaskState.CANCELLED);
    await enqueueMany(clients, 5);
    await never('another task', () => worker.tasks.length > 1, 250);
    assert.deepEqual(await tell(clients, worker.clientId, { failed: [nameOf(first!)] }), ['STALE']);
    await worker.receive(6);
  });

  it('answers a cancel with a failure, which is stored, ends the task as cancelled and keeps it at work', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { isFull: false, maxInFlight: 1 });
    const [id] = await enqueue(clients, { maxAttempts: 5 }, {});
    const [first] = await worker.receive(1);
    await ask(clients, TaskService.method.cancelTasks, { ids: [id!] });
    await until('the cancel', () => worker.cancels.length === 1);
    assert.deepEqual(await tell(clients, worker.clientId, { failed: [nameOf(first!)] }), ['STORED']);
    assert.equal((await describeTask(clients, id!)).state, TaskState.CANCELLED);
    await worker.receive(2);
  });

  it('is given tasks of any size up to its credit', async () => {
    const clients = connect(await startScene({ maxUnreceiptedBytes: 10_000 }));
    const worker = await openWorker(clients, { isFull: false, maxInFlight: 5 });
    await enqueueMany(clients, 6, { payload: Buffer.alloc(6_000) });
    await worker.receive(5);
    await never('a sixth task', () => worker.tasks.length > 5, 30);
  });

  it('tells its results over TellResult', async () => {
    const clients = connect(await startScene());
    const ids = await enqueueMany(clients, 3);
    const worker = await openWorker(clients, { isFull: false, clientId: 'bare' });
    const [first, second, third] = (await worker.receive(3)).map(nameOf);
    const codes = await tell(clients, 'bare', {
      succeeded: [{ ...first!, result: Buffer.from('42'), contentType: 'text/plain' }],
      failed: [{ ...second!, retry: Retry.NEVER }],
      released: [third!],
    });
    assert.deepEqual(codes, ['STORED', 'STORED', 'STORED']);
    const task = await describeTask(clients, ids[0]!);
    assert.deepEqual(
      [Buffer.from(task.result).toString(), task.resultContentType, task.clientId],
      ['42', 'text/plain', 'bare'],
    );
    assert.equal((await worker.receive(4))[3]!.delivery, 2);
  });

  it('loses its tasks with its connection, each pushed one an attempt', async () => {
    const scene = await startScene({ resumeWindowMs: 50 });
    const clients = connect(scene);
    const proxy = await startProxy(scene);
    const [id, only] = await enqueue(clients, {}, { maxAttempts: 1 });
    const worker = await openWorker(connect(proxy), { isFull: false });
    await worker.receive(2);
    const other = await openWorker(clients);
    proxy.cut();
    const [task] = await other.receive(1);
    assert.deepEqual([task!.taskId, task!.delivery, task!.attempt], [id, 2, 2]);
    await until('it is lost', async () => (await describeTask(clients, only!)).state === TaskState.FAILED);
    assert.equal((await describeTask(clients, only!)).error?.code, 'LOST');
  });

  it('without a session id has no window', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 60_000 }));
    await enqueueMany(clients, 1);
    const stream = clients.contact.getTask({ queues: ['q'] }, writeIdentity('', undefined));
    const ended = statusOf(stream);
    let count = 0;
    stream.on('data', () => {
      count += 1;
    });
    await until('the task', () => count === 2);
    const other = await openWorker(clients);
    stream.cancel();
    await ended;
    assert.equal((await other.receive(1))[0]!.delivery, 2);
  });

  it('loses its tasks when its line has become a black hole', async () => {
    const scene = await startScene({ pingIntervalMs: 50, resumeWindowMs: 20 });
    const clients = connect(scene);
    const proxy = await startProxy(scene);
    await enqueueMany(clients, 1);
    await (await openWorker(connect(proxy), { isFull: false })).receive(1);
    proxy.swallow('toServer');
    const other = await openWorker(clients);
    await other.receive(1);
    await proxy.serverClosed();
  });

  it('runs its timeouts from the push', async () => {
    const clients = connect(await startScene());
    await enqueue(clients, { timeoutMs: 40 });
    const worker = await openWorker(clients, { isFull: false });
    await until('the cancel', () => worker.cancels.length > 0);
    assert.equal(worker.cancels[0]!.reason, 'TIMEOUT');
  });

  it('is watched as one whose tasks begin when they are pushed', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, {});
    const watch = clients.tasks.watchTask({ id: id! });
    const started: number[] = [];
    const states: TaskState[] = [];
    watch.on('error', () => undefined);
    watch.on('data', ({ event }: WatchTaskResponse) => {
      if (event.case === 'task') states.push(event.value.state);
      if (event.case === 'started') started.push(event.value.delivery);
    });
    await until('it is watched', () => states.length > 0);
    await openWorker(clients, { isFull: false });
    await until('its start', () => started.length > 0);
    assert.deepEqual(started, [1]);
    watch.cancel();
  });

  it('can be resumed', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 5_000 }));
    await enqueueMany(clients, 1);
    const before = await openWorker(clients, { isFull: false, clientId: 'bare' });
    const [task] = await before.receive(1);
    await before.cancel();
    const resume = { previousSession: before.sessionId, holding: [nameOf(task!)] };
    const after = await openWorker(clients, { isFull: false, clientId: 'bare', resume });
    assert.equal(after.registered.resumed, true);
    assert.deepEqual(await tell(clients, 'bare', { succeeded: [nameOf(task!)] }), ['STORED']);
  });
});
