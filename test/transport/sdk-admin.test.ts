import assert from 'node:assert/strict';
import { createAdmin, createProducer } from '../../client/index.ts';
import { closeScene, use } from '../scene/end.ts';
import { connectTo, startDurable } from '../scene/server.ts';

const OUT_OF_REACH = { name: 'ContactError', code: 'UNAVAILABLE' };

describe('createAdmin()', () => {
  afterEach(closeScene);

  it('waits for a server that is away with what may be done twice, and with nothing else', async () => {
    const server = await startDurable();
    const producer = use(createProducer(connectTo(server.address)));
    const { id } = await producer.enqueue('q', 1);
    const admin = use(createAdmin({ ...connectTo(server.address), patienceMs: 60_000 }));
    assert.equal((await admin.describeTask(id)).queue, 'q');
    await server.stop();
    const asked = [admin.describeTask(id), admin.listQueues(), admin.listTasks(), admin.pauseQueue('q')];
    await assert.rejects(admin.purgeQueue('q'), OUT_OF_REACH);
    await assert.rejects(admin.cancelTasks({ ids: [id] }), OUT_OF_REACH);
    await server.start();
    await Promise.all(asked);
    for await (const queue of admin.listAllQueues()) assert.deepEqual([queue.name, queue.paused], ['q', true]);
  });

  it('waits no longer than it may', async () => {
    const server = await startDurable();
    await server.stop();
    const patient = use(createAdmin({ ...connectTo(server.address), patienceMs: 300 }));
    const since = performance.now();
    await assert.rejects(patient.listQueues(), OUT_OF_REACH);
    assert.ok(performance.now() - since >= 250);
    await assert.rejects(use(createAdmin(connectTo(server.address))).listQueues(), OUT_OF_REACH);
  });
});
