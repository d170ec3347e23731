import assert from 'node:assert/strict';
import type { TaskInput } from '../../server/model/task.ts';
import type { Store } from '../../server/store/store.ts';
import { claim, fail, openSession, settle, succeed } from '../scene/deliveries.ts';
import { createBroadcast, createTask, fillBroadcast, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const FULL = { code: 'RESOURCE_EXHAUSTED', field: 'tasks', retryAfterMs: 1_000 };
const MINE = { createdBy: 'token:mine' };
const OTHERS = { createdBy: 'token:other' };

const batch = (count: number, with_: Partial<TaskInput> = MINE) =>
  Array.from({ length: count }, () => createTask(with_));

/** How many more tasks of a principal the store takes, found by giving it as many; they stay. */
async function fillUp(store: Store, with_: Partial<TaskInput> = MINE): Promise<number> {
  for (let count = 0; ; count++) {
    const isTaken = await store.insertTasks(batch(1, with_), T0).then(
      () => true,
      (error) => {
        assert.equal(error.code, 'RESOURCE_EXHAUSTED');
        return false;
      },
    );
    if (!isTaken) return count;
  }
}

describeStores('tasks of a principal that wait', (openStore) => {
  const open = (max: number) => openStore({ maxWaitingTasksPerPrincipal: max });

  it('are no more than it may have, whole batches, while others have theirs', async () => {
    const store = await open(100);
    await store.insertTasks(batch(70), T0);
    await assert.rejects(store.insertTasks(batch(64), T0), FULL);
    assert.equal((await store.countQueues())[0]!.ready, 70, 'none of a batch that is refused');
    await store.insertTasks([...batch(29), createTask({ ...MINE, queue: 'r', runAt: T0 + 1_000 })], T0);
    await assert.rejects(store.insertTasks(batch(1, { ...MINE, queue: 's' }), T0), FULL);
    await store.insertTasks(batch(100, OTHERS), T0);
    await assert.rejects(store.insertTasks(batch(1, OTHERS), T0), FULL);
    await store.insertTasks(batch(300, { createdBy: '' }), T0);
    await assert.rejects(store.insertTasks([...batch(15, { createdBy: '' }), ...batch(1)], T0), FULL);
  });

  it('are not those that are known already, whoever sends them again', async () => {
    const store = await open(2);
    const [task, keyed] = [createTask(MINE), createTask({ ...MINE, idempotencyKey: 'k' })];
    await store.insertTasks([task, keyed], T0);
    const again = await store.insertTasks([task, { ...keyed, id: createTask().id }], T0);
    assert.deepEqual(
      again.map(({ deduplicated }) => deduplicated),
      [true, true],
    );
    const [other] = await store.insertTasks([{ ...task, ...OTHERS }], T0);
    assert.equal(other!.deduplicated, true);
    assert.equal((await store.describeTask(task.id))!.createdBy, MINE.createdBy);
    assert.equal(await fillUp(store, OTHERS), 2);
  });

  it('make room when they are claimed, cancelled, purged, or expire', async () => {
    const store = await open(10);
    const tasks = [...batch(3), ...batch(2, { ...MINE, expiresAt: T0 + 5 }), ...batch(2, { ...MINE, queue: 'purged' })];
    await store.insertTasks([...tasks, ...batch(3, { ...MINE, runAt: T0 + 1 })], T0);
    assert.equal(await fillUp(store), 0);
    await store.cancelTasks([tasks[0]!.id], '', T0);
    assert.equal(await fillUp(store), 1);
    await store.purgeTasks('purged', 10, '', T0);
    assert.equal(await fillUp(store), 2);
    await store.wakeTasks(T0 + 5, 10);
    assert.equal(await fillUp(store), 2, 'those that are due wait on, and two have expired');
    const { session } = await openSession(store);
    assert.equal((await claim(store, session, { limit: 4 })).length, 4);
    assert.equal(await fillUp(store), 4);
  });

  it('come back whatever the number: by a release, a loss, a retry and a redrive', async () => {
    const store = await open(4);
    await store.insertTasks([...batch(3), createTask({ ...MINE, maxAttempts: 1, priority: -1 })], T0);
    const { session } = await openSession(store);
    const runs = (await claim(store, session)).map(({ id, delivery }) => ({ taskId: id, delivery, session }));
    assert.equal(runs.length, 4);
    await store.releaseTasks([{ ...runs[0]!, cause: 'released', isStarted: false }], T0);
    assert.equal(await fillUp(store), 3);
    await settle(store, fail(runs[1]!));
    await settle(store, fail(runs[3]!));
    const again = (await claim(store, session, { limit: 2 })).map(({ id, delivery }) => ({ taskId: id, delivery }));
    assert.equal(await fillUp(store), 1, 'five waited and two were claimed');
    await settle(store, succeed(again[0]!));
    await store.redriveTasks([runs[3]!.taskId], T0);
    await store.endSession(session, [], T0);
    assert.equal(await fillUp(store), 0, 'the redriven one and both that ran are back');
    const { session: next } = await openSession(store);
    const left = await claim(store, next);
    assert.equal(left.length, 6);
    assert.equal(await fillUp(store), 3, 'of seven that waited one backs off');
  });

  it('are children of broadcasts too, as their parent is its', async () => {
    const store = await open(6);
    const { parent, children } = createBroadcast(['a', 'b'], MINE);
    await store.insertBroadcast(
      parent,
      children.map((child) => ({ ...child, ...OTHERS })),
      T0,
    );
    assert.equal(await fillUp(store, OTHERS), 6, 'none of them is another’s');
    const { parent: large, children: many } = createBroadcast(['a', 'b', 'c'], MINE);
    await assert.rejects(store.insertBroadcast(large, many, T0), FULL);
    assert.equal(await fillUp(store), 3, 'nothing is left of what was refused');
    await store.cancelTasks([children[0]!.id], '', T0);
    await store.cancelTasks([children[1]!.id], '', T0);
    assert.equal(await fillUp(store), 3, 'the parent has ended with its children');
  });

  it('are those no more that a broadcast had which is abandoned', async () => {
    const store = await open(6);
    const { parent } = await fillBroadcast(store, ['a', 'b', 'c', 'd'], MINE);
    assert.equal(await fillUp(store), 1);
    while (!(await store.abandonBroadcast(parent.id, 3)));
    assert.equal(await fillUp(store), 5);
    const { parent: opened } = await fillBroadcast(store, ['e'], OTHERS);
    await store.openBroadcast(opened.id, 10, T0);
    assert.equal(await fillUp(store, OTHERS), 4);
  });

  it('are counted no more once they are settled, and deleted or not', async () => {
    const store = await open(2);
    const tasks = batch(2);
    await store.insertTasks(tasks, T0);
    const { session } = await openSession(store);
    for (const { id, delivery } of await claim(store, session)) await settle(store, succeed({ taskId: id, delivery }));
    assert.equal(await fillUp(store), 2);
    await store.deleteTasks([tasks[0]!.id]);
    await store.pruneTasks({ maxAgeMs: 1, maxCount: 0 }, 10, T0 + 600_000);
    assert.equal(await fillUp(store), 0);
  });
});
