import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TaskInput } from '../../server/model/task.ts';
import { openStore } from '../../server/store/open.ts';
import type { FreshLimits } from '../../server/store/sqlite/fresh.ts';
import type { Store } from '../../server/store/store.ts';
import { addTasks, claim, createTask, openSession, Q, T0 } from './scene.ts';
import { createFolder } from './stores.ts';

// Tasks that wait for long, as SQLite keeps them: ranges of keys.

const LIMITS: FreshLimits = {
  ready: 20,
  soon: 2,
  kept: 20,
  keptBytes: 1_000,
  behind: 1_000,
  step: 10,
  shortest: 3,
  claims: 5,
  runs: 50,
};

describe('the backlog of the SQLite store', () => {
  let folder: string;
  let file: string;
  let store: Store;

  beforeEach(async () => {
    folder = createFolder();
    file = join(folder, 'contact.db');
    await open();
  });

  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  async function open(): Promise<void> {
    store = await openStore(`sqlite:${file}`, { node: 'test', fresh: LIMITS });
  }

  /** The ranges of the file, as many tasks as each has, and the number of rows in `live`. */
  function look(): { ranges: number[]; live: number } {
    const reader = new DatabaseSync(file, { readOnly: true });
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

  /** More than stay in memory, so that what follows does not go there. */
  async function fill(like: Partial<TaskInput> = {}): Promise<string[]> {
    return [...(await add(LIMITS.ready, like)), ...(await add(1, like))];
  }

  it('is a range where tasks of a lane lie together, and grows with those that follow', async () => {
    const ids = await fill();
    assert.deepEqual(look(), { ranges: [10], live: 0 });
    ids.push(...(await add(7)), ...(await add(2)));
    assert.deepEqual(look(), { ranges: [10, 9], live: 0 });
    assert.deepEqual(await claimIds(4), ids.slice(0, 4));
    assert.deepEqual(look(), { ranges: [6, 9], live: 0 });
    assert.deepEqual(await claimIds(99), ids.slice(4));
    assert.deepEqual(look(), { ranges: [], live: 0 });
  });

  it('has the larger priority first, whatever is where', async () => {
    const ids = await fill();
    const urgent = [...(await add(5, { priority: 1 })), ...(await add(1, { priority: 2, runAt: T0 }))];
    assert.deepEqual(await claimIds(9), [urgent[5], ...urgent.slice(0, 5), ...ids.slice(0, 3)]);
  });

  it('is there again when the store opens, counted and in its order', async () => {
    const ids = [...(await fill()), ...(await add(5))];
    assert.deepEqual(await claimIds(1), ids.slice(0, 1));
    await store.close();
    await open();
    assert.deepEqual(look(), { ranges: [9, 5], live: 12 });
    assert.deepEqual(await store.countLanes(Q.queue, 5), [{ lane: '', ready: 25 }]);
    assert.deepEqual(await claimIds(99), ids.slice(1));
  });

  it('lets a task go in the middle of a range, and writes what is left alone by that', async () => {
    const ids = [...(await fill()), ...(await add(9))];
    await store.cancelTasks([ids[4]!, ids[23]!], 'why', T0);
    // The two before the second one are too few to stay.
    assert.deepEqual(look(), { ranges: [4, 5, 6], live: 2 });
    assert.equal((await store.describeTask(ids[23]!))!.state, 'cancelled');
    assert.equal((await store.describeTask(ids[24]!))!.state, 'ready');
    const left = ids.filter((_, at) => at !== 4 && at !== 23);
    assert.deepEqual(await claimIds(99), left);
  });

  it('writes a row for each task where lanes take turns, and for the large ones', async () => {
    await fill();
    await fill({ lane: 'c:a' });
    const before = look();
    for (let turn = 0; turn < 6; turn += 1) await addTasks(store, {}, { lane: 'c:a' });
    await add(1, { payload: Buffer.alloc(20_000) });
    const { ranges, live } = look();
    // The last one of each lane may grow still.
    assert.deepEqual(before.ranges, [20, 9, 1]);
    assert.deepEqual(ranges, [20, 9, 1, 1]);
    // The one before them, all of them but two, and the large one.
    assert.equal(live, before.live + 1 + 10 + 1);
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
    const insert = async (count: number, now: number): Promise<string[]> => {
      const tasks = Array.from({ length: count }, () => createTask());
      return (await store.insertTasks(tasks, now)).map(({ id }) => id);
    };
    // The first ten are in a range then, the others in memory.
    const old = [...(await insert(10, T0)), ...(await insert(11, T0 + 1))];
    const young = await insert(5, T0 + 5);
    const listed = await store.listTasks({ states: ['ready'] }, null, 99);
    assert.equal(listed.length, old.length + 5);
    assert.deepEqual(await store.listOldest(Q.queue, 3), [{ priority: 0, createdAt: T0 }]);
    const purged = await store.purgeTasks(Q.queue, 15, 'purged', T0);
    assert.deepEqual(purged.map(({ taskId }) => taskId).toSorted(), old.slice(0, 15).toSorted());
    await store.purgeTasks(Q.queue, old.length - 15, 'purged', T0);
    assert.deepEqual(await store.listOldest(Q.queue, 3), [{ priority: 0, createdAt: T0 + 5 }]);
    assert.deepEqual(await claimIds(99), young);
  });
});
