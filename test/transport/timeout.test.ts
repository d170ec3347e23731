import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { TaskState } from '../../gen/index.ts';
import { connect, describeTask, enqueue } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';
import { nameOf, openWorker } from '../scene/worker.ts';

describe('a timeout', () => {
  afterEach(closeScene);

  it('runs from the start of each attempt', async () => {
    const clients = connect(await startScene());
    await enqueue(clients, { timeoutMs: 60, backoff: { baseMs: 1 } });
    const worker = await openWorker(clients, { maxInFlight: 2 });
    const [task] = await worker.receive(1);
    await never('a timeout of what has not begun', () => worker.cancels.length > 0, 90);
    const since = performance.now();
    worker.send({ started: [nameOf(task!)] });
    await until('the cancel', () => worker.cancels.length > 0);
    assert.ok(performance.now() - since >= 58);
    assert.deepEqual(
      { ...nameOf(worker.cancels[0]!), reason: worker.cancels[0]!.reason },
      {
        ...nameOf(task!),
        reason: 'TIMEOUT',
      },
    );
    const [, again] = await worker.receive(2);
    assert.deepEqual([again!.delivery, again!.attempt], [2, 2]);
    assert.deepEqual(await worker.succeed(task!, again!), ['STALE', 'STORED']);
  });

  it('does not free credit, the word of the client does', async () => {
    const clients = connect(await startScene());
    await enqueue(clients, { timeoutMs: 20, maxAttempts: 1 }, {});
    const worker = await openWorker(clients, { maxInFlight: 1 });
    const [task] = await worker.receive(1);
    worker.send({ started: [nameOf(task!)] });
    await until('the cancel', () => worker.cancels.length > 0);
    assert.equal((await describeTask(clients, task!.taskId)).error?.code, 'TIMEOUT');
    await never('a second task', () => worker.tasks.length > 1, 40);
    assert.deepEqual(await worker.report({ stopped: [nameOf(task!)] }), ['STALE']);
    await worker.receive(2);
  });

  it('is too late for a result that came in time', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { timeoutMs: 30 });
    const worker = await openWorker(clients);
    const [task] = await worker.receive(1);
    worker.send({ started: [nameOf(task!)] });
    await worker.succeed(task!);
    await never('a cancel', () => worker.cancels.length > 0, 60);
    assert.equal((await describeTask(clients, id!)).state, TaskState.SUCCEEDED);
  });

  it('goes on over a resume', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 5_000 }));
    await enqueue(clients, { timeoutMs: 100, maxAttempts: 1 });
    const before = await openWorker(clients, { clientId: 'w' });
    const [task] = await before.receive(1);
    const since = performance.now();
    before.send({ started: [nameOf(task!)] });
    await before.report({ released: [{ ...nameOf(task!), delivery: 9 }] });
    await before.cancel();
    await never('an end', async () => (await describeTask(clients, task!.taskId)).state !== TaskState.RUNNING, 50);
    const resume = { previousSession: before.sessionId, holding: [nameOf(task!)] };
    const after = await openWorker(clients, { clientId: 'w', resume });
    await until('the cancel', () => after.cancels.length > 0);
    const passedMs = performance.now() - since;
    assert.ok(passedMs >= 98 && passedMs < 190, `${passedMs} ms`);
    assert.equal((await describeTask(clients, task!.taskId)).error?.code, 'TIMEOUT');
  });

  it('runs from the start also of what is held over a restart of the server, or over the window', async () => {
    for (const isRestarted of [true, false]) {
      const scene = await startScene({ isDurable: isRestarted, resumeWindowMs: isRestarted ? 5_000 : 20 });
      const clients = connect(scene);
      await enqueue(clients, { timeoutMs: 500 });
      const before = await openWorker(clients, { clientId: 'w' });
      const [task] = await before.receive(1);
      if (isRestarted) await scene.restart();
      else {
        // A start, so that its loss is counted, of a client that has forgotten it when it comes again.
        await before.report({ started: [nameOf(task!)], released: [{ ...nameOf(task!), delivery: 9 }] });
        await before.cancel();
        await until('it is lost', async () => (await describeTask(clients, task!.taskId)).state === TaskState.READY);
      }
      const fresh = connect(scene);
      const resume = { previousSession: before.sessionId, holding: [nameOf(task!)] };
      const after = await openWorker(fresh, { clientId: 'w', queues: ['none'], resume });
      await never('a timeout of what has not begun', () => after.cancels.length > 0, 600);
      const since = performance.now();
      after.send({ started: [nameOf(task!)] });
      await until('the cancel', () => after.cancels.length > 0);
      assert.ok(performance.now() - since >= 498);
      assert.equal(after.cancels[0]!.reason, 'TIMEOUT');
    }
  });

  it('is that of the session where the task has none: of its queue, or else of all, also over a restart', async () => {
    const scene = await startScene({ isDurable: true, resumeWindowMs: 5_000 });
    const clients = connect(scene);
    const queues = ['own', 'quick', 'never', 'other'];
    const terms = { own: { timeoutMs: 70_000 }, quick: {}, never: {}, other: {} };
    for (const [queue, more] of Object.entries(terms)) await enqueue(clients, { queue, maxAttempts: 1, ...more });
    const timeouts = { timeoutMs: 60_000, queueTimeoutsMs: { quick: 500, never: 0 } };
    const before = await openWorker(clients, { clientId: 'w', queues, ...timeouts });
    const tasks = await before.receive(4);
    const told = Object.fromEntries(tasks.map(({ queue, timeoutMs }) => [queue, timeoutMs]));
    assert.deepEqual(told, { own: 70_000, quick: 500, never: 0, other: 60_000 });
    await scene.restart();
    const holding = tasks.map(nameOf);
    const resume = { previousSession: before.sessionId, holding };
    const after = await openWorker(connect(scene), { clientId: 'w', queues, ...timeouts, resume });
    after.send({ started: holding });
    await until('the cancel', () => after.cancels.length > 0);
    const quick = tasks.find(({ queue }) => queue === 'quick')!;
    assert.deepEqual(
      after.cancels.map(({ taskId, reason }) => [taskId, reason]),
      [[quick.taskId, 'TIMEOUT']],
    );
    const { error } = await describeTask(connect(scene), quick.taskId);
    assert.deepEqual([error!.code, error!.message], ['TIMEOUT', 'the attempt took longer than 500 ms']);
  });

  it('of a queue is for one that the session draws from', async () => {
    const clients = connect(await startScene());
    await assert.rejects(openWorker(clients, { queues: ['q'], queueTimeoutsMs: { r: 1 } }), {
      code: status.INVALID_ARGUMENT,
      message: /^queue_timeouts_ms: expected names of `queues`, got "r"/,
    });
  });

  it('ends an attempt also while its session is away', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 5_000 }));
    await enqueue(clients, { timeoutMs: 60, maxAttempts: 1 });
    const worker = await openWorker(clients, { clientId: 'w' });
    const [task] = await worker.receive(1);
    worker.send({ started: [nameOf(task!)] });
    await worker.report({ released: [{ ...nameOf(task!), delivery: 9 }] });
    await worker.cancel();
    await until('the end', async () => (await describeTask(clients, task!.taskId)).state === TaskState.FAILED);
  });
});
