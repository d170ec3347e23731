import assert from 'node:assert/strict';
import type { Store } from '../../server/store/store.ts';
import { claim, fail, nameDelivery, openSession, settle, startTask, succeed } from '../scene/deliveries.ts';
import { createBroadcast, createTask, stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const KEY = 'k';

/** Brings a task with the key to a state, and answers its id. */
const REACHED: Readonly<Record<string, (store: Store) => Promise<string>>> = {
  scheduled: async (store) => add(store, { runAt: T0 + 10 }),
  ready: async (store) => add(store),
  running: async (store) => (await startTask(store, { idempotencyKey: KEY })).taskId,
  'running with a cancel asked for': async (store) => {
    const { taskId } = await startTask(store, { idempotencyKey: KEY });
    await store.cancelTasks([taskId], 'no', T0);
    return taskId;
  },
  'backing off': async (store) => {
    const run = await startTask(store, { idempotencyKey: KEY });
    await settle(store, fail(run));
    return run.taskId;
  },
  succeeded: async (store) => {
    const run = await startTask(store, { idempotencyKey: KEY });
    await settle(store, succeed(run));
    return run.taskId;
  },
  failed: async (store) => {
    const run = await startTask(store, { idempotencyKey: KEY, maxAttempts: 1 });
    await settle(store, fail(run));
    return run.taskId;
  },
  redriven: async (store) => {
    const id = await REACHED.failed!(store);
    await store.redriveTasks([id], T0);
    return id;
  },
  'cancelled while ready': async (store) => cancel(store, await add(store)),
  'cancelled while scheduled': async (store) => cancel(store, await add(store, { runAt: T0 + 10 })),
  'cancelled while running': async (store) => {
    const run = await startTask(store, { idempotencyKey: KEY });
    await store.cancelTasks([run.taskId], 'no', T0);
    await settle(store, { ...nameDelivery(run), clientId: 'c', kind: 'stopped' });
    return run.taskId;
  },
  'cancelled while backing off': async (store) => cancel(store, await REACHED['backing off']!(store)),
  'cancelled after a redrive': async (store) => cancel(store, await REACHED.redriven!(store)),
  purged: async (store) => {
    const id = await add(store);
    await store.purgeTasks('q', 10, 'purged', T0);
    return id;
  },
  expired: async (store) => {
    const id = await add(store, { expiresAt: T0 + 5 });
    await store.wakeTasks(T0 + 5, 10);
    return id;
  },
};

async function add(store: Store, with_: object = {}): Promise<string> {
  const task = createTask({ idempotencyKey: KEY, ...with_ });
  await store.insertTasks([task], T0);
  return task.id;
}

async function cancel(store: Store, id: string): Promise<string> {
  await store.cancelTasks([id], 'no', T0);
  return id;
}

/** `KEY` belongs to nobody then. */
const isOver = (name: string): boolean => /^(cancelled|purged|expired)/.test(name);

describeStores('idempotency keys', (open) => {
  for (const [name, reach] of Object.entries(REACHED)) {
    if (isOver(name)) {
      it(`are free again when their task is ${name}`, async () => {
        const store = await open();
        const first = await reach(store);
        const state = await stateOf(store, first);
        const next = createTask({ idempotencyKey: KEY, ...(name.includes('running') ? { maxAttempts: 7 } : {}) });
        const again = { ...next, id: createTask().id };
        assert.deepEqual(await store.insertTasks([next, again], T0), [
          { id: next.id, deduplicated: false },
          { id: next.id, deduplicated: true },
        ]);
        assert.equal(await stateOf(store, next.id), 'ready');
        const before = await store.describeTask(first);
        assert.deepEqual([before!.state, before!.idempotencyKey], [state, KEY]);
        await store.deleteTasks([first]);
        assert.deepEqual(await store.insertTasks([again], T0), [{ id: next.id, deduplicated: true }]);
      });
    } else {
      it(`belong to their task while it is ${name}`, async () => {
        const store = await open();
        const first = await reach(store);
        const same = createTask({ idempotencyKey: KEY, ...(/failed|redriven/.test(name) ? { maxAttempts: 1 } : {}) });
        assert.deepEqual(await store.insertTasks([same], T0), [{ id: first, deduplicated: true }]);
      });
    }
  }

  it('are found taken again by the task that took them over, many times in a row', async () => {
    const store = await open();
    for (let i = 0; i < 3; i++)
      assert.equal((await store.insertTasks([createTask({ idempotencyKey: KEY })], T0)).length, 1);
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push(await cancel(store, await add(store)));
    assert.equal(new Set(ids).size, 3);
  });

  it('leave the task that had them known by its id', async () => {
    const store = await open();
    const first = createTask({ idempotencyKey: KEY });
    await store.insertTasks([first], T0);
    await cancel(store, first.id);
    await add(store);
    assert.deepEqual(await store.insertTasks([first], T0), [{ id: first.id, deduplicated: true }]);
  });

  it('are free in a batch of many, and in one that is refused and sent again', async () => {
    const store = await open();
    const olds = Array.from({ length: 100 }, (_, i) => createTask({ idempotencyKey: `k${i}` }));
    await store.insertTasks(olds, T0);
    await store.cancelTasks(
      olds.map(({ id }) => id),
      'no',
      T0,
    );
    const kept = createTask();
    await store.insertTasks([kept], T0);
    const news = olds.map(({ idempotencyKey: key }) => createTask({ idempotencyKey: key }));
    await assert.rejects(store.insertTasks([...news, { ...kept, priority: 3 }], T0));
    for (const { id, idempotencyKey: key } of olds) assert.equal((await store.describeTask(id))!.idempotencyKey, key);
    assert.equal((await store.insertTasks(news, T0)).filter((each) => each.deduplicated).length, 0);
    const { session } = await openSession(store);
    assert.equal((await claim(store, session, { limit: 200 })).length, 101);
  });

  it('are free again when their broadcast is cancelled', async () => {
    const store = await open();
    const first = createBroadcast(['a', 'b'], { idempotencyKey: KEY });
    await store.insertBroadcast(first.parent, first.children, T0);
    const second = createBroadcast(['a'], { idempotencyKey: KEY });
    const insert = () => store.insertBroadcast(second.parent, second.children, T0);
    assert.deepEqual(await insert(), { id: first.parent.id, deduplicated: true });
    await store.cancelTasks([first.parent.id, ...first.children.map(({ id }) => id)], 'no', T0);
    assert.equal(await stateOf(store, first.parent.id), 'cancelled');
    assert.deepEqual(await insert(), { id: second.parent.id, deduplicated: false });
  });
});
