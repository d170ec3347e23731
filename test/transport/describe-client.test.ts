import assert from 'node:assert/strict';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { AdminService, TaskService } from '../../gen/index.ts';
import { createCaller, startCallee } from '../scene/callers.ts';
import { ask, connect, enqueue, refusalOf } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { openServe } from '../scene/rawcallee.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

const { describeClient, listClients } = AdminService.method;

describe('describeClient()', () => {
  afterEach(closeScene);

  it('tells what a connected client holds: what it began, what is to be cancelled', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { clientId: 'a', maxInFlight: 2, labels: { site: 'x' }, agent: 'test 1' });
    const ids = [...(await enqueue(clients, {})), ...(await enqueue(clients, {})), ...(await enqueue(clients, {}))];
    const [first] = await worker.receive(2);
    worker.send({ started: [{ taskId: first!.taskId, delivery: first!.delivery }] });
    const look = async () => (await ask(clients, describeClient, { clientId: 'a' })).sessions[0]!;
    await until('it is known to have begun', async () => (await look()).tasks.some(({ started }) => started));
    const { client, sessions, methods } = await ask(clients, describeClient, { clientId: 'a' });
    assert.deepEqual([client?.id, client?.connected, client?.labels], ['a', true, { site: 'x' }]);
    assert.equal(sessions.length, 1);
    const [session] = sessions;
    assert.deepEqual([session!.maxInFlight, session!.running, session!.plain, session!.agent], [2, 2, false, 'test 1']);
    assert.deepEqual(new Set(session!.tasks.map(({ taskId }) => taskId)), new Set(ids.slice(0, 2)));
    const begun = session!.tasks.filter(({ started }) => started);
    assert.deepEqual([begun.length, begun[0]!.taskId, begun[0]!.delivery], [1, first!.taskId, 1]);
    assert.deepEqual(methods, []);
    await ask(clients, TaskService.method.cancelTasks, { ids: [first!.taskId] });
    await until('it is to be cancelled', async () =>
      (await look()).tasks.some(({ taskId, cancelRequested }) => taskId === first!.taskId && cancelRequested),
    );
  });

  it('tells of a named client that is away, and of none that is not known', async () => {
    const clients = connect(await startScene());
    await (await openWorker(clients, { clientId: 'away', labels: { site: 'x' } })).cancel();
    await until(
      'it is away',
      async () => !(await ask(clients, describeClient, { clientId: 'away' })).client!.connected,
    );
    const { client, sessions } = await ask(clients, describeClient, { clientId: 'away' });
    assert.deepEqual([client!.labels, sessions], [{ site: 'x' }, []]);
    assert.match(await refusalOf(ask(clients, describeClient, { clientId: 'nobody' })), /^NOT_FOUND client_id: /);
    assert.match(await refusalOf(ask(clients, describeClient, { clientId: '' })), /^INVALID_ARGUMENT client_id: /);
  });

  it('tells where a client that serves alone comes from, since when, and the labels that calls are selected by', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const look = async () => (await ask(clients, describeClient, { clientId: 'a' })).client!;
    const worker = await openWorker(clients, { clientId: 'a', labels: { site: 'tasks' } });
    const beganAt = Date.now();
    const serve = { methods: ['echo.Echo/Unary'], labels: { site: 'calls' } };
    await openServe(scene.address, 'a', serve, worker.sessionId);
    assert.deepEqual((await look()).labels, { site: 'tasks' });
    const { peer } = await look();
    await worker.cancel();
    await until('its session has gone', async () => (await look()).maxInFlight === 0);
    const client = await look();
    assert.deepEqual([client.connected, client.labels, client.lastSeenAt], [true, { site: 'calls' }, undefined]);
    assert.match(client.peer, /^127\.0\.0\.1:\d+$/);
    assert.notEqual(client.peer, peer);
    const sinceMs = timestampMs(client.connectedAt!);
    assert.ok(sinceMs >= beganAt && sinceMs <= Date.now(), String(sinceMs));
    assert.deepEqual((await ask(clients, listClients, {})).clients, [client]);
  });

  it('counts live calls by method and by service, also of a client that takes no tasks', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const worker = await startCallee(scene.address);
    const caller = createCaller(scene.address);
    const sleeping = ['!sleep', '!sleep'].map((body) => caller.unary(body, { deadlineMs: 60_000 }));
    const look = () => ask(clients, describeClient, { clientId: worker.clientId });
    const busy = { method: 'echo.Echo/Unary', calls: 2 };
    await until('both run', async () => (await look()).methods.some(({ calls }) => calls === busy.calls));
    const { client, methods } = await look();
    assert.deepEqual(
      methods.map(({ method, calls }) => ({ method, calls })),
      [
        ...['Chat', 'Down'].map((name) => ({ method: `echo.Echo/${name}`, calls: 0 })),
        busy,
        { method: 'echo.Echo/Up', calls: 0 },
      ],
    );
    assert.deepEqual([client!.calls, client!.callsByService], [2, { 'echo.Echo': 2 }]);
    const [listed] = (await ask(clients, listClients, {})).clients;
    assert.deepEqual(listed!.callsByService, { 'echo.Echo': 2 });
    await worker.stop({ deadlineMs: 0 });
    await Promise.all(sleeping);
  });
});
