import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createAdmin, createProducer } from '../../client/index.ts';
import { ContactError } from '../../shared/errors.ts';
import { createFakeClock } from '../scene/clock.ts';
import { atEnd, closeScene, use } from '../scene/end.ts';
import { connectTo, startDurable } from '../scene/server.ts';
import { startStub } from './sdk-stub.ts';

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
    await assert.rejects(admin.deleteQueue('q', { withTasks: true }), OUT_OF_REACH);
    await assert.rejects(admin.cancelTasks({ ids: [id] }), OUT_OF_REACH);
    await server.start();
    await Promise.all(asked);
    for await (const queue of admin.listAllQueues()) assert.deepEqual([queue.name, queue.paused], ['q', true]);
  });

  it('acts by a condition on no server that would pass over it', async () => {
    // It takes everything else, and has no CountTasks, as servers of before.
    const stub = await startStub({});
    const admin = use(createAdmin(connectTo(stub.address)));
    const refused = { code: 'FAILED_PRECONDITION', message: /older than this condition/ };
    for (const filter of [{ metadata: { order: '7' } }, { settledAfter: new Date(0) }, { errorCodes: ['X'] }]) {
      await assert.rejects(admin.listTasks(filter), refused);
      await assert.rejects(admin.cancelTasks({ filter }), refused);
      await assert.rejects(admin.retryTasks({ filter }), refused);
      await assert.rejects(admin.deleteTasks({ filter }), refused);
    }
    // The stub has no such method either: what it answers shows that it was asked.
    await assert.rejects(admin.cancelTasks({ filter: { queues: ['q'] } }), { code: 'UNIMPLEMENTED' });
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

  it('goes on after a server that was away when its connection would have timed out', async () => {
    const server = await startDurable();
    const clock = createFakeClock(Date.now());
    const admin = use(createAdmin({ ...connectTo(server.address), clock, connectTimeoutMs: 1_000 }));
    await admin.listQueues();
    await server.stop();
    clock.advance(2_000);
    await server.start();
    await untilOk(() => admin.listQueues());
  });

  it('makes no call on the channel of one that gave up before the connection timed out', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    atEnd(() => silent.close());
    const sockets: Socket[] = [];
    silent.on('connection', (socket) => sockets.push(socket));
    atEnd(() => {
      for (const socket of sockets) socket.destroy();
    });
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const clock = createFakeClock(Date.now());
    const server = `127.0.0.1:${port}`;
    const admin = use(createAdmin({ server, clock, connectTimeoutMs: 1_000, deadlineMs: 50 }));
    const late = { name: 'ContactError', code: 'DEADLINE_EXCEEDED' };
    await assert.rejects(admin.listQueues(), late);
    clock.advance(2_000);
    await assert.rejects(admin.listQueues(), late);
  });
});

/** A channel may need one failed call to see that its server is another one. */
async function untilOk(act: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await act();
      return;
    } catch (error) {
      if (tries > 20 || !(error instanceof ContactError) || error.code !== 'UNAVAILABLE') throw error;
    }
  }
}
