import assert from 'node:assert/strict';
import { DEFAULT_SETTINGS, type QueueSettings } from '../../server/store/queues.ts';
import type { Store } from '../../server/store/store.ts';
import { assertLogged, assertRejects } from '../scene/answers.ts';
import {
  claim,
  createRequest,
  fail,
  nameDelivery,
  openSession,
  settle,
  startTask,
  succeed,
} from '../scene/deliveries.ts';
import { addTasks, createBroadcast, createTask, stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

function createSettings(with_: Partial<QueueSettings>): QueueSettings {
  return { queue: 'q', ...DEFAULT_SETTINGS, ...with_ };
}

describeStores('setQueueSettings()', (open) => {
  it('keeps what differs from the default', async () => {
    const store = await open();
    assert.deepEqual(await store.listQueueSettings(), []);
    const b = createSettings({ queue: 'b', isPaused: true });
    const a = createSettings({ queue: 'a', maxWaiting: 5, maxRunning: 2 });
    for (const settings of [b, a]) await store.setQueueSettings(settings);
    assert.deepEqual(await store.listQueueSettings(), [a, b]);
    await store.setQueueSettings(createSettings({ queue: 'b' }));
    assert.deepEqual(await store.listQueueSettings(), [a]);
  });
});

describeStores('isPaused', (open) => {
  it('lets nothing be claimed of the queue, whoever asks, until it goes on', async () => {
    const store = await open();
    const { session } = await openSession(store);
    await addTasks(store, {}, { lane: 'c:n' }, { queue: 'other' });
    await store.setQueueSettings(createSettings({ isPaused: true }));
    const lanes = [
      { queue: 'q', lane: '' },
      { queue: 'q', lane: 'c:n' },
      { queue: 'other', lane: '' },
    ];
    assert.deepEqual(
      (await claim(store, session, { lanes })).map(({ queue }) => queue),
      ['other'],
    );
    await addTasks(store, {});
    assert.deepEqual(await claim(store, session, { lanes }), []);
    await store.setQueueSettings({ queue: 'q', isPaused: false });
    assert.equal((await claim(store, session, { lanes })).length, 3);
  });

  it('holds for a claim of the same commit', async () => {
    const store = await open();
    const { session } = await openSession(store);
    await addTasks(store, {});
    const [, tasks] = await Promise.all([
      store.setQueueSettings(createSettings({ isPaused: true })),
      claim(store, session),
    ]);
    assert.deepEqual(tasks, []);
  });
});

describeStores('maxWaiting', (open) => {
  it('refuses a batch that would exceed it, as a whole', async () => {
    const store = await open();
    await store.setQueueSettings(createSettings({ maxWaiting: 3 }));
    await addTasks(store, {}, { runAt: T0 + 50 });
    const tasks = [createTask(), createTask({ queue: 'other' }), createTask()];
    await assert.rejects(store.insertTasks(tasks, T0), (error: Error & { code: string; retryAfterMs: number }) => {
      assert.deepEqual([error.code, error.retryAfterMs], ['RESOURCE_EXHAUSTED', 1_000]);
      assert.match(error.message, /^tasks\[2\]\.queue:/);
      return true;
    });
    assert.equal((await store.listTasks({}, null, 10)).length, 2);
    assert.equal((await store.countQueues()).find(({ queue }) => queue === 'other')?.ready ?? 0, 0);
    await store.insertTasks(tasks.slice(0, 2), T0);
  });

  it('counts what waits only, and acknowledges repeated tasks all the same', async () => {
    const store = await open();
    await store.setQueueSettings(createSettings({ maxWaiting: 1 }));
    const run = await startTask(store);
    const task = createTask();
    await store.insertTasks([task], T0);
    assert.equal((await store.insertTasks([task], T0))[0]!.deduplicated, true);
    await assertRejects(store.insertTasks([createTask()], T0), 'RESOURCE_EXHAUSTED', /^tasks\[0\]/);
    await store.cancelTasks([task.id], '', T0);
    // A retry waits, whatever the limit.
    await addTasks(store, {});
    assert.equal((await settle(store, fail(run))).code, 'STORED');
  });
});

describeStores('maxRunning', (open) => {
  it('ends a claim, over all sessions, and other queues go on', async () => {
    const store = await open();
    await store.setQueueSettings(createSettings({ maxRunning: 3 }));
    const sessions = [(await openSession(store)).session, (await openSession(store)).session];
    await addTasks(store, {}, {}, { lane: 'c:x' }, {}, { queue: 'other' }, { queue: 'other' });
    const lanes = [
      { queue: 'q', lane: '' },
      { queue: 'q', lane: 'c:x' },
      { queue: 'other', lane: '' },
    ];
    const outcomes = await store.claimTasks(
      () => sessions.map((session) => createRequest(session, { lanes })),
      () => T0,
    );
    const queues = outcomes.flatMap(({ tasks }) => tasks.map((task) => task.queue));
    assert.deepEqual(queues.sort(), ['other', 'other', 'q', 'q', 'q']);
    assert.deepEqual(
      outcomes.map(({ exhausted }) => exhausted),
      [true, true],
    );
  });

  for (const [title, end] of Object.entries({
    'is settled': (run: Running, store: Store) => settle(store, succeed(run)),
    'backs off': (run: Running, store: Store) => settle(store, fail(run)),
    'is released': (run: Running, store: Store) =>
      store.releaseTasks([{ ...nameDelivery(run), cause: 'released', isStarted: false }], T0),
    'is lost with its session': (run: Running, store: Store) => store.endSession(run.session, [], T0),
  })) {
    it(`has room when a task ${title}`, async () => {
      const store = await open();
      await store.setQueueSettings(createSettings({ maxRunning: 1 }));
      const run = await startTask(store);
      await addTasks(store, {});
      const { session } = await openSession(store);
      assert.deepEqual(await claim(store, session), []);
      await end(run, store);
      assert.equal((await claim(store, session)).length, 1);
      assert.deepEqual(await claim(store, session), []);
    });
  }

  it('does not stand in the way of a client that still has its task', async () => {
    const store = await open();
    await store.setQueueSettings(createSettings({ maxRunning: 1 }));
    const run = await startTask(store, {}, { secretHash: 'one', clientId: 'me' });
    await store.endSession(run.session, 'all', T0);
    await startTask(store, { priority: 9 });
    const resume = { previousHash: 'one', holding: [nameDelivery(run)] };
    assert.equal((await openSession(store, { clientId: 'me', resume })).held.length, 1);
  });

  it('may be raised while tasks wait', async () => {
    const store = await open();
    const { session } = await openSession(store);
    await store.setQueueSettings(createSettings({ maxRunning: 1 }));
    await addTasks(store, {}, {}, {});
    assert.equal((await claim(store, session)).length, 1);
    await store.setQueueSettings(createSettings({ maxRunning: 2 }));
    assert.equal((await claim(store, session)).length, 1);
    await store.setQueueSettings(createSettings({}));
    assert.equal((await claim(store, session)).length, 1);
  });
});

describeStores('purgeTasks()', (open) => {
  it('cancels what waits in a queue, lane after lane, and nothing else', async () => {
    const store = await open();
    const run = await startTask(store);
    const ids = await addTasks(
      store,
      { lane: 's:a=b' },
      { runAt: T0 + 20 },
      { runAt: T0 + 10 },
      { priority: -1 },
      {},
      { lane: 'c:x' },
    );
    const [other] = await addTasks(store, { queue: 'other' });
    const { count, events } = await store.purgeTasks('q', 100, 'enough', T0 + 1);
    assert.equal(count, 6);
    assert.deepEqual(
      events.map((event) => ids.indexOf(event.taskId)),
      [4, 3, 2, 1, 5, 0],
    );
    for (const event of events) {
      assert.deepEqual(
        [event.state, event.error, event.settledAt],
        ['cancelled', { code: 'CANCELLED', message: 'enough' }, T0 + 1],
      );
      await assertLogged(store, event);
    }
    assert.deepEqual([await stateOf(store, run.taskId), await stateOf(store, other!)], ['running', 'ready']);
    const nothing = { count: 0, events: [] };
    assert.deepEqual(await store.purgeTasks('q', 100, '', T0), nothing);
    assert.deepEqual(await store.purgeTasks('never heard of', 100, '', T0), nothing);
  });

  it('cancels at most as many as asked', async () => {
    const store = await open();
    await addTasks(store, {}, {}, {}, { runAt: T0 + 5 }, { lane: 'c:x' });
    const counts: number[] = [];
    for (let i = 0; i < 4; i++) counts.push((await store.purgeTasks('q', 2, '', T0)).count);
    assert.deepEqual(counts, [2, 2, 1, 0]);
  });

  it('leaves a parent to its running children', async () => {
    const store = await open();
    const { parent, children } = createBroadcast(['a', 'b']);
    await store.insertBroadcast(parent, children, T0);
    const { session } = await openSession(store);
    await claim(store, session, { lanes: [children[0]!] });
    assert.deepEqual(
      (await store.purgeTasks('q', 10, '', T0)).events.map((event) => event.taskId),
      [children[1]!.id],
    );
    assert.equal(await stateOf(store, parent.id), 'ready');
  });
});

describeStores('listSelectorLanes()', (open) => {
  it('lists the selectors that have tasks, whatever their state, until they are settled', async () => {
    const store = await open();
    const lane = 's:site=berlin';
    const run = await startTask(store, { lane });
    await addTasks(store, { lane: 's:a', runAt: T0 + 9 }, { queue: 'p', lane: 's:z' }, {}, { lane: 'c:s:x' });
    const all = [
      { queue: 'p', lane: 's:z' },
      { queue: 'q', lane: 's:a' },
      { queue: 'q', lane },
    ];
    assert.deepEqual(await store.listSelectorLanes(10), all);
    assert.deepEqual(await store.listSelectorLanes(2), all.slice(0, 2));
    await settle(store, succeed(run));
    assert.deepEqual(await store.listSelectorLanes(10), all.slice(0, 2));
  });
});

describeStores('countLanes()', (open) => {
  it('counts ready tasks, the fullest lane first', async () => {
    const store = await open();
    const { session } = await openSession(store);
    await addTasks(store, {}, {}, { lane: 'c:b' }, { lane: 'c:a' }, { lane: 'c:c', runAt: T0 + 9 }, { queue: 'other' });
    assert.deepEqual(await store.countLanes('q', 10), [
      { lane: '', ready: 2 },
      { lane: 'c:a', ready: 1 },
      { lane: 'c:b', ready: 1 },
    ]);
    assert.deepEqual(await store.countLanes('q', 1), [{ lane: '', ready: 2 }]);
    assert.deepEqual(await store.countLanes('never heard of', 1), []);
    await claim(store, session, { limit: 2, lanes: [{ queue: 'q', lane: '' }] });
    await store.wakeTasks(T0 + 9, 10);
    assert.deepEqual(await store.countLanes('q', 10), [
      { lane: 'c:a', ready: 1 },
      { lane: 'c:b', ready: 1 },
      { lane: 'c:c', ready: 1 },
    ]);
  });
});

describeStores('listOldest()', (open) => {
  it('names the oldest ready task of each priority over all lanes', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const add = (createdAt: number, with_: Parameters<typeof createTask>[0]) =>
      store.insertTasks([createTask(with_)], createdAt);
    await add(T0 + 1, { priority: 5 });
    await add(T0 + 2, {});
    await add(T0 + 3, { lane: 'c:x', priority: 5 });
    await add(T0 + 4, { lane: 'c:x', priority: -3 });
    await add(T0 + 5, { priority: -3 });
    await add(T0 + 6, { priority: 9, runAt: T0 + 99 });
    const oldest = [
      { priority: 5, createdAt: T0 + 1 },
      { priority: 0, createdAt: T0 + 2 },
      { priority: -3, createdAt: T0 + 4 },
    ];
    assert.deepEqual(await store.listOldest('q', 10), oldest);
    assert.deepEqual(await store.listOldest('q', 2), oldest.slice(0, 2));
    await claim(store, session, { limit: 1 });
    assert.deepEqual((await store.listOldest('q', 1))[0], { priority: 5, createdAt: T0 + 3 });
    assert.deepEqual(await store.listOldest('never heard of', 10), []);
  });

  it('leaves out parents, which wait for their children', async () => {
    const store = await open();
    const { parent, children } = createBroadcast(['a'], { priority: 1 });
    await store.insertBroadcast(parent, children, T0);
    const { session } = await openSession(store);
    await claim(store, session, { lanes: children });
    assert.deepEqual(await store.listOldest('q', 10), []);
    assert.deepEqual(await store.countLanes('q', 10), []);
  });
});

type Running = Awaited<ReturnType<typeof startTask>>;
