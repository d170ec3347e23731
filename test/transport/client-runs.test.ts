import assert from 'node:assert/strict';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { AdminService, type ClientInfo, TaskService } from '../../gen/index.ts';
import { ask, type Clients, connect, describeTask, enqueue, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

async function findClient(clients: Clients, id: string): Promise<ClientInfo> {
  const { clients: all } = await ask(clients, AdminService.method.listClients, {});
  return all.find((one) => one.id === id)!;
}

async function runsOf(clients: Clients, id: string): Promise<[ended: number, failed: number]> {
  const { runs } = await findClient(clients, id);
  return [Number(runs?.ended ?? 0), Number(runs?.failed ?? 0)];
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('runs of a client', () => {
  afterEach(closeScene);

  it('are counted as they end, with how long they took since they were told to have begun', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { clientId: 'a', maxInFlight: 10 });
    assert.equal((await findClient(clients, 'a')).runs, undefined);
    await enqueueMany(clients, 4);
    const tasks = await worker.receive(4);
    worker.send({ started: tasks.map(({ taskId, delivery }) => ({ taskId, delivery })) });
    await pause(300);
    await worker.succeed(tasks[0]!, tasks[1]!);
    const [, , third, fourth] = tasks.map(({ taskId, delivery }) => ({ taskId, delivery }));
    await worker.report({ failed: [{ ...third!, retry: 1 }] });
    // What is given back has neither succeeded nor failed.
    await worker.report({ untouched: [fourth!] });
    const { runs } = await findClient(clients, 'a');
    assert.deepEqual([runs?.ended, runs?.failed], [3n, 1n]);
    assert.ok(runs!.p50Ms! >= 270 && runs!.p99Ms! >= runs!.p50Ms!, `${runs!.p50Ms} ${runs!.p99Ms}`);
    // A second word of an end changes nothing.
    assert.deepEqual(await worker.succeed(tasks[0]!), ['DUPLICATE']);
    assert.deepEqual(await runsOf(clients, 'a'), [3, 1]);
  });

  it('take no longer than since the message before, where the start comes with the end', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { clientId: 'a', maxInFlight: 10 });
    await enqueueMany(clients, 2);
    const [first, second] = await worker.receive(2);
    worker.send({ started: [{ taskId: first!.taskId, delivery: first!.delivery }] });
    await pause(400);
    await worker.succeed(first!);
    await worker.succeed(second!);
    const { runs } = await findClient(clients, 'a');
    assert.ok(runs!.p50Ms! < 300 && runs!.p99Ms! >= 350, `${runs!.p50Ms} ${runs!.p99Ms}`);
  });

  it('fail by their timeout and with their session, and not by a cancel', async () => {
    const clients = connect(await startScene({ cancelGraceMs: 100 }));
    const worker = await openWorker(clients, { clientId: 'a', maxInFlight: 10 });
    const [, cancelled] = await enqueue(clients, { timeoutMs: 50, maxAttempts: 1 }, {}, {});
    const tasks = await worker.receive(3);
    worker.send({ started: tasks.map(({ taskId, delivery }) => ({ taskId, delivery })) });
    await until('the timeout', async () => (await runsOf(clients, 'a'))[1] === 1);
    // What its client tells later ends nothing.
    assert.deepEqual(await worker.succeed(tasks[0]!), ['STALE']);
    await ask(clients, TaskService.method.cancelTasks, { ids: [cancelled!] });
    await until('the end of the grace', async () => (await describeTask(clients, cancelled!)).settledAt !== undefined);
    await worker.cancel();
    await openWorker(clients, { clientId: 'a', queues: ['other'] });
    await until('the loss', async () => (await runsOf(clients, 'a'))[1] === 2);
    assert.deepEqual(await runsOf(clients, 'a'), [2, 2]);
  });

  it('go on with the session that the client comes back to', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { clientId: 'a', maxInFlight: 10 });
    await enqueueMany(clients, 2);
    const tasks = (await worker.receive(2)).map(({ taskId, delivery }) => ({ taskId, delivery }));
    worker.send({ started: tasks });
    await worker.succeed(tasks[0]!);
    await worker.cancel();
    const again = await openWorker(clients, {
      clientId: 'a',
      resume: { previousSession: worker.sessionId, holding: [tasks[1]!] },
    });
    assert.deepEqual(await runsOf(clients, 'a'), [1, 0]);
    await again.succeed(tasks[1]!);
    assert.deepEqual(await runsOf(clients, 'a'), [2, 0]);
  });
});

describe('the oldest task of a client', () => {
  afterEach(closeScene);

  it('is the one that it has run longest, and stays that when the server is started anew', async () => {
    const scene = await startScene({ isDurable: true, resumeWindowMs: 60_000 });
    const clients = connect(scene);
    const worker = await openWorker(clients, { clientId: 'a', maxInFlight: 10 });
    await enqueueMany(clients, 2);
    const tasks = (await worker.receive(2)).map(({ taskId, delivery }) => ({ taskId, delivery }));
    assert.equal((await findClient(clients, 'a')).oldestRunning, undefined);
    worker.send({ started: [tasks[1]!] });
    await until('the start', async () => (await findClient(clients, 'a')).oldestRunning !== undefined);
    await pause(100);
    worker.send({ started: [tasks[0]!] });
    const before = (await findClient(clients, 'a')).oldestRunning!;
    assert.deepEqual([before.taskId, before.delivery], [tasks[1]!.taskId, 1]);
    await worker.succeed(tasks[0]!);
    await scene.restart();
    const again = connect(scene);
    const resume = { previousSession: worker.sessionId, holding: [tasks[1]!] };
    const resumed = await openWorker(again, { clientId: 'a', resume });
    resumed.send({ started: [tasks[1]!] });
    await until('the start', async () => (await findClient(again, 'a')).oldestRunning !== undefined);
    const { runs, oldestRunning } = await findClient(again, 'a');
    assert.equal(runs, undefined);
    assert.equal(oldestRunning?.taskId, tasks[1]!.taskId);
    // By its claim, which was before its start.
    assert.ok(timestampMs(oldestRunning!.since!) <= timestampMs(before.since!) + 5);
  });
});
