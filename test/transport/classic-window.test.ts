import assert from 'node:assert/strict';
import { promisify } from 'node:util';
import { status } from '@grpc/grpc-js';
import { type ListClientsResponse, TaskState } from '../../gen/index.ts';
import { openGetTask, openTellResult, resultOf, text } from '../scene/classic.ts';
import { connect, describeTask, enqueue } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startProxy } from '../scene/proxy.ts';
import { startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

describe('a classic task whose streams have ended', () => {
  afterEach(closeScene);

  it('holds a task for the window after the last stream of the client has ended, then it is ready for others', async () => {
    const scene = await startScene({ resumeWindowMs: 400 });
    const operator = connect(scene);
    const [id, once] = await enqueue(operator, text('a'), { ...text('b'), maxAttempts: 1 });
    for (const value of ['a', 'b']) {
      const clients = connect(scene);
      const worker = openGetTask(clients);
      const results = openTellResult(clients);
      assert.deepEqual(await worker.receive(1), [value]);
      worker.cancel();
      results.cancel();
      await Promise.all([worker.ended, results.ended]);
    }
    const since = performance.now();
    const other = await openWorker(operator, { queues: ['default'] });
    const [task] = await other.receive(1);
    assert.deepEqual([task!.taskId, task!.delivery], [id, 2]);
    assert.ok(performance.now() - since > 200);
    await until('the other is lost', async () => (await describeTask(operator, once!)).state === TaskState.FAILED);
    assert.equal((await describeTask(operator, once!)).error?.code, 'LOST');
  });

  it('takes a result within the window although all streams of the client had ended, over another connection too', async () => {
    const scene = await startScene({ resumeWindowMs: 60_000 });
    const operator = connect(scene);
    const me = { 'contact-client': 'mine' };
    const ids = await enqueue(operator, { ...text('a'), maxAttempts: 1 }, text('b'));
    const proxy = await startProxy(scene);
    const clients = connect(proxy);
    const worker = openGetTask(clients, me);
    const results = openTellResult(clients, me);
    await worker.receive(1);
    proxy.cut();
    await Promise.all([worker.ended, results.ended]);
    const next = openGetTask(operator, me);
    await never('a task before the result', () => next.texts.length > 0, 30);
    openTellResult(operator, me).tell('A');
    assert.equal(await resultOf(operator, ids[0]!), 'A');
    assert.deepEqual(await next.receive(1), ['b']);
  });

  it('takes the result of a task that it had when the server was started anew', async () => {
    const scene = await startScene({ isDurable: true, resumeWindowMs: 60_000 });
    const me = { 'contact-client': 'mine' };
    const before = connect(scene);
    const ids = await enqueue(before, { ...text('a'), maxAttempts: 1 }, text('b'), text('c'));
    await openGetTask(before, me).receive(1);
    await scene.restart();
    const clients = connect(scene);
    const next = openGetTask(clients, me);
    await never('a task before the result', () => next.texts.length > 0, 30);
    const results = openTellResult(clients, me);
    results.tell('A');
    assert.equal(await resultOf(clients, ids[0]!), 'A');
    assert.deepEqual(await next.receive(1), ['b']);
    results.tell('B');
    await next.receive(2);
    results.tell('C');
    for (const [at, value] of ['B', 'C'].entries()) assert.equal(await resultOf(clients, ids[at + 1]!), value);
    next.cancel();
    assert.equal((await results.end()).code, status.OK);
    await next.ended;
    // What was told is not waited for again.
    await enqueue(clients, text('d'));
    assert.deepEqual(await openGetTask(clients, me).receive(1), ['d']);
  });

  it('leaves no session behind when its getTask is cancelled while it registers', async () => {
    const scene = await startScene({ isDurable: true });
    const clients = connect(scene);
    await openTellResult(clients).end();
    for (let n = 0; n < 60; n++) {
      const stream = openGetTask(clients, { 'contact-client': `c-${n}` });
      await new Promise((resolve) => setTimeout(resolve, n / 12));
      stream.cancel();
      await stream.ended;
    }
    const list = promisify(clients.admin.listClients.bind(clients.admin)) as unknown as (
      request: object,
    ) => Promise<ListClientsResponse>;
    await until('nobody is connected', async () => (await list({ connectedOnly: true })).clients.length === 0, 3_000);
  });

  it('releases a task after the window when its getTask has ended and others live under the same key', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 100 }));
    const [id] = await enqueue(clients, text('a'));
    const dead = openGetTask(clients);
    await dead.receive(1);
    const results = openTellResult(clients);
    const waiting = openGetTask(clients);
    dead.cancel();
    assert.deepEqual(await waiting.receive(1), ['a']);
    results.tell('at last');
    assert.equal(await resultOf(clients, id!), 'at last');
    assert.equal((await describeTask(clients, id!)).delivery, 2);
  });
});
