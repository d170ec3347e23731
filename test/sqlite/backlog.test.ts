import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import type { TaskInput } from '../../server/model/task.ts';
import { openStore } from '../../server/store/open.ts';
import type { FreshLimits } from '../../server/store/sqlite/fresh/fresh.ts';
import type { Store } from '../../server/store/store.ts';
import { claim, openSession } from '../scene/deliveries.ts';
import { preparePlace } from '../scene/folder.ts';
import { addTasks, createTask, Q, T0 } from '../scene/tasks.ts';

// Tasks that wait for long, as SQLite keeps them: ranges of keys.

const LIMITS: FreshLimits = {
  ready: 20,
  soon: 10,
  payloadBytes: 1_000,
  behind: 1_000,
  step: 10,
  shortest: 3,
  claims: 5,
  runs: 50,
};

describe('the backlog of the SQLite store', () => {
  const place = preparePlace();
  let store: Store;

  beforeEach(() => open());
  afterEach(() => store.close());

  async function open(): Promise<void> {
    store = await openStore(`sqlite:${place.file}`, { node: 'test', fresh: LIMITS });
  }

  /** The ranges of the file, as many tasks as each has, and the number of rows in `live`. */
  function look(): { ranges: number[]; live: number } {
    const reader = new DatabaseSync(place.file, { readOnly: true });
    const ranges = reader.prepare('SELECT last_key - first_key + 1 AS n FROM backlog ORDER BY first_key').all();
    const live = reader.prepare('SELECT count(*) AS n FROM live').get() as { n: number };
    reader.close();
    return { ranges: ranges.map(({ n }) => Number(n)), live: live.n };
  }

  function add(count: number, like: Partial<TaskInput> = {}): Promise<string[]> {
    return addTasks(store, ...Array.from({ length: count }, () => like));
  }

  async function claimIds(limit: number): Promise<string[]> {
    const { session } = await openSession(store);
    return (await claim(store, session, { limit })).map(({ id }) => id);
  }

  /** As many as stay in memory, and three that come first of what does not. */
  const fill = (like: Partial<TaskInput> = {}): Promise<string[]> => add(LIMITS.soon + 3, like);

  it('is a range where tasks of a lane lie together, and grows with those that follow', async () => {
    const ids = [...(await fill()), ...(await add(7))];
    assert.deepEqual(look(), { ranges: [7], live: 3 });
    ids.push(...(await add(2)));
    assert.deepEqual(look(), { ranges: [9], live: 3 });
    assert.deepEqual(await claimIds(15), ids.slice(0, 15));
    assert.deepEqual(look(), { ranges: [7], live: 0 });
    assert.deepEqual(await claimIds(99), ids.slice(15));
    assert.deepEqual(look(), { ranges: [], live: 0 });
  });

  it('takes what makes room in memory for others', async () => {
    const ids = await add(10);
    const others = await add(10, { lane: 'c:a' });
    others.push(...(await add(1, { lane: 'c:b' })));
    assert.deepEqual(look(), { ranges: [10], live: 0 });
    assert.deepEqual(await claimIds(10), ids);
    assert.equal((await store.listTasks({ states: ['ready'] }, null, 99)).length, others.length);
  });

  it('has the larger priority first, whatever is where', async () => {
    const ids = [...(await fill()), ...(await add(5))];
    const urgent = [...(await add(5, { priority: 1 })), ...(await add(1, { priority: 2, runAt: T0 }))];
    assert.deepEqual(await claimIds(9), [urgent[5], ...urgent.slice(0, 5), ...ids.slice(0, 3)]);
  });

  it('is there again when the store opens, counted and in its order', async () => {
    const ids = [...(await fill()), ...(await add(5))];
    assert.deepEqual(await claimIds(1), ids.slice(0, 1));
    await store.close();
    await open();
    assert.deepEqual(look(), { ranges: [5], live: 13 });
    assert.deepEqual(await store.countLanes(Q.queue, 5), [{ lane: '', ready: 17 }]);
    assert.deepEqual(await claimIds(99), ids.slice(1));
  });

  it('lets a task go in the middle of a range, and writes what is left alone by that', async () => {
    const ids = [...(await fill()), ...(await add(9))];
    await store.cancelTasks([ids[15]!], 'why', T0);
    // The two before it are too few to stay.
    assert.deepEqual(look(), { ranges: [6], live: 3 + 2 });
    assert.equal((await store.describeTask(ids[15]!))!.state, 'cancelled');
    assert.equal((await store.describeTask(ids[16]!))!.state, 'ready');
    await store.cancelTasks([ids[19]!], 'why', T0);
    assert.deepEqual(look(), { ranges: [3], live: 3 + 2 + 2 });
    const left = ids.filter((_, at) => at !== 15 && at !== 19);
    assert.deepEqual(await claimIds(99), left);
  });

  it('leaves a row to each task where lanes take turns, and to the large ones', async () => {
    await fill();
    await fill({ lane: 'c:a' });
    for (let turn = 0; turn < 6; turn += 1) await addTasks(store, {}, { lane: 'c:a' });
    await add(1, { payload: Buffer.alloc(20_000) });
    assert.deepEqual(look(), { ranges: [], live: 2 * 3 + 12 + 1 });
    await add(5);
    assert.deepEqual(look(), { ranges: [2], live: 19 + 3 });
    // It does not grow any more, and is too short.
    await addTasks(store, { lane: 'c:a' }, {});
    assert.deepEqual(look(), { ranges: [], live: 22 + 2 + 2 });
  });

  it('is as it was after an insert that is taken back, and after a commit that failed', async () => {
    const ids = [...(await fill()), ...(await add(5))];
    const tasks = [...Array.from({ length: 20 }, () => createTask()), createTask({ id: ids[0]!, lane: 'c:other' })];
    await assert.rejects(store.insertTasks(tasks, T0), { code: 'ALREADY_EXISTS' });
    const { session } = await openSession(store);
    const fail = (): never => {
      throw Object.assign(new Error('database or disk is full'), { errcode: 13 });
    };
    const inVain = [add(3), claim(store, session, { limit: 15 }), store.claimTasks(fail, () => T0)];
    for (const each of inVain) await assert.rejects(each, { code: 'RESOURCE_EXHAUSTED' });
    ids.push(...(await add(2)));
    assert.deepEqual(await claimIds(99), ids);
  });

  it('is listed, has its oldest, and is purged from its head', async () => {
    const old = await add(10);
    const others = [...Array(10).fill({ lane: 'c:a' }), { lane: 'c:b' }];
    await store.insertTasks(others.map(createTask), T0 + 9);
    assert.deepEqual(await claimIds(2), old.splice(0, 2));
    // In memory, beside the range.
    const young = Array.from({ length: 2 }, () => createTask());
    await store.insertTasks(young, T0 + 5);
    const oldest = [{ priority: 0, createdAt: T0 }];
    assert.deepEqual(look(), { ranges: [8], live: 0 });
    assert.deepEqual(await store.listOldest(Q.queue, 3), oldest);
    const purge = async (limit: number): Promise<string[]> =>
      (await store.purgeTasks(Q.queue, limit, 'purged', T0)).events.map(({ taskId }) => taskId);
    assert.deepEqual(await purge(7), old.slice(0, 7));
    assert.deepEqual(await store.listOldest(Q.queue, 3), oldest);
    assert.deepEqual(await purge(1), old.slice(7));
    assert.deepEqual(
      await claimIds(99),
      young.map(({ id }) => id),
    );
  });
});
