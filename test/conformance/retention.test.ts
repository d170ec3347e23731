import assert from 'node:assert/strict';
import { FOREVER, type Retention } from '../../server/model/retention.ts';
import type { Store } from '../../server/store/store.ts';
import { claim, fail, openSession, settle, startBroadcast, startTask, succeed } from '../scene/deliveries.ts';
import { addTasks, createTask, stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const DAY_MS = 86_400_000;
const LATER = T0 + 20 * DAY_MS;

/** Settled tasks of a queue, one for each instant. */
async function addSettled(store: Store, queue: string, ...settledAt: number[]): Promise<string[]> {
  const ids = await addTasks(store, ...settledAt.map(() => ({ queue })));
  for (const [i, at] of settledAt.entries()) await store.cancelTasks([ids[i]!], '', at);
  return ids;
}

async function prune(store: Store, retention: Partial<Retention>, now = LATER): Promise<readonly string[]> {
  const gone: string[] = [];
  for (;;) {
    const { taskIds, isDone } = await store.pruneTasks({ ...FOREVER, ...retention }, 2, now);
    assert.ok(taskIds.length <= 2);
    gone.push(...taskIds);
    if (isDone) return gone;
  }
}

const positions = async (store: Store): Promise<number[]> =>
  (await store.readResults(0, 500)).map(({ position }) => position);

describeStores('pruneTasks()', (open) => {
  it('forgets the oldest results of each queue beyond the number', async () => {
    const store = await open();
    const a = await addSettled(store, 'a', ...Array(7).fill(T0));
    const b = await addSettled(store, 'b', ...Array(5).fill(T0));
    const [waiting] = await addTasks(store, { queue: 'a' });
    assert.deepEqual(await prune(store, { maxCount: 3 }), [...a.slice(0, 4), ...b.slice(0, 2)]);
    assert.deepEqual(await positions(store), [5, 6, 7, 10, 11, 12]);
    assert.equal(await store.describeTask(a[0]!), undefined);
    assert.equal(await stateOf(store, waiting!), 'ready');
    const counts = (await store.countQueues()).map(({ queue, settled }) => [queue, settled.cancelled]);
    assert.deepEqual(counts.sort(), [
      ['a', 3],
      ['b', 3],
    ]);
    assert.deepEqual(await store.resultBounds(), { newest: 12, beforeOldest: 4 });
    assert.deepEqual(await prune(store, { maxCount: 3 }), []);
  });

  it('forgets what was settled too long ago', async () => {
    const store = await open();
    const ids = await addSettled(store, 'q', T0, T0 + DAY_MS, T0 + 2 * DAY_MS, T0 + 3 * DAY_MS);
    const week = { maxAgeMs: 7 * DAY_MS };
    assert.deepEqual(await prune(store, week, T0 + 7 * DAY_MS - 1), []);
    assert.deepEqual(await prune(store, week, T0 + 7 * DAY_MS), ids.slice(0, 1));
    assert.deepEqual(await prune(store, week, T0 + 9 * DAY_MS), ids.slice(1, 3));
    assert.deepEqual(await prune(store, { ...week, maxCount: 1 }, T0 + 9 * DAY_MS), []);
  });

  it('keeps what a queue of its own retention keeps', async () => {
    const store = await open();
    const kept = await addSettled(store, 'kept', ...Array(5).fill(T0));
    const short = await addSettled(store, 'short', ...Array(5).fill(T0));
    const usual = await addSettled(store, 'usual', ...Array(5).fill(T0));
    await store.setQueueSettings({ queue: 'kept', retention: FOREVER });
    await store.setQueueSettings({ queue: 'short', retention: { maxAgeMs: 0, maxCount: 1 } });
    const retention = { maxAgeMs: DAY_MS, maxCount: 0 };
    assert.deepEqual(await prune(store, retention), [...short.slice(0, 4), ...usual]);
    assert.equal(await stateOf(store, kept[0]!), 'cancelled');
    await store.setQueueSettings({ queue: 'short', retention: null });
    await store.setQueueSettings({ queue: 'kept', retention: { maxAgeMs: 0, maxCount: 4 } });
    assert.deepEqual(await prune(store, retention), [kept[0], short[4]]);
    assert.deepEqual(
      (await store.listQueueSettings()).map((settings) => [settings.queue, settings.retention]),
      [['kept', { maxAgeMs: 0, maxCount: 4 }]],
    );
  });

  it('keeps what has settled just now, whatever the number, so that a resend finds it', async () => {
    const store = await open();
    const tasks = [createTask({ idempotencyKey: 'k' }), createTask(), createTask()];
    await store.insertTasks(tasks, T0);
    const ids = tasks.map(({ id }) => id);
    await store.cancelTasks(ids, '', T0);
    const retention = { maxAgeMs: 1, maxCount: 1 };
    assert.deepEqual(await prune(store, retention, T0 + 599_999), []);
    assert.equal((await store.insertTasks([tasks[0]!], T0))[0]!.deduplicated, true);
    assert.deepEqual(await prune(store, retention, T0 + 600_000), ids);
    assert.deepEqual(await store.insertTasks([tasks[0]!], T0), [{ id: ids[0], deduplicated: false }]);
  });

  it('keeps a redriven task until it has settled again, and counts it by its newest result', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1 });
    await settle(store, fail(run));
    const others = await addSettled(store, 'q', T0, T0);
    await store.redriveTasks([run.taskId], T0);
    assert.deepEqual(await prune(store, { maxCount: 1 }), [others[0]]);
    await claim(store, run.session);
    assert.deepEqual(await prune(store, { maxAgeMs: 1 }), [others[1]]);
    assert.equal(await stateOf(store, run.taskId), 'running');
    assert.deepEqual(await positions(store), [1]);
    await settle(store, succeed({ taskId: run.taskId, delivery: 2 }), LATER);
    assert.deepEqual(await prune(store, { maxAgeMs: DAY_MS }), []);
    assert.deepEqual(await positions(store), [1, 4]);
    assert.deepEqual(await prune(store, { maxAgeMs: DAY_MS }, LATER + DAY_MS), [run.taskId]);
    assert.deepEqual(await positions(store), []);
    assert.equal((await settle(store, fail(run))).code, 'UNKNOWN');
  });

  it('forgets a broadcast after its children, whose counts it has until then', async () => {
    const store = await open();
    const { parent, children, runs } = await startBroadcast(store, ['a', 'b', 'c'], { maxAttempts: 1 });
    await settle(store, fail(runs[0]!));
    await settle(store, succeed(runs[1]!));
    assert.deepEqual(await prune(store, { maxAgeMs: 1 }), [children[0]!.id, children[1]!.id]);
    assert.equal(await stateOf(store, parent.id), 'ready');
    await settle(store, succeed(runs[2]!), LATER);
    const counts = { children: 3, succeeded: 2, failed: 1, cancelled: 0, expired: 0 };
    assert.deepEqual(await store.countChildren(parent.id), counts);
    assert.deepEqual(await prune(store, { maxCount: 1 }, LATER + DAY_MS), [children[2]!.id]);
    assert.deepEqual([await stateOf(store, parent.id), await store.countChildren(parent.id)], ['failed', counts]);
    assert.deepEqual(await prune(store, { maxAgeMs: 1 }, LATER + DAY_MS), [parent.id]);
    assert.equal(await store.countChildren(parent.id), undefined);
  });

  it('never gives a position twice, and goes on with what settles afterwards', async () => {
    const store = await open();
    await addSettled(store, 'q', T0, T0, T0);
    assert.equal((await prune(store, { maxAgeMs: 1 })).length, 3);
    assert.deepEqual(await store.resultBounds(), { newest: 3, beforeOldest: 3 });
    const ids = await addSettled(store, 'q', LATER, LATER);
    assert.deepEqual(await positions(store), [4, 5]);
    assert.deepEqual(await prune(store, { maxCount: 1 }, LATER + DAY_MS), [ids[0]]);
  });

  it('forgets nothing when nothing has a limit', async () => {
    const store = await open();
    await addSettled(store, 'q', T0, T0);
    const { session } = await openSession(store);
    assert.deepEqual([await prune(store, {}), await claim(store, session)], [[], []]);
  });
});
