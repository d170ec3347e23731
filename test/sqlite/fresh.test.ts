import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import type { TaskState } from '../../server/model/task.ts';
import { openStore } from '../../server/store/open.ts';
import type { FreshLimits } from '../../server/store/sqlite/fresh/fresh.ts';
import type { Store } from '../../server/store/store.ts';
import { claim, openSession, startTask, succeed } from '../scene/deliveries.ts';
import { preparePlace } from '../scene/folder.ts';
import { addTasks, createTask, Q, T0 } from '../scene/tasks.ts';

// What SQLite keeps beside its rows for tasks that go the straight way, and what brings it back.

const LIMITS: FreshLimits = {
  ready: 40,
  soon: 1_000,
  payloadBytes: 1_000,
  behind: 8,
  step: 4,
  shortest: 100,
  claims: 2,
  runs: 20,
};

describe('fresh tasks', () => {
  const place = preparePlace();
  let store: Store;

  beforeEach(() => open());
  afterEach(() => store.close());

  async function open(): Promise<void> {
    store = await openStore(`sqlite:${place.file}`, { node: 'test', fresh: LIMITS });
  }

  async function reopen(): Promise<void> {
    await store.close();
    await open();
  }

  async function reopenWith(fresh: FreshLimits): Promise<Store> {
    await store.close();
    return openStore(`sqlite:${place.file}`, { node: 'test', fresh });
  }

  /** Rows of the file, as another program sees them. */
  function count(what: string): number {
    const reader = new DatabaseSync(place.file, { readOnly: true });
    const { n } = reader.prepare(`SELECT count(*) AS n FROM ${what}`).get() as { n: number };
    reader.close();
    return n;
  }

  async function claimIds(limit: number): Promise<string[]> {
    const { session } = await openSession(store);
    return (await claim(store, session, { limit })).map(({ id }) => id);
  }

  it('have no row of their own from their insert to their result', async () => {
    const { taskId, delivery } = await startTask(store);
    assert.deepEqual([count('task'), count('live'), count('claim')], [1, 0, 1]);
    await store.settleTasks([succeed({ taskId, delivery })], T0);
    assert.deepEqual([count('live'), count('claim'), count('result')], [0, 0, 1]);
  });

  it('are listed by their state', async () => {
    const [first, ...others] = await addTasks(store, {}, {}, {});
    const { session } = await openSession(store);
    await claim(store, session, { limit: 1 });
    const list = async (...states: TaskState[]) => (await store.listTasks({ states }, null, 5)).map(({ id }) => id);
    assert.deepEqual(await list('running'), [first]);
    assert.deepEqual(await list('ready'), others.toReversed());
    assert.deepEqual(await list('succeeded', 'failed', 'scheduled'), []);
    assert.equal(count('live'), 0);
  });

  it('get one when anything else happens to them', async () => {
    const { taskId } = await startTask(store);
    await store.cancelTasks([taskId], 'why', T0);
    assert.deepEqual([count('live WHERE cancel_reason IS NOT NULL'), count('claim')], [1, 0]);
  });

  it('are there again, in their order and with who runs them', async () => {
    const ids = await addTasks(store, {}, { priority: 1 }, {}, {});
    const run = await claimIds(1);
    assert.deepEqual(run, [ids[1]]);
    await reopen();
    assert.deepEqual([count('live'), count('claim')], [4, 0]);
    const [left] = await store.listSessions();
    assert.deepEqual(
      left!.held.map(({ taskId, delivery }) => [taskId, delivery]),
      [[ids[1], 1]],
    );
    assert.deepEqual(await claimIds(5), [ids[0], ids[2], ids[3]]);
  });

  it('are written when many came after them', async () => {
    const [first] = await addTasks(store, { queue: 'nobody' });
    for (let batch = 0; batch < 6; batch++) {
      const ids = await addTasks(store, {}, {}, {});
      assert.deepEqual(await claimIds(5), ids);
    }
    assert.equal(count('live WHERE state = 0'), 1);
    await reopen();
    assert.deepEqual(
      (await store.listTasks({ queues: ['nobody'], states: ['ready'] }, null, 5)).map(({ id }) => id),
      [first],
    );
  });

  it('are written when many claims came after theirs', async () => {
    const { session } = await openSession(store);
    for (let task = 0; task < 5; task++) {
      await addTasks(store, {});
      await claim(store, session);
    }
    assert.deepEqual([count('live WHERE state = 1'), count('claim')], [3, 2]);
  });

  it('give way to new ones, the oldest first', async () => {
    const absent = { lane: 'c:absent' };
    // Fewer keys than would be written for their age.
    store = await reopenWith({ ...LIMITS, ready: 5, behind: 1_000 });
    const ids = await addTasks(store, absent, absent, absent, absent, absent, {});
    assert.equal(count('live'), LIMITS.step);
    await reopen();
    assert.deepEqual(await claimIds(5), ids.slice(5));
    assert.deepEqual((await store.countLanes(Q.queue, 5))[0], { lane: 'c:absent', ready: 5 });
  });

  it('are fresh again from their claim on, if all that happened to them was that they gave way', async () => {
    store = await reopenWith({ ...LIMITS, ready: 2, step: 2, behind: 1_000 });
    const ids = await addTasks(store, {}, {}, {}, {}, {}, {});
    assert.equal(count('live'), 4);
    const { session } = await openSession(store);
    const [first, second, third] = await claim(store, session, { limit: 3 });
    assert.deepEqual([first!.id, second!.id, third!.id], ids.slice(0, 3));
    assert.deepEqual([count('live'), count('claim')], [1, 1]);
    await store.settleTasks([succeed({ taskId: first!.id, delivery: 1 })], T0);
    const { taskId, delivery } = { taskId: second!.id, delivery: 1 };
    await store.releaseTasks([{ taskId, delivery, cause: 'released', isStarted: false }], T0);
    assert.equal(count('live'), 2);
    await reopen();
    const [left] = await store.listSessions();
    assert.deepEqual(
      left!.held.map((one) => [one.taskId, one.delivery]),
      [[third!.id, 1]],
    );
    const more = await claim(store, (await openSession(store)).session, { limit: 9 });
    assert.deepEqual(
      more.map((one) => [one.id, one.delivery]),
      [[ids[1], 2], ...ids.slice(3).map((id) => [id, 1])],
    );
  });

  it('stay written if they may expire, were scheduled or had been delivered', async () => {
    store = await reopenWith({ ...LIMITS, ready: 0 });
    const [, , given] = await addTasks(store, { expiresAt: T0 + 9 }, { runAt: T0 + 1 }, { priority: 1 });
    const { session } = await openSession(store);
    await claim(store, session, { limit: 1 });
    assert.equal(count('live'), 2);
    await store.releaseTasks([{ taskId: given!, delivery: 1, cause: 'released', isStarted: false }], T0);
    await store.wakeTasks(T0 + 2, 5);
    assert.equal((await claim(store, session, { limit: 3 })).length, 3);
    assert.equal(count('live WHERE state = 1'), 3);
  });

  it('come back after a large insert was taken back', async () => {
    const [other] = await addTasks(store, {});
    const tasks = Array.from({ length: 20 }, () => createTask());
    const refused = [...tasks, createTask({ id: other!, payload: Buffer.from('other') })];
    await assert.rejects(store.insertTasks(refused, T0), { code: 'ALREADY_EXISTS' });
    const [next] = await addTasks(store, {});
    await reopen();
    assert.deepEqual(await claimIds(5), [other, next]);
  });

  it('are as the file has them after a commit that failed', async () => {
    const ids = await addTasks(store, {}, {}, {});
    const { session } = await openSession(store);
    const [running] = await claim(store, session, { limit: 1 });
    const fail = (): never => {
      throw Object.assign(new Error('database or disk is full'), { errcode: 13 });
    };
    const inVain = [
      addTasks(store, {}),
      claim(store, session, { limit: 2 }),
      store.settleTasks([succeed({ taskId: running!.id, delivery: 1 })], T0),
      store.claimTasks(fail, () => T0),
    ];
    for (const each of inVain) await assert.rejects(each, { code: 'RESOURCE_EXHAUSTED' });
    const outcomes = await store.settleTasks([succeed({ taskId: running!.id, delivery: 1 })], T0);
    assert.deepEqual(
      outcomes.map(({ code }) => code),
      ['STORED'],
    );
    assert.deepEqual(await claimIds(5), ids.slice(1));
    assert.deepEqual((await store.countLanes(Q.queue, 5)).length, 0);
  });

  it('are there after a restart where those before them were deleted, and then a commit failed', async () => {
    const { session } = await openSession(store);
    const before = await addTasks(store, ...Array.from({ length: 20 }, () => ({})));
    const runs = await claim(store, session, { limit: 20 });
    await store.settleTasks(
      runs.map(({ id, delivery }) => succeed({ taskId: id, delivery })),
      T0,
    );
    assert.ok((await store.deleteTasks(before)).every(Boolean));
    const fail = (): never => {
      throw Object.assign(new Error('database or disk is full'), { errcode: 13 });
    };
    await assert.rejects(
      store.claimTasks(fail, () => T0),
      { code: 'RESOURCE_EXHAUSTED' },
    );
    const after = await addTasks(store, {});
    await reopen();
    assert.deepEqual(await claimIds(5), after);
  });
});
