import assert from 'node:assert/strict';
import type { TaskInput } from '../../server/model/task.ts';
import type { Store } from '../../server/store/store.ts';
import { openSession, succeed } from '../scene/deliveries.ts';
import { createTask, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

// Stores may write many rows together: what one call holds must come out as if it had come one by one.

const LANES = [{ queue: 'q', lane: '' }];

function createTasks(count: number): TaskInput[] {
  return Array.from({ length: count }, (_, number) => createTask({ payload: Buffer.from(`${number}`) }));
}

async function claimAll(store: Store, limit: number) {
  const { session } = await openSession(store);
  const request = { session, lanes: LANES, limit, maxBytes: 1e9, mayExceed: true };
  const [outcome] = await store.claimTasks(
    () => [request],
    () => T0,
  );
  return outcome!.tasks;
}

const counts = async (store: Store) => (await store.countQueues()).find(({ queue }) => queue === 'q');

describeStores('many in one call', (open) => {
  it('are inserted beside some that were there already', async () => {
    const store = await open();
    const tasks = createTasks(75);
    const again = [3, 20, 21, 50, 74];
    await store.insertTasks(
      again.map((place) => tasks[place]!),
      T0,
    );
    const outcomes = await store.insertTasks(tasks, T0);
    assert.deepEqual(
      outcomes.map(({ id, deduplicated }) => [id, deduplicated]),
      tasks.map(({ id }, place) => [id, again.includes(place)]),
    );
    assert.equal((await counts(store))!.ready, 75);
    const given = await claimAll(store, 100);
    const expected = [...again, ...[...tasks.keys()].filter((place) => !again.includes(place))];
    assert.deepEqual(
      given.map(({ payload }) => Number(Buffer.from(payload).toString())),
      expected,
    );
  });

  it('come out as they went in, alike or not', async () => {
    const store = await open();
    const tasks = Array.from({ length: 40 }, (_, number) =>
      createTask({
        payload: Buffer.from(`${number}`),
        // The first sixteen are alike, of the next the last alone is not, and then every third.
        contentType: number === 31 || (number > 31 && number % 3 === 0) ? `x/${number}` : 'x/y',
        maxAttempts: number === 31 ? 9 : 5,
      }),
    );
    await store.insertTasks(tasks, T0);
    const given = await claimAll(store, 100);
    const seen = ({
      id,
      contentType,
      maxAttempts,
      payload,
    }: Pick<TaskInput, 'id' | 'contentType' | 'maxAttempts' | 'payload'>) => [
      id,
      contentType,
      maxAttempts,
      Number(Buffer.from(payload).toString()),
    ];
    assert.deepEqual(given.map(seen), tasks.map(seen));
    const clientOf = (place: number) => (place === 3 || place > 20 ? `c${place}` : 'c');
    const settled = await store.settleTasks(
      given.map((task, place) => ({
        ...succeed({ taskId: task.id, delivery: task.delivery }),
        clientId: clientOf(place),
      })),
      T0,
    );
    assert.ok(settled.every(({ code }) => code === 'STORED'));
    const records = await store.readResults(0, 100);
    assert.deepEqual(
      records.map(({ taskId, clientId, position }) => [taskId, clientId, position]),
      tasks.map(({ id }, place) => [id, clientOf(place), place + 1]),
    );
  });

  it('are refused together, and leave nothing', async () => {
    const store = await open();
    const tasks = createTasks(60);
    await store.insertTasks([{ ...tasks[45]!, payload: Buffer.from('other') }], T0);
    await assert.rejects(store.insertTasks(tasks, T0), { code: 'ALREADY_EXISTS', message: /^tasks\[45\]\.id:/ });
    assert.equal((await counts(store))!.ready, 1);
    const fresh = createTasks(60);
    await store.insertTasks(fresh, T0);
    const given = await claimAll(store, 100);
    assert.deepEqual(
      given.map(({ id }) => id),
      [tasks[45]!.id, ...fresh.map(({ id }) => id)],
    );
  });

  it('are counted up to the limit of their queue', async () => {
    const store = await open();
    await store.setQueueSettings({ queue: 'q', isPaused: false, maxWaiting: 40, maxRunning: 0 });
    await assert.rejects(store.insertTasks(createTasks(41), T0), { message: /^tasks\[40\]\.queue:/ });
    await store.insertTasks(createTasks(40), T0);
    assert.equal((await counts(store))!.ready, 40);
  });

  it('are settled with some of them told twice', async () => {
    const store = await open();
    await store.insertTasks(createTasks(50), T0);
    const runs = (await claimAll(store, 50)).map(({ id, delivery }) => ({ taskId: id, delivery }));
    const told = [...runs, ...runs.slice(10, 40)].map((run) => succeed(run));
    const outcomes = await store.settleTasks(told, T0);
    assert.deepEqual(
      outcomes.map(({ code, event }) => [code, event?.position]),
      told.map((_, place) => (place < 50 ? ['STORED', place + 1] : ['DUPLICATE', undefined])),
    );
    const { running, settled } = (await counts(store))!;
    assert.deepEqual([running, settled.succeeded], [0, 50]);
    assert.deepEqual(
      (await store.readResults(0, 500)).map(({ taskId }) => taskId),
      runs.map(({ taskId }) => taskId),
    );
  });

  it('are claimed by several sessions, each its own', async () => {
    const store = await open();
    await store.insertTasks(createTasks(100), T0);
    const sessions = await Promise.all([1, 2, 3].map(() => openSession(store)));
    const outcomes = await store.claimTasks(
      () => sessions.map(({ session }) => ({ session, lanes: LANES, limit: 33, maxBytes: 1e9, mayExceed: true })),
      () => T0,
    );
    const ids = new Set(outcomes.flatMap(({ tasks }) => tasks.map(({ id }) => id)));
    assert.deepEqual([ids.size, (await counts(store))!.running], [99, 99]);
    for (const [place, { session }] of sessions.entries()) {
      const { ready } = await store.endSession(session, [], T0);
      assert.equal(ready.length > 0, true);
      assert.equal((await counts(store))!.running, 99 - 33 * (place + 1));
    }
  });
});
