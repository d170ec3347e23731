import assert from 'node:assert/strict';
import { Retry, TaskService, TaskState } from '../../gen/index.ts';
import { newTaskId } from '../../shared/ids.ts';
import { ask, connect, describeTask, enqueue } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { nameOf, openWorker } from '../scene/worker.ts';

describe('a failure', () => {
  afterEach(closeScene);

  it('is retried by the policy of its task until its attempts are used up', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { maxAttempts: 3, backoff: { baseMs: 1, capMs: 5 } });
    const worker = await openWorker(clients);
    for (const attempt of [1, 2, 3]) {
      const task = (await worker.receive(attempt))[attempt - 1]!;
      assert.deepEqual([task.attempt, task.delivery, task.maxAttempts], [attempt, attempt, 3]);
      const error = { code: 'BAD', message: `attempt ${attempt}` };
      assert.deepEqual(await worker.report({ failed: [{ ...nameOf(task), error }] }), ['STORED']);
    }
    const task = await describeTask(clients, id!);
    assert.deepEqual([task.state, task.attempt, task.error?.message], [TaskState.FAILED, 3, 'attempt 3']);
  });

  it('that asks for none is not retried', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, {});
    const worker = await openWorker(clients);
    const [task] = await worker.receive(1);
    await worker.report({ failed: [{ ...nameOf(task!), retry: Retry.NEVER, error: { message: 'no use' } }] });
    const { state, attempt, error } = await describeTask(clients, id!);
    assert.deepEqual([state, attempt, error?.message], [TaskState.FAILED, 1, 'no use']);
  });

  it('that asks for a time is retried then', async () => {
    const clients = connect(await startScene());
    await enqueue(clients, { backoff: { baseMs: 60_000, capMs: 60_000 } });
    const worker = await openWorker(clients);
    const [task] = await worker.receive(1);
    const since = performance.now();
    await worker.report({ failed: [{ ...nameOf(task!), retry: Retry.AFTER, retryAfterMs: 80 }] });
    const { state, runAt } = await describeTask(clients, task!.taskId);
    assert.equal(state, TaskState.SCHEDULED);
    assert.ok(runAt);
    await worker.receive(2);
    assert.ok(performance.now() - since >= 78);
  });

  it('leaves a task that expires in its backoff, also when others were due while it ran', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { maxInFlight: 1 });
    const [id] = await enqueue(clients, { expiry: { case: 'expiresAfterMs', value: 600 } });
    const [task] = await worker.receive(1);
    // Its expiry is not looked for while it runs.
    await enqueue(clients, { queue: 'other', start: { case: 'delayMs', value: 1 } });
    await until('the other is due', async () => {
      const { tasks } = await ask(clients, TaskService.method.listTasks, { filter: { queues: ['other'] } });
      return tasks[0]!.state === TaskState.READY;
    });
    await worker.report({ failed: [{ ...nameOf(task!), retry: Retry.AFTER, retryAfterMs: 60_000 }] });
    assert.equal((await describeTask(clients, id!)).state, TaskState.SCHEDULED);
    await until('it expires', async () => (await describeTask(clients, id!)).state === TaskState.EXPIRED, 5_000);
  });

  it('keeps its words to what they may be long', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, {});
    const worker = await openWorker(clients);
    const [task] = await worker.receive(1);
    const error = { code: 'C'.repeat(100), message: `x${'ä'.repeat(5_000)}` };
    await worker.report({ failed: [{ ...nameOf(task!), retry: Retry.NEVER, error }] });
    const stored = (await describeTask(clients, id!)).error!;
    assert.equal(stored.code.length, 64);
    assert.equal(stored.message, `x${'ä'.repeat(2_047)}`);
  });

  it('hands its checkpoint to the next attempt', async () => {
    const clients = connect(await startScene());
    await enqueue(clients, {});
    const worker = await openWorker(clients);
    const [task] = await worker.receive(1);
    worker.send({ checkpoints: [{ ...nameOf(task!), data: Buffer.from('half') }] });
    await worker.report({ failed: [{ ...nameOf(task!), retry: Retry.AFTER }] });
    const [, next] = await worker.receive(2);
    assert.equal(Buffer.from(next!.checkpoint).toString(), 'half');
  });

  it('may be redriven', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { maxAttempts: 1 });
    const worker = await openWorker(clients);
    const [task] = await worker.receive(1);
    await worker.report({ failed: [nameOf(task!)] });
    const { ids, refusedIds } = await ask(clients, TaskService.method.retryTasks, { ids: [id!, newTaskId()] });
    assert.deepEqual([ids, refusedIds.length], [[id], 1]);
    const [, again] = await worker.receive(2);
    assert.deepEqual([again!.delivery, again!.attempt], [2, 1]);
    assert.deepEqual(await worker.succeed(again!), ['STORED']);
  });
});
