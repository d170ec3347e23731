import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { claim, openSession } from '../scene/deliveries.ts';
import { createFolder } from '../scene/folder.ts';
import { addTasks, createTask, T0 } from '../scene/tasks.ts';

const FULL = {
  code: 'RESOURCE_EXHAUSTED',
  problem: 'all queues together have as many tasks that wait as the server takes (maxWaitingTasks)',
  retryAfterMs: 1_000,
};

const batch = (count: number, queue = 'q') => Array.from({ length: count }, () => createTask({ queue }));

async function countWaiting(store: Store): Promise<number> {
  return (await store.countQueues()).reduce((sum, { ready, scheduled }) => sum + ready + scheduled, 0);
}

describe('tasks that wait in all queues together', () => {
  it('are no more than the store takes, whole batches, and what is known is answered all the same', async () => {
    const store = await openStore('memory:', { node: 'test', bounds: { maxWaitingTasks: 100 } });
    const known = batch(60, 'a');
    await store.insertTasks(known, T0);
    await assert.rejects(store.insertTasks(batch(64, 'b'), T0), { ...FULL, field: 'tasks[40].queue', index: 40 });
    assert.equal(await countWaiting(store), 60);
    await store.insertTasks([...batch(39, 'b'), createTask({ runAt: T0 + 1_000 })], T0);
    await assert.rejects(store.insertTasks(batch(1, 'c'), T0), { ...FULL, field: 'tasks[0].queue' });
    const again = await store.insertTasks(known, T0);
    assert.ok(again.every(({ deduplicated }) => deduplicated));
    await store.close();
  });

  it('make room when they are claimed or cancelled, and come back whatever the number', async () => {
    const store = await openStore('memory:', { node: 'test', bounds: { maxWaitingTasks: 10 } });
    const [first] = await store.insertTasks(batch(10), T0);
    await store.cancelTasks([first!.id], '', T0);
    await store.insertTasks(batch(1), T0);
    const { session } = await openSession(store);
    const claimed = await claim(store, session, { limit: 4 });
    assert.equal(claimed.length, 4);
    await store.insertTasks(batch(4), T0);
    await store.endSession(session, [], T0);
    assert.equal(await countWaiting(store), 14);
    await assert.rejects(store.insertTasks(batch(1), T0), FULL);
    await store.close();
  });

  it('are told with what may wait, as soon as one comes, is claimed or is taken back', async () => {
    const bounds = { maxWaitingTasks: 3, maxQueues: 5 };
    const store = await openStore('memory:', { node: 'test', bounds });
    const used = (): number[] => store.usage().map((one) => one.used);
    assert.deepEqual(
      store.usage().map(({ name, max }) => [name, max]),
      [
        ['waiting_tasks', 3],
        ['queues', 5],
      ],
    );
    assert.deepEqual(used(), [0, 0]);
    const [one] = await addTasks(store, { queue: 'a' }, { queue: 'b' });
    assert.deepEqual(used(), [2, 2]);
    await assert.rejects(addTasks(store, { queue: 'c' }, { queue: 'd' }), { code: 'RESOURCE_EXHAUSTED' });
    assert.equal(used()[0], 2);
    await store.cancelTasks([one!], '', T0);
    assert.equal(used()[0], 1);
    await store.close();
  });

  it('are counted again when a file is opened, also by a server that takes fewer', async () => {
    const folder = createFolder();
    const open = (maxWaitingTasks: number) =>
      openStore(`sqlite:${join(folder, 'contact.db')}`, { node: 'test', bounds: { maxWaitingTasks } });
    const first = await open(300);
    await first.insertTasks(batch(200), T0);
    await first.close();
    const second = await open(100);
    await assert.rejects(second.insertTasks(batch(1), T0), FULL);
    await second.close();
    const third = await open(300);
    await third.insertTasks(batch(100), T0);
    await assert.rejects(third.insertTasks(batch(1), T0), FULL);
    await third.close();
    rmSync(folder, { recursive: true });
  });
});

describe('named clients that a store remembers', () => {
  it('are as many of one principal as it is told to take', async () => {
    const store = await openStore('memory:', { node: 'test', bounds: { maxNamedClientsPerPrincipal: 3 } });
    const come = async (clientId: string, subject: string, at: number): Promise<void> => {
      const { session } = await openSession(store, { clientId, isNamed: true, secretHash: clientId, subject }, at);
      await store.endSession(session, 'all', at);
    };
    for (let n = 0; n < 4; n += 1) await come(`other${n}`, n === 0 ? 'client:other' : '', T0 + n);
    for (let n = 0; n < 1_001; n += 1) await come(`made-up-${n}`, 'token:all', T0 + 10 + n);
    const known = (await store.listClients('', 500)).map(({ clientId }) => clientId);
    const others = known.filter((clientId) => clientId.startsWith('other'));
    assert.deepEqual([others.length, known.length <= 4 + 3 + 5], [4, true], known.join(' '));
    await store.close();
  });
});

describe('names that a store remembers', () => {
  it('are as many as it is told to take', async () => {
    const store = await openStore('memory:', { node: 'test', bounds: { maxQueues: 2, maxNamedClients: 3 } });
    await store.insertTasks([...batch(1, 'a'), ...batch(1, 'b')], T0);
    await assert.rejects(store.insertTasks(batch(1, 'c'), T0), { code: 'RESOURCE_EXHAUSTED', field: 'tasks[0].queue' });
    for (let n = 0; n < 1_001; n += 1) {
      const { session } = await openSession(store, { clientId: `c${n}`, isNamed: true, secretHash: `${n}` }, T0 + n);
      await store.endSession(session, 'all', T0 + n);
    }
    assert.ok((await store.listClients('', 500)).length <= 4);
    await store.close();
  });
});
