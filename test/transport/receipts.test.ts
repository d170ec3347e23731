import assert from 'node:assert/strict';
import type { Assignment } from '../../gen/index.ts';
import { connect, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';
import { openWorker, type RawWorker } from '../scene/worker.ts';

const bytesOf = (tasks: readonly Assignment[]): number => tasks.reduce((sum, task) => sum + task.payload.length, 0);

describe('receipts', () => {
  afterEach(closeScene);

  it('hold back what would exceed the bytes in flight of a session', async () => {
    const scene = await startScene({ maxUnreceiptedBytes: 20_000, pingIntervalMs: 2_000 });
    const clients = connect(scene);
    await enqueueMany(clients, 100, { payload: Buffer.alloc(1_000) });
    const worker = await openWorker(clients, { maxInFlight: 1_000, givesReceipts: false });
    await until('most of it', () => bytesOf(worker.tasks) > 15_000);
    await never('more than the limit', () => bytesOf(worker.tasks) > 20_000, 40);
    const seen = worker.tasks.length;
    worker.send({ receipt: worker.messages.at(-1)!.seq });
    await worker.receive(seen + 10);
    await never('more than the limit', () => bytesOf(worker.tasks.slice(seen)) > 20_000, 40);
  });

  it('are counted by seq: an old one frees nothing more', async () => {
    const scene = await startScene({ maxUnreceiptedBytes: 5_000, pingIntervalMs: 2_000 });
    const clients = connect(scene);
    await enqueueMany(clients, 20, { payload: Buffer.alloc(1_000) });
    const worker = await openWorker(clients, { maxInFlight: 1_000, givesReceipts: false });
    await until('the first tasks', () => worker.tasks.length >= 4);
    worker.send({ receipt: 1 });
    await never('more tasks', () => bytesOf(worker.tasks) > 5_000, 40);
    // Beyond what was sent: as good as all of it, and nothing for later.
    worker.send({ receipt: 4_000_000_000 });
    await until('more tasks', () => worker.tasks.length >= 8);
    await never('more tasks than one receipt freed', () => bytesOf(worker.tasks) > 10_000, 40);
  });

  it('let one larger task go alone', async () => {
    const scene = await startScene({ maxUnreceiptedBytes: 2_000, pingIntervalMs: 2_000 });
    const clients = connect(scene);
    await enqueueMany(clients, 3, { payload: Buffer.alloc(50_000) });
    const worker = await openWorker(clients, { maxInFlight: 10, givesReceipts: false });
    for (const count of [1, 2, 3]) {
      await worker.receive(count);
      await never('a second one', () => worker.tasks.length > count, 20);
      worker.send({ receipt: worker.messages.at(-1)!.seq });
    }
  });

  it('are not needed for a result to free its credit, but for the bytes', async () => {
    const scene = await startScene({ maxUnreceiptedBytes: 5_000, pingIntervalMs: 2_000 });
    const clients = connect(scene);
    await enqueueMany(clients, 20, { payload: Buffer.alloc(1_000) });
    const worker = await openWorker(clients, { maxInFlight: 1_000, givesReceipts: false });
    await until('the first tasks', () => worker.tasks.length >= 4);
    const count = worker.tasks.length;
    await worker.succeed(...worker.tasks);
    await never('more tasks', () => worker.tasks.length > count, 40);
  });

  it('share a budget over all sessions', async () => {
    const options = { maxUnreceiptedBytes: 50_000, unreceiptedBudgetBytes: 10_000, pingIntervalMs: 2_000 };
    const clients = connect(await startScene(options));
    await enqueueMany(clients, 100, { payload: Buffer.alloc(1_000), queue: 'a' });
    const first = await openWorker(clients, { queues: ['a'], maxInFlight: 1_000, givesReceipts: false });
    await until('the budget is spent', () => bytesOf(first.tasks) >= 9_000);
    const before = first.tasks.length;
    await enqueueMany(clients, 10, { payload: Buffer.alloc(1_000), queue: 'b' });
    const second = await openWorker(clients, { queues: ['b'], maxInFlight: 5, givesReceipts: false });
    await never('a claim for anybody', () => second.tasks.length + first.tasks.length > before, 40);
    first.send({ receipt: first.messages.at(-1)!.seq, credit: 0 });
    await second.receive(5);
  });

  it('are given by those who are served beyond half of the common budget, and who gives none is ended', async () => {
    const limit = 200_000;
    const scene = await startScene({ unreceiptedBudgetBytes: limit, maxUnreceiptedBytes: 50_000, pingIntervalMs: 100 });
    const clients = connect(scene);
    await enqueueMany(clients, 200, { queue: 'mute', payload: Buffer.alloc(10_000) });
    const mute: RawWorker[] = [];
    const talk = setInterval(() => {
      for (const worker of mute) worker.send({ status: 'alive' });
    }, 30);
    const sum = (): number => mute.reduce((all, { tasks }) => all + bytesOf(tasks), 0);
    for (let n = 0; n < 20 && sum() < limit * 0.45; n += 1) {
      const options = { clientId: `mute-${n}`, queues: ['mute'], maxInFlight: 10, givesReceipts: false };
      const worker = await openWorker(clients, options);
      mute.push(worker);
      await worker.receive(1);
    }
    for (let n = 0; n < 5; n += 1) mute.push(await openWorker(clients, { queues: ['mute'], givesReceipts: false }));
    await never('more than half of the budget and one claim', () => sum() > limit / 2 + 50_000, 30);
    const good = await openWorker(clients, { queues: ['good'] });
    await enqueueMany(clients, 3, { queue: 'good' });
    await good.receive(3);
    clearInterval(talk);
    const { metadata } = await mute[0]!.ended;
    assert.equal(metadata.get('contact-retry')[0], 'backoff');
  });
});
