import assert from 'node:assert/strict';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { TaskService, TaskState } from '../../gen/index.ts';
import { ask, connect, describeTask, enqueue, refusalOf, type TaskInit } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { openObserver } from '../scene/observer.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

const toSelector = (value: string): TaskInit => ({ target: { case: 'selector', value } });
const toClient = (value: string): TaskInit => ({ target: { case: 'clientId', value } });
const toAll = (selector = '', known = false): TaskInit => ({
  target: { case: 'broadcast', value: { selector, known } },
});

describe('a task for one client', () => {
  afterEach(closeScene);

  it('waits for it and goes to nobody else', async () => {
    const clients = connect(await startScene());
    const other = await openWorker(clients, { clientId: 'paris' });
    const [id, open] = await enqueue(clients, toClient('berlin'), {});
    await other.receive(1);
    assert.match((await describeTask(clients, id!)).waitingFor, /^client berlin, which is not connected/);
    const meant = await openWorker(clients, { clientId: 'berlin' });
    const [task] = await meant.receive(1);
    assert.equal(task!.taskId, id);
    assert.deepEqual(
      other.tasks.map(({ taskId }) => taskId),
      [open],
    );
  });
});

describe('a task with a selector', () => {
  afterEach(closeScene);

  it('goes to a client that matches, whoever came first', async () => {
    const clients = connect(await startScene());
    const early = await openWorker(clients, { labels: { site: 'berlin' }, maxInFlight: 1 });
    await openWorker(clients, { labels: { site: 'paris' } });
    const ids = await enqueue(clients, toSelector('site in (berlin, rome)'), toSelector('site in (rome,berlin)'));
    await early.receive(1);
    assert.match((await describeTask(clients, ids[1]!)).waitingFor, /^credit/);
    const late = await openWorker(clients, { labels: { site: 'rome' } });
    await late.receive(1);
    assert.deepEqual([early.tasks[0]!.taskId, late.tasks[0]!.taskId].sort(), [...ids].sort());
  });

  it('keeps its order among the tasks of anyone', async () => {
    const clients = connect(await startScene());
    const ids = await enqueue(clients, {}, toSelector('gpu'), {}, { ...toSelector('gpu'), priority: 1 });
    const worker = await openWorker(clients, { labels: { gpu: 'a' } });
    const tasks = await worker.receive(4);
    assert.deepEqual(
      tasks.map(({ taskId }) => taskId),
      [ids[3], ids[0], ids[1], ids[2]],
    );
  });

  it('says that nobody matches, and is served after a restart of the server', async () => {
    const scene = await startScene({ isDurable: true });
    const clients = connect(scene);
    const [id] = await enqueue(clients, toSelector('site=oslo'));
    assert.match((await describeTask(clients, id!)).waitingFor, /^a client that matches site=oslo/);
    await scene.restart();
    const worker = await openWorker(connect(scene), { labels: { site: 'oslo' } });
    assert.equal((await worker.receive(1))[0]!.taskId, id);
  });

  it('is refused when it is none', async () => {
    const clients = connect(await startScene());
    assert.match(await refusalOf(enqueue(clients, {}, toSelector('a in'))), /^INVALID_ARGUMENT tasks\[1\]\.selector: /);
  });

  it('is refused beyond 1,000 different ones of a queue, and taken when others are gone', async () => {
    const clients = connect(await startScene());
    const many = Array.from({ length: 1_000 }, (_, n) => toSelector(`n=${n}`));
    await enqueue(clients, ...many);
    assert.match(
      await refusalOf(enqueue(clients, toSelector('n=more'))),
      /^RESOURCE_EXHAUSTED tasks\[0\]\.selector: 1000 /,
    );
    // Whoever uses them up is alone with that.
    await enqueue(clients, { ...toSelector('n=more'), queue: 'other' });
    const worker = await openWorker(clients, { labels: { n: '7' } });
    const [task] = await worker.receive(1);
    await worker.succeed(task!);
    await enqueue(clients, toSelector('n=more'));
  });
});

describe('a broadcast', () => {
  afterEach(closeScene);

  it('has children that expire an hour after they are due, unless it says otherwise', async () => {
    const clients = connect(await startScene());
    await openWorker(clients, { clientId: 'a' });
    const given = [
      [{ start: { case: 'delayMs', value: 5_000 } }, 3_605_000],
      [{ expiry: { case: 'expiresAfterMs', value: 70_000 } }, 70_000],
    ] as const;
    for (const [terms, afterMs] of given) {
      const [parentId] = await enqueue(clients, { ...toAll(), ...terms });
      const { tasks } = await ask(clients, TaskService.method.listTasks, { filter: { parentId: parentId! } });
      const { createdAt, expiresAt } = tasks[0]!;
      // It is stored a little after it came.
      const earlierMs = afterMs - (timestampMs(expiresAt!) - timestampMs(createdAt!));
      assert.ok(earlierMs >= 0 && earlierMs < 5_000, `${earlierMs} ms`);
      assert.equal((await describeTask(clients, parentId!)).expiresAt, undefined);
    }
  });

  it('has one child for each client that matches, and ends with the last of them', async () => {
    const clients = connect(await startScene());
    const workers = await Promise.all(
      ['a', 'b', 'c'].map((clientId) =>
        openWorker(clients, { clientId, labels: { site: clientId === 'c' ? 'paris' : 'berlin' } }),
      ),
    );
    const [parentId] = await enqueue(clients, { ...toAll('site=berlin'), payload: Buffer.from('ping') });
    const children = openObserver(clients, { parentId: parentId!, follow: true });
    await until('the observer', () => children.cursors.length > 0);
    const waiting = await describeTask(clients, parentId!);
    assert.equal(waiting.waitingFor, 'its children');
    assert.equal(waiting.children?.total, 2);
    for (const worker of workers.slice(0, 2)) {
      const [task] = await worker.receive(1);
      assert.equal(Buffer.from(task!.payload).toString(), 'ping');
      await worker.succeed(task!);
    }
    const told = [...(await children.receive(3))];
    assert.equal(told.pop()?.taskId, parentId, 'the broadcast itself comes after its children');
    assert.deepEqual(told.map(({ clientId }) => clientId).sort(), ['a', 'b']);
    const parent = await describeTask(clients, parentId!);
    assert.equal(parent.state, TaskState.SUCCEEDED);
    assert.equal(parent.children?.succeeded, 2);
    const counts = { children: 2, succeeded: 2, failed: 0, cancelled: 0, expired: 0 };
    assert.deepEqual(JSON.parse(Buffer.from(parent.result).toString()), counts);
    assert.equal(workers[2]!.tasks.length, 0);
    const { tasks } = await ask(clients, TaskService.method.listTasks, { filter: { parentId: parentId! } });
    assert.equal(tasks.length, 2);
  });

  it('reaches named clients that are away with `known`, and late comers never', async () => {
    const clients = connect(await startScene());
    await (await openWorker(clients, { clientId: 'away' })).cancel();
    await openWorker(clients, { clientId: 'here' });
    const [parentId] = await enqueue(clients, toAll('', true));
    const late = await openWorker(clients, { clientId: 'late' });
    const back = await openWorker(clients, { clientId: 'away' });
    await back.receive(1);
    const { tasks } = await ask(clients, TaskService.method.listTasks, { filter: { parentId: parentId! } });
    assert.deepEqual(tasks.map(({ targetClientId }) => targetClientId).sort(), ['away', 'here']);
    assert.ok(tasks.every(({ expiresAt }) => expiresAt));
    assert.equal(late.tasks.length, 0);
  });

  it('is the same one only for the same clients, however they are spelled', async () => {
    const clients = connect(await startScene());
    const berlin = await openWorker(clients, { clientId: 'a', labels: { site: 'berlin', gpu: '' } });
    const rome = await openWorker(clients, { clientId: 'b', labels: { site: 'rome' } });
    const idempotencyKey = 'k';
    const first = { ...toAll('site=berlin,gpu'), idempotencyKey };
    const [id] = (await enqueue(clients, first)) as [string];
    for (const same of [first, { ...first, id }, { ...toAll('gpu, site == berlin'), idempotencyKey }]) {
      assert.deepEqual(await enqueue(clients, same), [id]);
    }
    const refusal = (field: string) => `ALREADY_EXISTS tasks[0].${field}: task ${id} has it, with another target`;
    for (const other of [toAll('site=rome'), toAll(), toAll('site=berlin,gpu', true), toAll('site=nowhere')]) {
      const again = { ...other, idempotencyKey };
      assert.equal(await refusalOf(enqueue(clients, again)), refusal('idempotency_key'));
      assert.equal(await refusalOf(enqueue(clients, { ...again, id })), refusal('id'));
    }
    await berlin.receive(1);
    assert.deepEqual(rome.tasks, []);
  });

  it('reaches everybody once when it is stored in parts', async () => {
    const broadcastParts = { wholeCount: 2, partCount: 2, partBytes: 1 << 20 };
    const clients = connect(await startScene({}, { broadcastParts }));
    const workers = await Promise.all(Array.from({ length: 5 }, () => openWorker(clients)));
    const [parentId] = await enqueue(clients, { ...toAll(), payload: Buffer.from('ping') });
    for (const worker of workers) {
      const [task] = await worker.receive(1);
      await worker.succeed(task!);
      assert.equal(worker.tasks.length, 1);
    }
    const parent = await describeTask(clients, parentId!);
    assert.deepEqual([parent.state, parent.children?.succeeded], [TaskState.SUCCEEDED, 5]);
  });

  it('is refused when nobody matches, or when it is not alone in its batch', async () => {
    const clients = connect(await startScene());
    assert.match(
      await refusalOf(enqueue(clients, toAll())),
      /^FAILED_PRECONDITION broadcast: no client of the queue q/,
    );
    assert.match(
      await refusalOf(enqueue(clients, {}, toAll())),
      /^INVALID_ARGUMENT tasks\[1\]\.broadcast: must be alone/,
    );
    assert.match(await refusalOf(enqueue(clients, toAll('='))), /^INVALID_ARGUMENT tasks\[0\]\.broadcast\.selector: /);
  });

  it('is cancelled at once when its children wait, and the answer says so', async () => {
    const clients = connect(await startScene());
    for (const clientId of ['a', 'b']) await openWorker(clients, { clientId });
    const ids = await Promise.all(
      [1, 2].map(async () => (await enqueue(clients, { ...toAll(), start: { case: 'delayMs', value: 60_000 } }))[0]!),
    );
    const { tasks } = await ask(clients, TaskService.method.cancelTasks, { ids });
    assert.deepEqual(
      tasks.map(({ id, state, refused }) => [id, state, refused]),
      ids.map((id) => [id, TaskState.CANCELLED, '']),
    );
    for (const id of ids) assert.equal((await describeTask(clients, id)).state, TaskState.CANCELLED);
  });

  it('is cancelled with its children', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { clientId: 'a' });
    await openWorker(clients, { clientId: 'b', maxInFlight: 1 });
    const [parentId] = await enqueue(clients, toAll());
    const [task] = await worker.receive(1);
    const cancelled = await ask(clients, TaskService.method.cancelTasks, { ids: [parentId!], reason: 'enough' });
    assert.deepEqual(
      cancelled.tasks.map(({ state }) => state),
      [TaskState.RUNNING],
    );
    await until('the cancel', () => worker.cancels.length === 1);
    await worker.report({ stopped: [{ taskId: task!.taskId, delivery: task!.delivery }] });
    await ask(clients, TaskService.method.cancelTasks, { ids: [parentId!] });
    const filter = { parentId: parentId!, states: [TaskState.RUNNING] };
    const { tasks } = await ask(clients, TaskService.method.listTasks, { filter });
    assert.equal(tasks.length, 1, 'the other child runs, its cancel asked for');
    assert.ok(tasks[0]!.cancelRequested);
  });
});
