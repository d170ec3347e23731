import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { ResultStart, TaskState } from '../../gen/index.ts';
import { openGetTask } from '../scene/classic.ts';
import { connect, describeTask, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { openObserver } from '../scene/observer.ts';
import { startProxy } from '../scene/proxy.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { closeOf, openWorker, statusOf } from '../scene/worker.ts';

describe('a server that goes', () => {
  afterEach(closeScene);

  it('tells its workers, claims nothing more, and takes results until nobody holds a task', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    await enqueueMany(clients, 3);
    const worker = await openWorker(clients, { maxInFlight: 2 });
    await worker.receive(2);
    const since = performance.now();
    const closing = scene.server.close({ deadlineMs: 5_000 });
    await until('moving', () => worker.messages.at(-1)!.event.case === 'moving');
    const { event } = worker.messages.at(-1)!;
    assert.ok(event.case === 'moving' && event.value.afterMs === 5_000);
    assert.deepEqual(await worker.succeed(...worker.tasks), ['STORED', 'STORED']);
    await closing;
    assert.ok(performance.now() - since < 2_000, 'not the whole deadline');
    assert.equal(worker.tasks.length, 2);
    assert.equal(closeOf(await worker.ended), 'SERVER_SHUTDOWN now');
    assert.equal(closeOf(await worker.statusEnded), 'SERVER_SHUTDOWN now');
  });

  it('ends every stream with a word, and releases nothing', async () => {
    const scene = await startScene({ isDurable: true, resumeWindowMs: 5_000 });
    const clients = connect(scene);
    const [id] = await enqueueMany(clients, 1);
    const worker = await openWorker(clients);
    await worker.receive(1);
    const enqueueing = clients.tasks.streamEnqueue();
    const streams = [
      openObserver(clients, { start: ResultStart.NOW, follow: true }).ended,
      statusOf(enqueueing.on('data', () => undefined)),
      statusOf(clients.tasks.watchTask({ id: id! }).on('data', () => undefined)),
      openGetTask(clients).ended,
    ];
    await new Promise((resolve) => enqueueing.once('data', resolve));
    await scene.restart();
    for (const end of await Promise.all(streams)) {
      assert.equal(end.code, status.UNAVAILABLE);
      assert.equal(closeOf(end), 'SERVER_SHUTDOWN now');
    }
    const { state, delivery } = await describeTask(connect(scene), id!);
    assert.deepEqual([state, delivery], [TaskState.RUNNING, 1]);
  });

  it('is not held up by a reader that is stuck', async () => {
    const scene = await startScene({ stuckSocketMs: 200, pingIntervalMs: 2_000 });
    const clients = connect(scene);
    for (let n = 0; n < 30; n++) await enqueueMany(clients, 1, { payload: Buffer.alloc(1 << 20) });
    const proxy = await startProxy(scene);
    await openWorker(connect(proxy, { 'grpc-node.flow_control_window': 64 << 20 }), { isFull: false });
    proxy.stall('toClient');
    const since = performance.now();
    await scene.server.close({ deadlineMs: 100 });
    const passedMs = performance.now() - since;
    assert.ok(passedMs < 1_500, `${passedMs} ms`);
    await until('all connections are closed', () => scene.connectionCount === 0);
  });

  it('is over sooner when it is asked again with a shorter deadline', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    await enqueueMany(clients, 1);
    const worker = await openWorker(clients);
    await worker.receive(1);
    const first = scene.server.close({ deadlineMs: 60_000 });
    await until('moving', () => worker.messages.at(-1)!.event.case === 'moving');
    const since = performance.now();
    await Promise.all([first, scene.server.close({ deadlineMs: 100 }), scene.server.close({ deadlineMs: 50_000 })]);
    assert.ok(performance.now() - since < 20_000, 'not the first deadline');
    assert.equal(closeOf(await worker.ended), 'SERVER_SHUTDOWN now');
  });

  it('answers no more', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    await enqueueMany(clients, 1);
    await scene.server.close({ deadlineMs: 0 });
    await assert.rejects(enqueueMany(clients, 1), { code: status.UNAVAILABLE });
  });
});
