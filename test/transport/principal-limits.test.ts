import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createProducer } from '../../client/index.ts';
import type { StreamEnqueueResponse } from '../../gen/index.ts';
import { AdminService, Role, TaskService } from '../../gen/index.ts';
import { newSessionId } from '../../shared/ids.ts';
import { startGuarded } from '../scene/access.ts';
import { openGetTask } from '../scene/classic.ts';
import { ask, type Clients, connect, enqueue, enqueueMany, refusalOf } from '../scene/clients.ts';
import { closeScene, use } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { connectTo } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

const { listTasks } = TaskService.method;
const lookAt = (clients: Clients): Promise<string> => refusalOf(ask(clients, listTasks, {}));

/** A stream of batches, and what it was answered. */
function openEnqueue(clients: Clients) {
  const stream = clients.tasks.streamEnqueue();
  const answers: StreamEnqueueResponse[] = [];
  stream.on('data', (answer: StreamEnqueueResponse) => answers.push(answer));
  stream.on('error', () => undefined);
  return {
    stream,
    stored: () => answers.filter(({ event }) => event.case === 'stored').length,
    refused: () => answers.filter(({ event }) => event.case === 'refused').length,
    send: (count: number) => stream.write({ tasks: Array.from({ length: count }, () => ({ queue: 'q' })) } as never),
  };
}

describe('A principal', () => {
  afterEach(closeScene);

  it('has so many calls open over all its connections, and others have theirs', async () => {
    const scene = await startGuarded({ maxCallsPerPrincipal: 3 });
    const [web, other] = [await scene.access.token(), await scene.access.token()];
    const [first, second] = [connect(scene, {}, web.text), connect(scene, {}, web.text)];
    const streams = [openEnqueue(first), openEnqueue(first), openEnqueue(second)];
    for (const one of streams) one.send(1);
    await until('all to be open', () => streams.every((one) => one.stored() === 1));
    assert.match(await lookAt(second), /^RESOURCE_EXHAUSTED calls: token:t1 has 3, and may have 3/);
    assert.equal(await lookAt(connect(scene, {}, other.text)), 'OK');
    streams[0]!.stream.cancel();
    await until('a call that has gone', async () => (await lookAt(second)) === 'OK');
  });

  it('who may do everything as an operator has calls beyond those of all others, and of a few queues has none', async () => {
    const scene = await startGuarded({ maxOpenCalls: 2 });
    const full = await scene.access.token();
    const narrow = await scene.access.token({ queues: ['q'] });
    const web = await scene.access.token({ roles: [Role.PRODUCER] });
    const streams = [1, 2].map(() => openEnqueue(connect(scene, {}, web.text)));
    for (const one of streams) one.send(1);
    await until('all to be open', () => streams.every((one) => one.stored() === 1));
    for (const { text } of [narrow, web])
      assert.match(await lookAt(connect(scene, {}, text)), /^RESOURCE_EXHAUSTED calls: 2 are open/);
    assert.equal(await lookAt(connect(scene, {}, full.text)), 'OK');
  });

  it('who has the socket of operators has a hundred calls beyond all others, fifty of them beyond those of other operators', async function () {
    this.timeout(30_000);
    const path = `${createFolder()}/operators.sock`;
    const scene = await startGuarded({ maxOpenCalls: 2, operatorSocket: path });
    const web = await scene.access.token({ roles: [Role.PRODUCER] });
    const full = await scene.access.token();
    const byPort = connect(scene, {}, full.text);
    const bySocket = connect({ address: `unix:${path}` });
    const fill = async (clients: Clients, count: number): Promise<ReturnType<typeof openEnqueue>[]> => {
      const streams = Array.from({ length: count }, () => openEnqueue(clients));
      for (const one of streams) one.send(1);
      await until('all to be open', () => streams.every((one) => one.stored() === 1));
      return streams;
    };
    await fill(connect(scene, {}, web.text), 2);
    await fill(byPort, 50);
    assert.match(await lookAt(byPort), /^RESOURCE_EXHAUSTED calls: 2 are open/);
    const streams = await fill(bySocket, 50);
    assert.match(await lookAt(bySocket), /^RESOURCE_EXHAUSTED calls: 2 are open/);
    streams[0]!.stream.cancel();
    await until('a place for the socket', async () => (await lookAt(bySocket)) === 'OK');
    assert.match(await lookAt(byPort), /^RESOURCE_EXHAUSTED calls: 2 are open/);
  });

  it('has so many sessions, whatever its clients are called', async () => {
    const scene = await startGuarded({ maxSessionsPerPrincipal: 2 });
    const token = await scene.access.token();
    const clients = connect(scene, {}, token.text);
    const [worker] = [await openWorker(clients, { clientId: 'a' }), await openWorker(clients, { clientId: 'b' })];
    assert.match(
      await refusalOf(openWorker(clients, { clientId: 'c' })),
      /^RESOURCE_EXHAUSTED sessions: token:t1 has 2, and may have 2/,
    );
    await worker!.cancel();
    await until('a place', () =>
      openWorker(clients, { clientId: 'c' }).then(
        () => true,
        () => false,
      ),
    );
  });

  it('has so many sessions of both contracts together', async () => {
    const scene = await startGuarded({ maxSessionsPerPrincipal: 2 });
    const clients = connect(scene, {}, (await scene.access.token()).text);
    const client = (id: string) => ({ 'contact-client': id, 'contact-queue': 'q' });
    const first = openGetTask(clients, client('a'));
    await until(
      'it is there',
      async () => (await ask(clients, AdminService.method.listClients, {})).clients.length === 1,
    );
    await openWorker(clients, { clientId: 'b' });
    const { details } = await openGetTask(clients, client('c')).ended;
    assert.match(details, /^sessions: token:t1 has 2, and may have 2/);
    first.cancel();
    await until('a place', () =>
      openWorker(clients, { clientId: 'c' }).then(
        () => true,
        () => false,
      ),
    );
  });

  it('comes back to a session that was away, though another has taken its place, and so does one by its name', async () => {
    const scene = await startGuarded({ maxSessionsPerPrincipal: 2 });
    const token = await scene.access.token();
    const clients = connect(scene, {}, token.text);
    const [first, second] = [
      await openWorker(clients, { clientId: 'a' }),
      await openWorker(clients, { clientId: 'b', ephemeral: true }),
    ];
    await second.cancel();
    await until('a place', () =>
      openWorker(clients, { clientId: 'c' }).then(
        () => true,
        () => false,
      ),
    );
    const resume = { previousSession: second.sessionId, holding: [] };
    const back = await openWorker(clients, { clientId: 'b', ephemeral: true, resume });
    assert.equal(back.registered.resumed, true);
    assert.equal((await openWorker(clients, { clientId: 'a' })).registered.clientId, 'a');
    await first.ended;
    for (const previousSession of [second.sessionId, newSessionId()]) {
      const guessed = { clientId: 'd', ephemeral: true, resume: { previousSession, holding: [] } };
      assert.match(await refusalOf(openWorker(clients, guessed)), /^RESOURCE_EXHAUSTED/);
    }
  });

  it('has so many tasks that wait, of which the SDK stores more when some were taken', async () => {
    const scene = await startGuarded({ maxWaitingTasksPerPrincipal: 5 });
    const [web, other] = [await scene.access.token(), await scene.access.token()];
    const connection = { ...connectTo(scene.address), token: web.text };
    const producer = use(createProducer(connection));
    await Promise.all(Array.from({ length: 5 }, (_, n) => producer.enqueue('q', n)));
    const impatient = use(createProducer({ ...connection, patienceMs: 0 }));
    const full = { code: 'RESOURCE_EXHAUSTED', field: 'tasks', retryAfterMs: 1_000, advice: undefined };
    const problem = 'token:t1 has 5 that wait, and may have no more (maxWaitingTasksPerPrincipal)';
    await assert.rejects(impatient.enqueue('r', 1), { ...full, problem });
    await assert.rejects(impatient.call('r', 1, { deadlineMs: 3_000 }), { code: 'DEADLINE_EXCEEDED' });
    const clients = connect(scene, {}, web.text);
    assert.equal(await refusalOf(enqueueMany(clients, 1)), `RESOURCE_EXHAUSTED tasks: ${problem}`);
    const task = { queue: 'r', target: { case: 'broadcast', value: { known: true } } } as const;
    await openWorker(clients, { clientId: 'known', queues: ['r'] });
    assert.equal(await refusalOf(enqueue(clients, task)), `RESOURCE_EXHAUSTED tasks: ${problem}`);
    assert.equal((await enqueueMany(connect(scene, {}, other.text), 5)).length, 5);
    const { limitsReached } = await ask(connect(scene, {}, scene.operator), AdminService.method.getServerInfo, {});
    assert.ok(Number(limitsReached.waiting_per_principal) >= 3, JSON.stringify(limitsReached, String));
    let isStored = false;
    const waiting = producer.enqueue('q', 6).then(() => {
      isStored = true;
    });
    assert.equal(await refusalOf(enqueueMany(clients, 1)), `RESOURCE_EXHAUSTED tasks: ${problem}`);
    assert.equal(isStored, false);
    const worker = await openWorker(clients, { maxInFlight: 1 });
    await worker.receive(1);
    await waiting;
  });

  it('has so many queues of its making, be it by tasks or by settings, and gets room by deleting one', async () => {
    const scene = await startGuarded({ maxQueuesPerPrincipal: 2 });
    const roles = [Role.PRODUCER, Role.OPERATOR];
    const [web, other] = [await scene.access.token({ roles }), await scene.access.token({ roles })];
    const [clients, others] = [connect(scene, {}, web.text), connect(scene, {}, other.text)];
    const { pauseQueue, setQueueLimits, setQueueRetention, deleteQueue } = AdminService.method;
    const problem = '2 queues count for token:t1, with those that it has made, and no more are taken';
    await enqueue(clients, { queue: 'a' });
    await ask(clients, pauseQueue, { queue: 'b', create: true });
    const create = { queue: 'c', create: true };
    const limits = { maxRunning: 1 };
    for (const refusal of await Promise.all([
      refusalOf(enqueue(clients, { queue: 'c' })),
      refusalOf(ask(clients, pauseQueue, create)),
      refusalOf(ask(clients, setQueueLimits, { ...create, limits })),
      refusalOf(ask(clients, setQueueRetention, { ...create, retention: { max: 1 } })),
    ])) {
      assert.match(refusal, /^RESOURCE_EXHAUSTED (tasks\[0\]\.)?queue: /);
      assert.ok(refusal.includes(problem), refusal);
    }
    await ask(others, pauseQueue, create);
    await enqueue(clients, { queue: 'c' });
    await ask(clients, setQueueLimits, { queue: 'c', limits });
    await ask(clients, deleteQueue, { queue: 'a', withTasks: true });
    await enqueue(clients, { queue: 'd' });
    assert.ok((await refusalOf(enqueue(clients, { queue: 'a' }))).includes(problem));
  });

  it('is acknowledged late by a stream that enqueues too much, in order, and loses nothing', async () => {
    const scene = await startGuarded({ enqueueRatePerPrincipal: 500 });
    const clients = connect(scene, {}, (await scene.access.token()).text);
    const producing = openEnqueue(clients);
    const begun = performance.now();
    for (const count of [500, 500, 500, 1_000]) producing.send(count);
    producing.stream.end();
    await once(producing.stream, 'end');
    const ms = performance.now() - begun;
    assert.deepEqual([producing.stored(), producing.refused()], [4, 0]);
    // A burst lets the first in and its debt of nothing the second; each of the others waits until a second is paid for.
    assert.ok(ms >= 1_950, `${ms} ms`);
    // What it owes holds for its calls too, which are told so.
    assert.match(
      await refusalOf(enqueueMany(clients, 1)),
      /^RESOURCE_EXHAUSTED tasks: token:t1 enqueues more than 500/,
    );
    const other = connect(scene, {}, (await scene.access.token()).text);
    assert.equal((await enqueueMany(other, 10)).length, 10);
  });
});
