import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { EVERY_QUEUE } from '../../server/model/caller.ts';
import { applySettings, type Database, openDatabase } from '../../server/store/file/database.ts';
import { migrate } from '../../server/store/file/schema.ts';
import { openStore } from '../../server/store/open.ts';
import { DEFAULT_SETTINGS } from '../../server/store/queues.ts';
import type { Request } from '../../server/store/request.ts';
import { createSqliteEngine, type SqliteEngine } from '../../server/store/sqlite/engine.ts';
import { createCatalog } from '../../server/store/sqlite/rows/catalog.ts';
import { createPrincipals } from '../../server/store/sqlite/rows/principals.ts';
import { openSession, startTask } from '../scene/deliveries.ts';
import { createFolder } from '../scene/folder.ts';
import { addTasks, createBroadcast, createTask, T0 } from '../scene/tasks.ts';

describe('lanes of the SQLite store', () => {
  let db: Database;
  let engine: SqliteEngine;

  beforeEach(() => {
    db = openDatabase(':memory:');
    applySettings(db, ':memory:');
    migrate(db);
    engine = createSqliteEngine(db);
  });

  afterEach(() => db.close());

  function insert(...lanes: string[]): Request {
    return { kind: 'insert', tasks: lanes.map((lane) => createTask({ lane })), now: T0 };
  }

  const purge: Request = { kind: 'purge', queue: 'q', limit: 10_000, reason: '', now: T0, by: '' };
  const broken: Request = {
    kind: 'claim',
    plan: () => {
      throw new Error('a bug in the plan');
    },
    now: () => T0,
  };
  const count = () => engine.queues.countLanes('q', 10).map(({ lane, ready }) => `${lane}:${ready}`);
  const countRows = () => db.prepare<{ n: number }>('SELECT count(*) AS n FROM lane').get()!.n;

  it('keep their counts when a group is taken back', () => {
    engine.transact([insert('', '', 'c:a')]);
    assert.throws(() => engine.transact([insert('', 'c:b'), broken]));
    assert.deepEqual(count(), [':2', 'c:a:1']);
    assert.throws(() => engine.transact([purge, broken]));
    assert.deepEqual(count(), [':2', 'c:a:1']);
    engine.transact([insert('c:a'), purge]);
    assert.deepEqual(count(), []);
    assert.throws(() => engine.transact([insert('c:a'), broken]));
    assert.deepEqual(count(), []);
  });

  it('are dropped once many are without tasks', () => {
    const many = Array.from({ length: 1_500 }, (_, i) => `c:${i}`);
    engine.transact([insert('', ...many)]);
    engine.transact([purge]);
    assert.equal(countRows(), 1_501);
    // A group that is taken back drops nothing.
    assert.throws(() => engine.transact([insert('c:7'), broken]));
    assert.equal(countRows(), 1_501);
    engine.transact([insert('c:7', 'c:new')]);
    assert.equal(countRows(), 2);
    assert.deepEqual(count(), ['c:7:1', 'c:new:1']);
    engine.transact([insert('', 'c:7', 'c:8')]);
    assert.deepEqual(count(), ['c:7:2', ':1', 'c:8:1', 'c:new:1']);
    engine.transact([purge]);
    assert.deepEqual(count(), []);
  });
});

describe('queue names of the SQLite store', () => {
  const open = (): Database => {
    const db = openDatabase(':memory:');
    applySettings(db, ':memory:');
    migrate(db);
    return db;
  };

  it('are forgotten once many have no tasks and no settings', () => {
    const db = open();
    const engine = createSqliteEngine(db);
    const names = () =>
      db
        .prepare<{ name: string }>('SELECT name FROM queue')
        .all()
        .map(({ name }) => name);
    const tasks = Array.from({ length: 1_500 }, (_, i) => createTask({ queue: `made-up-${i}` }));
    const settings = { queue: 'set', isPaused: true, maxWaiting: 0, maxRunning: 0 };
    engine.transact([
      { kind: 'setQueue', settings },
      { kind: 'insert', tasks, now: T0 },
    ]);
    for (const { queue } of tasks) {
      engine.transact([{ kind: 'purge', queue, limit: 1, reason: '', now: T0, by: '' }]);
    }
    assert.equal(names().length, 1_501, 'what is settled is still told of');
    engine.transact([{ kind: 'delete', scope: EVERY_QUEUE, ids: tasks.map(({ id }) => id) }]);
    engine.transact([{ kind: 'insert', tasks: [createTask({ queue: 'last' })], now: T0 }]);
    assert.deepEqual(
      names().filter((name) => !name.startsWith('made-up')),
      ['last', 'set'],
    );
    assert.ok(names().length <= 1_002, `${names().length} names`);
    engine.transact([{ kind: 'setQueue', settings: { ...settings, isPaused: false } }]);
    assert.equal(names().includes('set'), false);
    engine.transact([{ kind: 'insert', tasks: [createTask({ queue: 'made-up-3' })], now: T0 }]);
    assert.equal(engine.queues.countLanes('made-up-3', 1)[0]?.ready, 1);
    db.close();
  });

  it('are no more than the server takes, and known ones go on', () => {
    const db = open();
    const catalog = createCatalog(db, createPrincipals(db), { maxQueues: 2 });
    for (const name of ['a', 'b']) {
      assert.equal(catalog.refuseName(name, ''), undefined);
      assert.ok(catalog.internLane(name, '').id > 0);
    }
    assert.deepEqual([catalog.refuseName('a', ''), catalog.nameRoomOf('')], [undefined, 0]);
    assert.match(catalog.refuseName('c', '')!, /as many queues as the server takes \(maxQueues\)/);
    db.close();
  });

  it('refuses a task of one name more than there may be', async () => {
    const store = await openStore('memory:', { node: 'test' });
    for (let at = 0; at < 100_000; at += 1_000) {
      const names = Array.from({ length: 1_000 }, (_, n) => createTask({ queue: `q${at + n}` }));
      await store.insertTasks(names, T0);
    }
    const refusal = { code: 'RESOURCE_EXHAUSTED', field: 'tasks[1].queue', index: 1 };
    await assert.rejects(store.insertTasks([createTask({ queue: 'q7' }), createTask({ queue: 'more' })], T0), refusal);
    await store.close();
  });
});

describe('openStore() on a file with lanes', () => {
  it('counts them again, and finds broadcasts, settings and clients', async () => {
    const folder = createFolder();
    const url = `sqlite:${join(folder, 'contact.db')}`;
    const first = await openStore(url, { node: 'test' });
    await startTask(first, { lane: 's:run' });
    await addTasks(first, {}, {}, { lane: 's:wait', runAt: T0 + 9 }, { lane: 'c:x' });
    const settings = { queue: 'unused', ...DEFAULT_SETTINGS, isPaused: true };
    await first.setQueueSettings(settings);
    await openSession(first, { clientId: 'me', isNamed: true });
    await first.drainClient('me', true);
    const { parent } = createBroadcast([]);
    await first.insertBroadcast(parent, [createTask({ lane: 'c:x', priority: 1 })], T0);
    const look = async (store: typeof first) => ({
      lanes: await store.countLanes('q', 10),
      selectors: await store.listSelectorLanes(10),
      oldest: await store.listOldest('q', 10),
      children: await store.countChildren(parent.id),
      settings: await store.listQueueSettings(),
      clients: await store.listClients('', 10),
    });
    const before = await look(first);
    assert.deepEqual(before.lanes, [
      { lane: '', ready: 2 },
      { lane: 'c:x', ready: 2 },
    ]);
    assert.deepEqual(
      before.selectors.map(({ lane }) => lane),
      ['s:run', 's:wait'],
    );
    await first.close();
    const second = await openStore(url, { node: 'test' });
    assert.deepEqual(await look(second), before);
    assert.deepEqual(before.settings, [settings]);
    await second.close();
    rmSync(folder, { recursive: true });
  });
});
