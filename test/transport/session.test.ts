import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { connect, describeTask, enqueue, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startProxy } from '../scene/proxy.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { closeOf, nameOf, openWorker } from '../scene/worker.ts';

describe('GetTask', () => {
  afterEach(closeScene);

  it('tells first what was agreed', async () => {
    const scene = await startScene({ maxPayloadBytes: 1_000, maxResultBytes: 2_000, maxInFlight: 50 });
    const { registered, messages } = await openWorker(connect(scene), { clientId: 'w', maxInFlight: 100 });
    assert.equal(messages[0]!.seq, 1);
    assert.equal(registered.clientId, 'w');
    assert.equal(registered.maxInFlight, 50);
    assert.equal(registered.revision, 1);
    assert.equal(registered.resumed, false);
    assert.deepEqual(registered.closed, []);
    assert.equal(registered.intervals?.pingIntervalMs, 200);
    assert.equal(registered.intervals?.resumeWindowMs, 400);
    const { maxPayloadBytes, maxResultBytes, maxCheckpointBytes, maxMessageBytes } = registered.limits!;
    assert.deepEqual([maxPayloadBytes, maxResultBytes, maxCheckpointBytes], [1_000, 2_000, 65_536]);
    assert.ok(maxMessageBytes > 2_000);
  });

  it('draws a client id when none was given', async () => {
    const clients = connect(await startScene());
    const [one, other] = [await openWorker(clients, { clientId: '' }), await openWorker(clients, { clientId: '' })];
    assert.notEqual(one.registered.clientId, '');
    assert.notEqual(one.registered.clientId, other.registered.clientId);
  });

  it('counts its messages', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { maxInFlight: 100 });
    for (let n = 0; n < 5; n++) {
      await enqueue(clients, {});
      await worker.receive(n + 1);
    }
    await until('a ping', () => worker.messages.at(-1)!.event.case === 'ping');
    assert.deepEqual(
      worker.messages.map(({ seq }) => seq),
      worker.messages.map((_, index) => index + 1),
    );
  });

  it('hands over everything a task has', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, {
      payload: Buffer.from([0, 255, 1]),
      contentType: 'application/x-test',
      metadata: { traceparent: '00-1', own: 'ä' },
      priority: -3,
      maxAttempts: 7,
      timeoutMs: 60_000,
    });
    const worker = await openWorker(clients);
    const [task] = await worker.receive(1);
    assert.deepEqual(
      { ...task, payload: Buffer.from(task!.payload), checkpoint: task!.checkpoint.length },
      {
        $typeName: 'contact.v1.Assignment',
        taskId: id,
        delivery: 1,
        attempt: 1,
        queue: 'q',
        payload: Buffer.from([0, 255, 1]),
        contentType: 'application/x-test',
        metadata: { traceparent: '00-1', own: 'ä' },
        timeoutMs: 60_000,
        maxAttempts: 7,
        checkpoint: 0,
        priority: -3,
      },
    );
  });

  it('pushes by priority, then by arrival', async () => {
    const clients = connect(await startScene());
    const [low1, high, low2] = await enqueue(clients, {}, { priority: 5 }, {});
    const worker = await openWorker(clients);
    const tasks = await worker.receive(3);
    assert.deepEqual(
      tasks.map(({ taskId }) => taskId),
      [high, low1, low2],
    );
  });

  it('gives a task addressed to a client to that client only', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { target: { case: 'clientId', value: 'right' } });
    const wrong = await openWorker(clients, { clientId: 'wrong' });
    await enqueue(clients, {});
    await wrong.receive(1);
    const right = await openWorker(clients, { clientId: 'right' });
    assert.equal((await right.receive(1))[0]!.taskId, id);
    assert.equal(wrong.tasks.length, 1);
  });

  it('keeps a silent session that answers its pings', async () => {
    const scene = await startScene({ pingIntervalMs: 60 });
    const worker = await openWorker(connect(scene));
    const isPing = ({ event }: (typeof worker.messages)[number]): boolean => event.case === 'ping';
    await until('8 pings', () => worker.messages.filter(isPing).length >= 8);
    assert.equal(worker.messages.length, 9);
  });

  it('ends a session that shows no life, and gives its tasks to another', async () => {
    const scene = await startScene({ pingIntervalMs: 60, resumeWindowMs: 50 });
    const clients = connect(scene);
    const since = performance.now();
    const silent = await openWorker(clients, { givesReceipts: false });
    const [id] = await enqueue(clients, {});
    await silent.receive(1);
    const other = await openWorker(clients);
    const [end, statusEnd] = await Promise.all([silent.ended, silent.statusEnded]);
    assert.ok(performance.now() - since >= 175, 'not before three intervals');
    assert.equal(end.code, status.UNAVAILABLE);
    assert.equal(closeOf(end), 'SILENT backoff');
    assert.equal(closeOf(statusEnd), 'SILENT backoff');
    assert.equal(silent.messages.filter(({ event }) => event.case === 'ping').length, 1);
    const [task] = await other.receive(1);
    assert.deepEqual([task!.taskId, task!.delivery], [id, 2]);
  });

  it('ends a session whose line has become a black hole', async () => {
    const scene = await startScene({ pingIntervalMs: 60, resumeWindowMs: 50 });
    const proxy = await startProxy(scene);
    const clients = connect(scene);
    const lost = await openWorker(connect(proxy));
    const [id] = await enqueue(clients, {});
    await lost.receive(1);
    proxy.swallow('toServer');
    proxy.swallow('toClient');
    const other = await openWorker(clients);
    assert.equal((await other.receive(1))[0]!.taskId, id);
    await other.succeed(...other.tasks);
  });

  it('takes any message up for a sign of life', async () => {
    const scene = await startScene({ pingIntervalMs: 60 });
    const worker = await openWorker(connect(scene), { givesReceipts: false });
    const since = performance.now();
    await until('five intervals', () => {
      worker.send({ status: 'busy' });
      return performance.now() - since > 300;
    });
    // It is not asked for one, but told something: proxies cut streams that are idle.
    const [first, ...others] = worker.messages.map(({ event }) => event.case);
    assert.equal(first, 'registered');
    assert.ok(others.length > 0 && others.every((one) => one === 'ping'), String(others));
  });

  it('ends both streams when one of them ends', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 50 }));
    const [id] = await enqueue(clients, {});
    const first = await openWorker(clients);
    await first.receive(1);
    first.taskStream.cancel();
    assert.equal(closeOf(await first.statusEnded), 'DISCONNECTED now');

    const second = await openWorker(clients);
    assert.equal((await second.receive(1))[0]!.taskId, id);
    second.statusStream.cancel();
    assert.equal(closeOf(await second.ended), 'DISCONNECTED now');

    const third = await openWorker(clients);
    assert.equal((await third.receive(1))[0]!.taskId, id);
    third.statusStream.end();
    assert.equal(closeOf(await third.ended), 'DISCONNECTED now');
  });

  it('ends both streams with OK when a client that owes nothing half-closes its SendStatus', async () => {
    const clients = connect(await startScene());
    await enqueue(clients, {});
    const worker = await openWorker(clients);
    await worker.succeed((await worker.receive(1))[0]!);
    worker.statusStream.end();
    const [down, up] = await Promise.all([worker.ended, worker.statusEnded]);
    assert.deepEqual([down.code, up.code], [status.OK, status.OK]);
  });

  it('answers what a SendStatus said before it was half-closed', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 50);
    const worker = await openWorker(clients, { maxInFlight: 50 });
    for (const task of await worker.receive(50)) worker.send({ succeeded: [nameOf(task)] });
    worker.statusStream.end();
    await worker.statusEnded;
    assert.deepEqual(
      worker.outcomes.map(({ taskId }) => taskId),
      worker.tasks.map(({ taskId }) => taskId),
    );
  });

  it('tells why a task waits', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { queue: 'nobody' });
    assert.match((await describeTask(clients, id!)).waitingFor, /none that is connected serves the queue nobody/);
  });

  it('sends many tasks in few messages', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 1_000);
    const worker = await openWorker(clients, { maxInFlight: 1_000 });
    await worker.receive(1_000);
    assert.ok(worker.messages.length <= 25, `${worker.messages.length} messages`);
    assert.equal(new Set(worker.tasks.map(({ taskId }) => taskId)).size, 1_000);
  });
});
