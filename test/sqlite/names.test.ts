import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { EVERY_QUEUE } from '../../server/model/caller.ts';
import { openStore } from '../../server/store/open.ts';
import type { StoreBounds } from '../../server/store/options.ts';
import { DEFAULT_SETTINGS } from '../../server/store/queues.ts';
import type { Store } from '../../server/store/store.ts';
import { createToken, hashOf, newCredentialId } from '../scene/credentials.ts';
import { preparePlace } from '../scene/folder.ts';
import { createTask, T0 } from '../scene/tasks.ts';

const [A, B] = ['token:a', 'token:b'] as const;
const FULL = { code: 'RESOURCE_EXHAUSTED', retryAfterMs: 60_000 };

/** One task for each of these queues. */
const insert = (store: Store, createdBy: string, ...queues: string[]) =>
  store.insertTasks(
    queues.map((queue) => createTask({ queue, createdBy })),
    T0,
  );

const namesOf = async (store: Store) => (await store.countQueues()).map(({ queue }) => queue).sort();

async function empty(store: Store, queue: string): Promise<void> {
  const ids = (await store.listTasks({ queues: [queue] }, null, 100)).map(({ id }) => id);
  await store.cancelTasks(ids, 'no', T0);
  await store.deleteTasks(ids, EVERY_QUEUE);
  await store.setQueueSettings({ queue, ...DEFAULT_SETTINGS });
}

describe('names of queues', () => {
  const place = preparePlace();
  const open = (bounds: StoreBounds) => openStore(`sqlite:${place.file}`, { node: 'test', bounds });

  it('have a share of each principal, which leaves the others theirs, and is given back with the queue', async () => {
    const store = await open({ maxQueues: 5, maxQueuesPerPrincipal: 2 });
    await insert(store, A, 'a1', 'a2');
    await assert.rejects(insert(store, A, 'a1', 'a3'), {
      ...FULL,
      field: 'tasks[1].queue',
      problem: /^2 queues count for token:a, with those that it has made, .*maxQueuesPerPrincipal/,
    });
    await insert(store, A, 'a1');
    await insert(store, B, 'a1', 'b1', 'b2');
    await insert(store, '', 'c');
    await assert.rejects(insert(store, '', 'd'), { ...FULL, problem: /as many queues as the server takes/ });
    assert.deepEqual(await namesOf(store), ['a1', 'a2', 'b1', 'b2', 'c']);
    await empty(store, 'a2');
    await insert(store, A, 'a3');
    await assert.rejects(insert(store, A, 'a2'), FULL);
    assert.deepEqual(await namesOf(store), ['a1', 'a3', 'b1', 'b2', 'c']);
    await store.close();
  });

  it('count no more from the commit on that forgets the last task, and then for who makes them anew', async () => {
    const store = await open({ maxQueuesPerPrincipal: 2 });
    const forget = async (...queues: string[]): Promise<void> => {
      const ids = (await store.listTasks({ queues }, null, 100)).map(({ id }) => id);
      await store.cancelTasks(ids, 'no', T0);
      await store.deleteTasks(ids, EVERY_QUEUE);
    };
    await insert(store, A, 'a1', 'a2');
    await forget('a1', 'a2');
    assert.deepEqual(await namesOf(store), []);
    await insert(store, B, 'a1', 'a2');
    await assert.rejects(insert(store, B, 'b1'), FULL);
    await insert(store, A, 'a3', 'a4');
    await forget('a4');
    await insert(store, A, 'a5');
    await assert.rejects(insert(store, A, 'a4'), FULL);
    await store.close();
  });

  it('are taken by settings as by tasks, and no setting is taken away by a name that there is no room for', async () => {
    const store = await open({ maxQueues: 4, maxQueuesPerPrincipal: 2 });
    const set = (queue: string, by: string, change = {}) =>
      store.setQueueSettings({ queue, isPaused: true, ...change }, { by, now: T0 });
    await set('p1', A);
    await insert(store, A, 'a1');
    for (const change of [{ isPaused: true }, { isPaused: false, maxRunning: 2 }, { isPaused: false, maxWaiting: 1 }]) {
      await assert.rejects(set('p2', A, change), { ...FULL, field: 'queue', problem: /^2 queues count for token:a/ });
    }
    await assert.rejects(set('p2', A, { isPaused: false, retention: { maxAgeMs: 9_000_000, maxCount: 0 } }), FULL);
    assert.equal((await set('p2', A, { isPaused: false })).isPaused, false);
    assert.equal((await set('p1', A, { maxRunning: 3 })).maxRunning, 3);
    assert.deepEqual(await namesOf(store), ['a1', 'p1']);
    await set('p2', B);
    // Who is asked by nobody has the bound of all.
    await set('p3', 'anonymous');
    await assert.rejects(set('p4', 'anonymous'), FULL);
    await store.setQueueSettings({ queue: 'p1', ...DEFAULT_SETTINGS }, { by: B, now: T0 });
    await set('p4', A);
    await store.close();
  });

  it('count for the operator that has made who makes them, however many those are', async () => {
    const store = await open({ maxQueuesPerPrincipal: 2 });
    for (const name of ['one', 'two']) {
      const principal = `token:${name}`;
      const made = { id: newCredentialId(), hash: hashOf(), countedFor: 'token:maker' };
      await store.createCredential(createToken({ ...made, name, principal }), T0);
      await insert(store, principal, name);
    }
    await assert.rejects(insert(store, 'token:two', 'more'), { ...FULL, problem: /count for token:maker/ });
    await assert.rejects(insert(store, 'token:maker', 'more'), FULL);
    await insert(store, A, 'a1', 'a2');
    await store.close();
  });

  it('count for who has made the newest of a name that is given again', async () => {
    const store = await open({ maxQueuesPerPrincipal: 2 });
    for (const [name, countedFor, createdAt] of [
      ['first', 'token:maker', T0],
      ['second', '', T0 + 1],
    ] as const) {
      const made = { id: newCredentialId(), hash: hashOf(), countedFor, createdAt };
      await store.createCredential(createToken({ ...made, name, principal: 'token:web' }), createdAt);
      await insert(store, 'token:web', name);
    }
    await insert(store, 'token:web', 'third');
    await assert.rejects(insert(store, 'token:web', 'more'), { ...FULL, problem: /count for token:web/ });
    await insert(store, 'token:maker', 'more');
    await store.close();
  });

  it('are no more in a batch of many than in one of few', async () => {
    const store = await open({ maxQueues: 150, maxQueuesPerPrincipal: 120 });
    const many = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
    await assert.rejects(insert(store, A, ...many('a', 300)), { ...FULL, index: 120 });
    await insert(store, A, ...many('a', 120));
    await assert.rejects(insert(store, B, ...many('b', 300)), { ...FULL, index: 30 });
    await insert(store, B, ...many('b', 30));
    assert.equal((await namesOf(store)).length, 150);
    await insert(store, B, ...many('a', 120));
    await store.close();
  });

  it('count for the same after a restart, by what their rows say, of a file of before too', async () => {
    const first = await open({ maxQueuesPerPrincipal: 3 });
    await insert(first, A, 'a1', 'a2', 'a3');
    await first.close();
    const second = await open({ maxQueuesPerPrincipal: 3 });
    await assert.rejects(insert(second, A, 'a4'), FULL);
    await insert(second, B, 'b1');
    await second.close();
    const db = new DatabaseSync(place.file);
    db.exec("UPDATE queue SET counted_for = '' WHERE name = 'a3'");
    db.close();
    // A server that takes fewer refuses new ones alone.
    const third = await open({ maxQueuesPerPrincipal: 1 });
    await assert.rejects(insert(third, A, 'a4'), { ...FULL, problem: /^2 queues count for token:a/ });
    await insert(third, A, 'a1', 'a2', 'a3');
    await third.close();
  });
});
