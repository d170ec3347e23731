import assert from 'node:assert/strict';
import { AdminService, TaskService, TaskState } from '../../gen/index.ts';
import { ask, type Clients, connect, describeTask, enqueue, enqueueMany, refusalOf } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { openObserver } from '../scene/observer.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

const { method } = AdminService;

const namesOf = async (clients: Clients): Promise<string[]> =>
  (await ask(clients, method.listQueues, {})).queues.map(({ name }) => name);

describe('a queue that is deleted', () => {
  afterEach(closeScene);

  it('goes with what waits, what is settled and its settings, and nothing of another one', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { maxInFlight: 1 });
    const [settled] = await enqueue(clients, {});
    await worker.receive(1);
    await worker.succeed(worker.tasks[0]!);
    await worker.cancel();
    const [id] = await enqueue(clients, {}, { start: { case: 'delayMs', value: 60_000 } }, { queue: 'other' });
    await ask(clients, method.setQueueLimits, { queue: 'q', limits: { maxWaiting: 5 } });
    await ask(clients, method.setQueueLimits, { queue: 'other', limits: { maxWaiting: 5 } });
    const { $typeName: _, ...done } = await ask(clients, method.deleteQueue, { queue: 'q', withTasks: true });
    assert.deepEqual(done, {
      ...{ cancelled: 2, askedToStop: 0, forgotten: 3, waiting: 0, running: 0, settled: 0, deleted: true },
    });
    const { queues } = await ask(clients, method.listQueues, {});
    assert.deepEqual(
      queues.map(({ name, ready, limits }) => [name, ready, limits?.maxWaiting]),
      [['other', 1, 5]],
    );
    for (const gone of [id!, settled!]) {
      assert.match(await refusalOf(ask(clients, TaskService.method.describeTask, { id: gone })), /^NOT_FOUND /);
    }
    // The next task makes it anew, with the id that was forgotten too.
    await enqueue(clients, { id: id! });
    const [again] = (await ask(clients, method.listQueues, {})).queues.filter(({ name }) => name === 'q');
    assert.deepEqual([again?.ready, again?.limits?.maxWaiting], [1, 0]);
  });

  it('is refused while tasks wait or run, unless that is said, and where it is not', async () => {
    const clients = connect(await startScene());
    assert.match(await refusalOf(ask(clients, method.deleteQueue, { queue: 'q' })), /^NOT_FOUND queue: /);
    assert.match(await refusalOf(ask(clients, method.deleteQueue, { queue: 'a b' })), /^INVALID_ARGUMENT queue: /);
    await enqueueMany(clients, 2);
    const refused = { code: 9, details: 'with_tasks: 2 tasks wait there, which that would cancel' };
    await assert.rejects(ask(clients, method.deleteQueue, { queue: 'q' }), refused);
    const { deleted, waiting } = await ask(clients, method.deleteQueue, { queue: 'q', withTasks: true, dryRun: true });
    assert.deepEqual([deleted, waiting], [false, 2]);
    const worker = await openWorker(clients, { maxInFlight: 1 });
    await worker.receive(1);
    await ask(clients, method.purgeQueue, { queue: 'q' });
    const running = { code: 9, details: 'with_tasks: 1 runs there, which that would cancel' };
    await assert.rejects(ask(clients, method.deleteQueue, { queue: 'q' }), running);
    await worker.succeed(worker.tasks[0]!);
    const done = await ask(clients, method.deleteQueue, { queue: 'q' });
    assert.deepEqual([done.deleted, done.forgotten], [true, 2]);
  });

  it('is kept by what runs, which is asked to stop once, until that has ended', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { maxInFlight: 1 });
    await ask(clients, method.setQueueLimits, { queue: 'q', limits: { maxWaiting: 5 } });
    const [id] = await enqueue(clients, {}, {});
    const [task] = await worker.receive(1);
    const first = await ask(clients, method.deleteQueue, { queue: 'q', withTasks: true });
    assert.deepEqual([first.cancelled, first.askedToStop, first.running, first.deleted], [1, 1, 1, false]);
    await until('the cancel', () => worker.cancels.length === 1);
    assert.equal(worker.cancels[0]!.reason, 'the queue was deleted');
    const { acts } = await describeTask(clients, id!);
    assert.deepEqual(
      acts.map(({ by, reason }) => [by, reason]),
      [['anonymous', 'the queue was deleted']],
    );
    assert.equal((await ask(clients, method.deleteQueue, { queue: 'q', withTasks: true })).askedToStop, 0);
    assert.equal((await ask(clients, method.listQueues, {})).queues[0]?.limits?.maxWaiting, 5);
    await worker.report({ stopped: [{ taskId: task!.taskId, delivery: task!.delivery }] });
    assert.equal((await describeTask(clients, id!)).state, TaskState.CANCELLED);
    const last = await ask(clients, method.deleteQueue, { queue: 'q' });
    assert.deepEqual([last.forgotten, last.deleted], [1, true]);
    // Its worker is still there, and so is the name, without anything.
    const [queue] = (await ask(clients, method.listQueues, {})).queues;
    assert.deepEqual([queue?.name, queue?.workers, queue?.cancelled, queue?.limits?.maxWaiting], ['q', 1, 0, 0]);
  });

  it('goes in steps of as many tasks as are asked for', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 7);
    const steps: number[][] = [];
    for (let isDeleted = false; !isDeleted; ) {
      const step = await ask(clients, method.deleteQueue, { queue: 'q', withTasks: true, max: 3 });
      steps.push([step.cancelled, step.forgotten, step.waiting, step.settled]);
      isDeleted = step.deleted;
    }
    assert.deepEqual(steps, [
      [3, 0, 4, 3],
      [3, 0, 1, 6],
      [1, 2, 0, 5],
      [0, 3, 0, 2],
      [0, 2, 0, 0],
    ]);
  });

  it('takes broadcasts with it', async () => {
    const clients = connect(await startScene());
    for (const clientId of ['a', 'b']) {
      const one = await openWorker(clients, { clientId, queues: ['q'] });
      await ask(clients, method.drainClient, { clientId });
      assert.equal(one.clientId, clientId);
    }
    await enqueue(clients, { target: { case: 'broadcast', value: {} } });
    const { cancelled, deleted } = await ask(clients, method.deleteQueue, { queue: 'q', withTasks: true });
    assert.deepEqual([cancelled >= 2, deleted], [true, true]);
  });

  it('tells observers how many results they have missed', async () => {
    const clients = connect(await startScene());
    const before = openObserver(clients, { follow: true });
    await until('its place', () => before.cursors.length > 0);
    const [, kept] = await enqueue(clients, {}, { queue: 'other' });
    await ask(clients, method.deleteQueue, { queue: 'q', withTasks: true });
    await ask(clients, method.purgeQueue, { queue: 'other' });
    const observer = openObserver(clients, { cursor: before.cursors[0]! });
    const [event] = await observer.receive(1);
    assert.deepEqual([observer.gaps.map(({ count }) => count), event?.taskId], [[1], kept]);
    assert.deepEqual(await namesOf(clients), ['other']);
  });
});
