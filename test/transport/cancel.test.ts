import assert from 'node:assert/strict';
import { TaskService, TaskState } from '../../gen/index.ts';
import { ask, connect, describeTask, enqueue } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { nameOf, openWorker } from '../scene/worker.ts';

describe('CancelTasks', () => {
  afterEach(closeScene);
  const { cancelTasks } = TaskService.method;

  it('settles at once what waits', async () => {
    const clients = connect(await startScene());
    const [ready, later] = await enqueue(clients, {}, { start: { case: 'delayMs', value: 60_000 } });
    const unknown = '018f0000-0000-7000-8000-000000000000';
    const answer = await ask(clients, cancelTasks, { ids: [ready!, later!, unknown, ready!], reason: 'no more' });
    assert.deepEqual(
      answer.tasks.map(({ id, state, refused }) => [id, state, refused]),
      [
        [ready, TaskState.CANCELLED, ''],
        [later, TaskState.CANCELLED, ''],
        [unknown, TaskState.UNSPECIFIED, 'NOT_FOUND'],
        [ready, TaskState.UNSPECIFIED, 'SETTLED'],
      ],
    );
    const { error, cancelRequested, attempt } = await describeTask(clients, ready!);
    assert.deepEqual([error?.code, error?.message, cancelRequested, attempt], ['CANCELLED', 'no more', true, 0]);
  });

  it('reaches the worker that has the task', async () => {
    const clients = connect(await startScene());
    const ids = await enqueue(clients, {}, {}, {}, {});
    const worker = await openWorker(clients);
    const names = (await worker.receive(4)).map(nameOf);
    const answer = await ask(clients, cancelTasks, { ids, reason: 'no more' });
    assert.ok(answer.tasks.every(({ state }) => state === TaskState.RUNNING));
    await until('the cancels', () => worker.cancels.length === 4);
    assert.ok(worker.cancels.every(({ reason }) => reason === 'no more'));
    const [stopped, succeeded, failed, released] = names;
    const report = { succeeded: [succeeded!], failed: [failed!], released: [released!], stopped: [stopped!] };
    assert.deepEqual(await worker.report(report), ['STORED', 'STORED', 'STORED', 'STORED']);
    const tasks = await Promise.all(names.map(({ taskId }) => describeTask(clients, taskId)));
    assert.deepEqual(
      tasks.map(({ state }) => state),
      [TaskState.CANCELLED, TaskState.SUCCEEDED, TaskState.CANCELLED, TaskState.CANCELLED],
    );
    assert.ok(tasks.every(({ cancelRequested }) => cancelRequested));
  });

  it('is told as stored to a worker whose result is too large', async () => {
    const clients = connect(await startScene({ maxResultBytes: 100 }));
    const [id] = await enqueue(clients, {});
    const worker = await openWorker(clients);
    const [task] = await worker.receive(1);
    await ask(clients, cancelTasks, { ids: [id!], reason: 'no more' });
    const large = { succeeded: [{ ...nameOf(task!), result: Buffer.alloc(101) }] };
    assert.deepEqual(await worker.report(large), ['STORED']);
    const { state, error } = await describeTask(clients, id!);
    assert.deepEqual([state, error?.code], [TaskState.CANCELLED, 'CANCELLED']);
  });

  it('tells the first reason again when somebody cancels a second time', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, {});
    const worker = await openWorker(clients);
    await worker.receive(1);
    await ask(clients, cancelTasks, { ids: [id!], reason: 'the first' });
    await ask(clients, cancelTasks, { ids: [id!], reason: 'the second' });
    await until('the cancels', () => worker.cancels.length === 2);
    assert.deepEqual(
      worker.cancels.map(({ reason }) => reason),
      ['the first', 'the first'],
    );
  });

  it('closes what nobody confirms after the grace', async () => {
    const clients = connect(await startScene({ cancelGraceMs: 60 }));
    const [id] = await enqueue(clients, {});
    const worker = await openWorker(clients);
    const [task] = await worker.receive(1);
    await ask(clients, cancelTasks, { ids: [id!] });
    await until('the end', async () => (await describeTask(clients, id!)).state === TaskState.CANCELLED);
    await until('the second word', () => worker.cancels.length === 2);
    assert.deepEqual(await worker.succeed(task!), ['STALE']);
  });

  it('is done with the loss of the session', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 50 }));
    const [id] = await enqueue(clients, {});
    const worker = await openWorker(clients);
    await worker.receive(1);
    await ask(clients, cancelTasks, { ids: [id!] });
    await worker.cancel();
    await until('the end', async () => (await describeTask(clients, id!)).state === TaskState.CANCELLED);
  });
});
