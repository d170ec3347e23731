import assert from 'node:assert/strict';
import { connect, enqueue, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';
import { nameOf, openWorker } from '../scene/worker.ts';

describe('credit', () => {
  afterEach(closeScene);

  it('is never exceeded while 500 tasks wait', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 500);
    const worker = await openWorker(clients, { maxInFlight: 10 });
    let finished = 0;
    let most = 0;
    worker.taskStream.on('data', () => {
      most = Math.max(most, worker.tasks.length - finished);
    });
    while (finished < 500) {
      await worker.receive(finished + 1);
      // Slower than the pushes: one or two of those it has.
      const count = Math.min(1 + (finished % 2), worker.tasks.length - finished);
      const batch = worker.tasks.slice(finished, finished + count);
      // Counted when they are sent: the server frees their credit no earlier.
      finished += count;
      await worker.succeed(...batch);
    }
    assert.equal(most, 10);
    assert.equal(worker.tasks.length, 500);
    assert.ok(worker.tasks.every(({ delivery }) => delivery === 1));
  });

  it('leaves what it does not claim to others', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 15);
    const first = await openWorker(clients, { maxInFlight: 10 });
    await first.receive(10);
    const second = await openWorker(clients, { maxInFlight: 10 });
    await second.receive(5);
    assert.equal(first.tasks.length, 10);
  });

  it('is one when the client does not say', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 3);
    const worker = await openWorker(clients, { maxInFlight: 0 });
    await worker.receive(1);
    await never('a second task', () => worker.tasks.length > 1, 30);
    await worker.succeed(...worker.tasks);
    await worker.receive(2);
  });

  it('is raised while connected', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 20);
    const worker = await openWorker(clients, { maxInFlight: 2 });
    await worker.receive(2);
    worker.send({ credit: 12 });
    await worker.receive(12);
    await never('a thirteenth task', () => worker.tasks.length > 12, 30);
  });

  it('is lowered for later claims, and for 0 nothing comes', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 20);
    const worker = await openWorker(clients, { maxInFlight: 10 });
    await worker.receive(10);
    worker.send({ credit: 4 });
    assert.deepEqual(new Set(await worker.succeed(...worker.tasks.slice(0, 6))), new Set(['STORED']));
    await never('a claim beyond the new credit', () => worker.tasks.length > 10, 30);
    await worker.succeed(worker.tasks[6]!);
    await worker.receive(11);
    worker.send({ credit: 0 });
    await worker.succeed(...worker.tasks.slice(7, 11));
    await never('a claim without credit', () => worker.tasks.length > 11, 30);
    worker.send({ credit: 100 });
    await worker.receive(20);
  });

  it('is freed by a release and a stop as by a result', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { maxInFlight: 1 });
    await enqueueMany(clients, 3);
    const [first] = await worker.receive(1);
    assert.deepEqual(await worker.report({ released: [nameOf(first!)] }), ['STORED']);
    const [, second] = await worker.receive(2);
    assert.deepEqual(await worker.report({ stopped: [nameOf(second!)] }), ['STORED']);
    await worker.receive(3);
  });

  it('is freed by the word about a task that timed out, although another has it now', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { timeoutMs: 20, backoff: { baseMs: 1 } });
    const worker = await openWorker(clients, { maxInFlight: 1 });
    const [task] = await worker.receive(1);
    const other = await openWorker(clients, { maxInFlight: 1 });
    worker.send({ started: [nameOf(task!)] });
    const [again] = await other.receive(1);
    assert.deepEqual(nameOf(again!), { taskId: id, delivery: 2 });
    await enqueueMany(clients, 1);
    assert.deepEqual(await worker.report({ stopped: [nameOf(task!)] }), ['STALE']);
    await worker.receive(2);
  });

  it('is taken by a task that timed out, beside the next delivery of the same task', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { timeoutMs: 20, backoff: { baseMs: 1 } });
    const worker = await openWorker(clients, { maxInFlight: 2 });
    const [task] = await worker.receive(1);
    worker.send({ started: [nameOf(task!)] });
    const [, again] = await worker.receive(2);
    assert.deepEqual(nameOf(again!), { taskId: id, delivery: 2 });
    await enqueueMany(clients, 1);
    await never('a third task', () => worker.tasks.length > 2, 30);
    assert.deepEqual(await worker.report({ stopped: [nameOf(task!)] }), ['STALE']);
    await worker.receive(3);
  });

  it('stops at the limit of the server', async () => {
    const clients = connect(await startScene({ maxInFlight: 20 }));
    await enqueueMany(clients, 40);
    const worker = await openWorker(clients, { maxInFlight: 1_000 });
    worker.send({ credit: 1_000 });
    await worker.receive(20);
    await never('more than the limit', () => worker.tasks.length > 20, 30);
  });

  it('goes round the queues also of workers that come anew for each task', async () => {
    const clients = connect(await startScene());
    for (const queue of ['a', 'b', 'c']) await enqueueMany(clients, 3, { queue });
    const queues: string[] = [];
    for (let n = 0; n < 9; n++) {
      const worker = await openWorker(clients, { queues: ['a', 'b', 'c'], maxInFlight: 1 });
      const [task] = await worker.receive(1);
      queues.push(task!.queue);
      assert.deepEqual(await worker.report({ credit: 0, succeeded: [nameOf(task!)] }), ['STORED']);
      await worker.cancel();
    }
    assert.equal(queues.join(''), 'abcabcabc');
  });

  it('goes round robin between sessions', async () => {
    const clients = connect(await startScene());
    const workers = await Promise.all([1, 2, 3].map(() => openWorker(clients, { maxInFlight: 5 })));
    await enqueueMany(clients, 15);
    await until('all tasks', () => workers.reduce((sum, { tasks }) => sum + tasks.length, 0) === 15);
    assert.deepEqual(
      workers.map(({ tasks }) => tasks.length),
      [5, 5, 5],
    );
  });
});
