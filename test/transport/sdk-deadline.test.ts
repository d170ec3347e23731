import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createProducer, newTaskId } from '../../client/index.ts';
import { createFakeClock } from '../scene/clock.ts';
import { atEnd, closeScene, use } from '../scene/end.ts';
import { startProxy } from '../scene/proxy.ts';
import { connectTo, startScene } from '../scene/server.ts';

/** What accepts connections and never says a word. */
async function startSilent(): Promise<string> {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  atEnd(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  return `127.0.0.1:${(silent.address() as AddressInfo).port}`;
}

/** The state of a promise in the next turn. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  const turn = new Promise((resolve) => setImmediate(resolve, pending));
  return (await Promise.race([promise.catch(() => null), turn])) === pending;
}

describe('deadline of enqueue()', () => {
  afterEach(closeScene);

  it('ends a wait after a minute, on a clock of its own', async () => {
    const server = await startSilent();
    const clock = createFakeClock();
    const producer = use(createProducer({ ...connectTo(server), clock, connectTimeoutMs: 1e9 }));
    const id = newTaskId();
    const first = producer.enqueue('q', 1, { id });
    const short = producer.enqueue('q', 2, { key: 'k', deadlineMs: 59_000 });
    const endless = [
      producer.enqueue('q', 3, { deadlineMs: 0 }),
      producer.enqueue('q', 4, { deadlineMs: Number.POSITIVE_INFINITY }),
    ];
    for (const one of endless) one.catch(() => {});
    clock.advance(58_999);
    assert.equal(await isPending(short), true);
    const late = producer.enqueue('q', 5);
    clock.advance(1);
    await assert.rejects(short, { code: 'DEADLINE_EXCEEDED', message: /\(key "k"\) was not acknowledged in 59000 ms/ });
    assert.equal(await isPending(first), true);
    clock.advance(1_000);
    await assert.rejects(first, ({ code, message }) => {
      assert.equal(code, 'DEADLINE_EXCEEDED');
      assert.match(message, new RegExp(`^task ${id} was not acknowledged in 60000 ms: .*${server}`));
      assert.match(
        message,
        /may have been stored all the same; enqueued again with the same id, it will be there once/,
      );
      return true;
    });
    assert.equal(await isPending(late), true);
    clock.advance(58_999);
    await assert.rejects(late, { code: 'DEADLINE_EXCEEDED' });
    clock.advance(1e9);
    for (const one of endless) assert.equal(await isPending(one), true);
    const closing = producer.close({ deadlineMs: 1 });
    await isPending(closing);
    clock.advance(1_000_000);
    await closing;
  });

  it('is that of the producer unless a call says otherwise, and names a batch by its first', async () => {
    const server = await startSilent();
    const clock = createFakeClock();
    const options = { ...connectTo(server), clock, connectTimeoutMs: 1e9, enqueueDeadlineMs: 5_000, maxOutstanding: 2 };
    const producer = createProducer(options);
    const id = newTaskId();
    const tasks = [
      { queue: 'q', payload: 1, id },
      { queue: 'q', payload: 2 },
    ];
    const batch = assert.rejects(producer.enqueueBatch(tasks), {
      code: 'DEADLINE_EXCEEDED',
      message: new RegExp(`^2 tasks, the first ${id}, were not acknowledged in 5000 ms`),
    });
    const waits = assert.rejects(producer.enqueue('q', 3), {
      code: 'DEADLINE_EXCEEDED',
      message: /it was not sent, since too much is outstanding/,
    });
    clock.advance(5_000);
    await Promise.all([batch, waits]);
    const closing = producer.close({ deadlineMs: 1 });
    await isPending(closing);
    clock.advance(1_000_000);
    await closing;
  });

  it('refuses what is no deadline, by its name', async () => {
    assert.throws(() => createProducer({ server: '127.0.0.1:1', enqueueDeadlineMs: -1 }), {
      field: 'enqueueDeadlineMs',
    });
    const producer = use(createProducer({ server: '127.0.0.1:1' }));
    await assert.rejects(producer.enqueue('q', 1, { deadlineMs: Number.NaN }), { field: 'deadlineMs' });
    await assert.rejects(producer.broadcast('q', 1, { deadlineMs: -1 }), { field: 'deadlineMs' });
    await assert.rejects(producer.enqueueBatch([], { deadlineMs: -1 }), { field: 'deadlineMs' });
  });

  it('says over a line that is half open that the task may have been stored, which it was', async () => {
    const { address } = await startScene();
    const proxy = await startProxy({ address });
    const producer = createProducer(connectTo(proxy.address));
    await producer.connected();
    proxy.swallow('toClient');
    const id = newTaskId();
    await assert.rejects(producer.enqueue('q', 1, { id, deadlineMs: 500 }), {
      code: 'DEADLINE_EXCEEDED',
      message: /has answered before, and does not now; it may have been stored/,
    });
    const other = use(createProducer(connectTo(address)));
    assert.deepEqual(await other.enqueue('q', 1, { id }), { id, deduplicated: true });
    proxy.cut();
    await producer.close({ deadlineMs: 0 });
  });

  it('does not send what nobody waits for any more', async () => {
    const scene = await startScene();
    const producer = use(createProducer(connectTo(scene.address)));
    await scene.stop({ deadlineMs: 0 });
    const id = newTaskId();
    const code = 'DEADLINE_EXCEEDED';
    await assert.rejects(producer.enqueue('q', 1, { id, deadlineMs: 200 }), {
      code,
      message: /ECONNREFUSED|no answer/,
    });
    await scene.start();
    await producer.enqueue('q', 2);
    assert.deepEqual(await producer.enqueue('q', 1, { id }), { id, deduplicated: false });
  });
});
