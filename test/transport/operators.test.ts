import assert from 'node:assert/strict';
import { AdminService, type ClientInfo, type Queue, TaskService, TaskState } from '../../gen/index.ts';
import { ask, type Clients, connect, describeTask, enqueue, enqueueMany, refusalOf } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { closeOf, openWorker } from '../scene/worker.ts';

const { method } = AdminService;

async function listQueues(clients: Clients): Promise<Queue[]> {
  return (await ask(clients, method.listQueues, {})).queues;
}

async function listClients(clients: Clients): Promise<ClientInfo[]> {
  return (await ask(clients, method.listClients, {})).clients;
}

describe('queues', () => {
  afterEach(closeScene);

  it('are listed with what waits, runs and failed', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { clientId: 'a', maxInFlight: 2 });
    await enqueue(clients, {}, {}, { priority: 5 }, { target: { case: 'clientId', value: 'absent' } });
    await enqueue(clients, { start: { case: 'delayMs', value: 60_000 } }, { queue: 'other' });
    const [first] = await worker.receive(2);
    await worker.report({ failed: [{ taskId: first!.taskId, delivery: first!.delivery, retry: 1 }] });
    await worker.receive(3);
    const [other, q] = (await listQueues(clients)).sort((a, b) => (a.name < b.name ? -1 : 1));
    assert.deepEqual([other!.name, other!.ready, other!.workers, other!.unroutable], ['other', 1, 0, 1]);
    const { ready, scheduled, running, failed, workers, unroutable, oldest } = q!;
    assert.deepEqual(
      { ready, scheduled, running, failed, workers, unroutable },
      { ready: 1, scheduled: 1, running: 2, failed: 1, workers: 1, unroutable: 1 },
    );
    assert.deepEqual(
      oldest.map(({ priority }) => priority),
      [0],
    );
  });

  it('give nothing while they are paused, over a restart too', async () => {
    const scene = await startScene({ isDurable: true });
    const clients = connect(scene);
    await ask(clients, method.pauseQueue, { queue: 'q', create: true });
    await openWorker(clients, { clientId: 'a' });
    const [id] = await enqueue(clients, {});
    assert.match((await describeTask(clients, id!)).waitingFor, /paused$/);
    await scene.restart();
    const again = connect(scene);
    const worker = await openWorker(again, { clientId: 'a', queues: ['q', 'other'] });
    await enqueue(again, { queue: 'other' });
    assert.equal((await worker.receive(1))[0]!.queue, 'other');
    assert.equal((await listQueues(again)).find(({ name }) => name === 'q')!.paused, true);
    await ask(again, method.resumeQueue, { queue: 'q' });
    assert.equal((await worker.receive(2))[1]!.taskId, id);
  });

  it('keep a pause and a limit that are set at the same time', async () => {
    const clients = connect(await startScene());
    await Promise.all([
      ask(clients, method.setQueueLimits, { queue: 'q', limits: { maxRunning: 3 }, create: true }),
      ask(clients, method.pauseQueue, { queue: 'q', create: true }),
    ]);
    await enqueueMany(clients, 1);
    const { queues } = await ask(clients, method.listQueues, {});
    assert.deepEqual([queues[0]?.paused, queues[0]?.limits?.maxRunning], [true, 3]);
    await ask(clients, method.resumeQueue, { queue: 'q' });
    const [queue] = (await ask(clients, method.listQueues, {})).queues;
    assert.deepEqual([queue?.paused, queue?.limits?.maxRunning], [false, 3]);
  });

  it('run no more than their limit at once', async () => {
    const clients = connect(await startScene());
    await ask(clients, method.setQueueLimits, { queue: 'q', limits: { maxRunning: 2 }, create: true });
    const worker = await openWorker(clients, { maxInFlight: 10 });
    await enqueueMany(clients, 6);
    let most = 0;
    for (let done = 0; done < 6; done += 1) {
      const tasks = await worker.receive(done + 1);
      most = Math.max(most, tasks.length - done);
      await worker.succeed(tasks[done]!);
    }
    assert.equal(most, 2);
  });

  it('refuse what exceeds their limit of waiting tasks', async () => {
    const clients = connect(await startScene());
    await ask(clients, method.setQueueLimits, { queue: 'q', limits: { maxWaiting: 2 }, create: true });
    await enqueueMany(clients, 2);
    assert.match(await refusalOf(enqueue(clients, {})), /^RESOURCE_EXHAUSTED tasks\[0\]\.queue: /);
  });

  it('are purged of what waits, not of what runs', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { maxInFlight: 1 });
    await enqueueMany(clients, 800);
    await enqueueMany(clients, 300, { start: { case: 'delayMs', value: 60_000 } });
    await worker.receive(1);
    assert.equal((await ask(clients, method.purgeQueue, { queue: 'q' })).cancelled, 1_099);
    const [queue] = await listQueues(clients);
    assert.deepEqual([queue!.ready, queue!.scheduled, queue!.running], [0, 0, 1]);
  });
});

describe('a queue that is not there', () => {
  afterEach(closeScene);

  async function refusals(clients: Clients, queue: string): Promise<string[]> {
    return [
      await refusalOf(ask(clients, method.pauseQueue, { queue })),
      await refusalOf(ask(clients, method.setQueueLimits, { queue, limits: { maxRunning: 1 } })),
      await refusalOf(ask(clients, method.resumeQueue, { queue })),
      await refusalOf(ask(clients, method.purgeQueue, { queue })),
    ];
  }

  it('is not found by any order', async () => {
    const clients = connect(await startScene());
    const refusal = 'NOT_FOUND queue: no queue "nosuch"; it has no tasks, no workers and no settings';
    assert.deepEqual(new Set(await refusals(clients, 'nosuch')), new Set([refusal]));
    assert.deepEqual(await listQueues(clients), []);
  });

  it('is there once it has a task, a worker or settings', async () => {
    const clients = connect(await startScene());
    await enqueue(clients, { queue: 'task' });
    await openWorker(clients, { queues: ['worker'] });
    await ask(clients, method.setQueueLimits, { queue: 'settings', limits: { maxRunning: 1 }, create: true });
    await ask(clients, method.pauseQueue, { queue: 'paused', create: true });
    for (const queue of ['task', 'worker', 'settings', 'paused']) {
      assert.deepEqual(new Set(await refusals(clients, queue)), new Set(['OK']), queue);
    }
  });

  it('is listed once it has a task, a worker or settings, and no longer than that', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { queue: 'task' });
    const worker = await openWorker(clients, { queues: ['worker', 'also'] });
    await ask(clients, method.setQueueLimits, { queue: 'settings', limits: { maxRunning: 1 }, create: true });
    const list = async () => (await listQueues(clients)).map(({ name, workers, ready }) => [name, workers, ready]);
    const all = [
      ['also', 1, 0],
      ['settings', 0, 0],
      ['task', 0, 1],
      ['worker', 1, 0],
    ];
    assert.deepEqual(await list(), all);
    const first = await ask(clients, method.listQueues, { pageSize: 3 });
    const second = await ask(clients, method.listQueues, { pageSize: 3, pageToken: first.nextPageToken });
    assert.deepEqual(
      [...first.queues, ...second.queues].map(({ name }) => name),
      all.map(([name]) => name),
    );
    await worker.cancel();
    await ask(clients, method.setQueueLimits, { queue: 'settings', limits: {} });
    await ask(clients, TaskService.method.cancelTasks, { ids: [id!] });
    await ask(clients, TaskService.method.deleteTasks, { ids: [id!] });
    await until('nothing is listed', async () => (await list()).length === 0);
  });
});

describe('clients', () => {
  afterEach(closeScene);

  it('that are drained are not said to be busy to who asks what a task waits for', async () => {
    const clients = connect(await startScene());
    await openWorker(clients, { clientId: 'a' });
    await ask(clients, method.drainClient, { clientId: 'a' });
    const [id] = await enqueue(clients, {});
    const words = 'a client that is not drained: the one client that may take it (a) is drained';
    assert.equal((await describeTask(clients, id!)).waitingFor, words);
  });

  it('are listed: connected ones, and named ones that are away', async () => {
    const clients = connect(await startScene());
    await (await openWorker(clients, { clientId: 'away', labels: { site: 'x' } })).cancel();
    const worker = await openWorker(clients, { clientId: 'here', maxInFlight: 7, agent: 'test 1' });
    await openWorker(clients, { clientId: 'short', ephemeral: true, isFull: false });
    worker.send({ status: 'warming up' });
    await until('the status', async () => (await listClients(clients))[1]?.status === 'warming up');
    const [away, here, short] = await listClients(clients);
    assert.deepEqual([away!.id, away!.connected, away!.labels], ['away', false, { site: 'x' }]);
    assert.deepEqual([here!.id, here!.connected, here!.maxInFlight, here!.agent], ['here', true, 7, 'test 1']);
    assert.match(here!.peer, /^127\.0\.0\.1:\d+$/);
    assert.deepEqual([short!.id, short!.ephemeral, short!.plain], ['short', true, true]);
    const page = await ask(clients, method.listClients, { pageSize: 2 });
    const rest = await ask(clients, method.listClients, { pageSize: 2, pageToken: page.nextPageToken });
    assert.deepEqual(
      [...page.clients, ...rest.clients].map(({ id }) => id),
      ['away', 'here', 'short'],
    );
    const { clients: connected } = await ask(clients, method.listClients, { connectedOnly: true });
    assert.equal(connected.length, 2);
  });

  it('get nothing while they are drained, until they are resumed', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const worker = await openWorker(clients, { clientId: 'a' });
    await ask(clients, method.drainClient, { clientId: 'a' });
    await until('the drain', () => worker.messages.some(({ event }) => event.case === 'drain'));
    await worker.cancel();
    const again = await openWorker(clients, { clientId: 'a' });
    await until('the drain of the next session', () => again.messages.some(({ event }) => event.case === 'drain'));
    const [id] = await enqueue(clients, {});
    assert.equal((await listClients(clients))[0]!.draining, true);
    assert.equal((await describeTask(clients, id!)).state, TaskState.READY);
    await ask(clients, method.resumeClient, { clientId: 'a' });
    await again.receive(1);
    assert.match(await refusalOf(ask(clients, method.drainClient, { clientId: 'nobody' })), /^NOT_FOUND client_id: /);
  });

  it('are disconnected once, and keep what they run', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { clientId: 'a' });
    await enqueue(clients, {});
    const [task] = await worker.receive(1);
    assert.equal((await ask(clients, method.disconnectClient, { clientId: 'a' })).sessions, 1);
    assert.equal(closeOf(await worker.ended), 'OPERATOR backoff');
    const holding = [{ taskId: task!.taskId, delivery: task!.delivery }];
    const again = await openWorker(clients, {
      clientId: 'a',
      resume: { previousSession: worker.sessionId, holding },
    });
    assert.equal(again.registered.resumed, true);
    assert.deepEqual(await again.succeed(task!), ['STORED']);
  });
});

describe('bulk commands', () => {
  afterEach(closeScene);
  const { cancelTasks, retryTasks } = TaskService.method;

  it('cancel all that a filter finds, over pages', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 1_000);
    await enqueueMany(clients, 700);
    await enqueueMany(clients, 3, { queue: 'other' });
    const answer = await ask(clients, cancelTasks, { filter: { queues: ['q'] } });
    assert.equal(answer.total, 1_700);
    assert.equal(answer.tasks.length, 1_000);
    const queues = await listQueues(clients);
    assert.deepEqual(
      queues.map(({ name, ready }) => [name, ready]),
      [
        ['other', 3],
        ['q', 0],
      ],
    );
  });

  it('redrive all that failed, by queue and time', async () => {
    const clients = connect(await startScene());
    const ids = await enqueue(clients, { maxAttempts: 1 }, { maxAttempts: 1 }, { maxAttempts: 1, queue: 'other' });
    const worker = await openWorker(clients, { queues: ['q', 'other'] });
    const tasks = await worker.receive(3);
    await worker.report({ failed: tasks.map(({ taskId, delivery }) => ({ taskId, delivery })) });
    const early = await ask(clients, retryTasks, { filter: { queues: ['q'], createdBefore: { seconds: 1n } } });
    assert.equal(early.total, 0);
    const answer = await ask(clients, retryTasks, { filter: { queues: ['q'] } });
    assert.equal(answer.total, 2);
    assert.deepEqual([...answer.ids].sort(), ids.slice(0, 2).sort());
    const again = await worker.receive(5);
    assert.deepEqual(
      again.slice(3).map(({ attempt, delivery }) => [attempt, delivery]),
      [
        [1, 2],
        [1, 2],
      ],
    );
  });

  it('want at least one condition, and no ids beside them', async () => {
    const clients = connect(await startScene());
    assert.match(await refusalOf(ask(clients, cancelTasks, { filter: {} })), /^INVALID_ARGUMENT filter: /);
    const both = { ids: ['018f0000-0000-7000-8000-000000000000'], filter: { queues: ['q'] } };
    assert.match(await refusalOf(ask(clients, retryTasks, both)), /^INVALID_ARGUMENT ids: /);
  });
});
