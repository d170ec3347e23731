import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { applySettings, openDatabase } from '../../server/store/file/database.ts';
import { migrate } from '../../server/store/file/schema.ts';
import { openStore } from '../../server/store/open.ts';
import type { Request } from '../../server/store/request.ts';
import { createSqliteEngine } from '../../server/store/sqlite/engine.ts';
import { startTask, succeed } from '../scene/deliveries.ts';
import { createFolder } from '../scene/folder.ts';
import { createTask, stateOf, T0 } from '../scene/tasks.ts';
import { until } from '../scene/until.ts';

describe('a disk in trouble', () => {
  let folder: string;

  beforeEach(() => {
    folder = createFolder();
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('refuses a group while another program locks the file, and goes on afterwards', async () => {
    const file = join(folder, 'contact.db');
    const store = await openStore(`sqlite:${file}`, { node: 'test' });
    const run = await startTask(store);
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    const refused = { code: 'UNAVAILABLE', retryAfterMs: 100 };
    const results = [store.settleTasks([succeed(run)], T0), store.insertTasks([createTask()], T0)];
    for (const result of results) await assert.rejects(result, refused);
    assert.equal(await stateOf(store, run.taskId), 'running');
    other.exec('ROLLBACK');
    other.close();
    assert.equal((await store.settleTasks([succeed(run)], T0))[0]!.event!.position, 1);
    assert.equal((await store.listTasks({}, null, 10)).length, 1);
    await store.close();
  });

  it('leaves what is left of it to those who have not filled it, and the last of it to results', async () => {
    const MIB = 1 << 20;
    let free = 1_000 * MIB;
    const options = { node: 'test', minFreeBytes: 100 * MIB, freeBytes: () => free };
    const store = await openStore(`sqlite:${join(folder, 'contact.db')}`, options);
    const insert = (whose: string, bytes = 1_000) =>
      store.insertTasks([createTask({ createdBy: whose, payload: Buffer.alloc(bytes) })], T0);
    const others = ['token:other', 'token:new', ''];
    await insert('token:flood', MIB);
    const run = await startTask(store);
    free = 199 * MIB;
    const full = {
      code: 'RESOURCE_EXHAUSTED',
      field: 'disk',
      retryAfterMs: 1_000,
      problem: /^little is left, and token:fl/,
    };
    // The store looks at the disk once a second.
    await until('the flood is refused', async () =>
      insert('token:flood')
        .then(() => false)
        .catch(() => true),
    );
    for (const whose of others) await insert(whose);
    await assert.rejects(insert('token:flood', 1), full);
    const parent = { ...createTask({ createdBy: 'token:flood' }), childCount: 1, selector: '', scope: [] };
    await assert.rejects(store.insertBroadcast(parent as never, [], T0), full);
    assert.equal(store.refusal(), undefined);
    // Who takes too much of the rest is no better.
    await insert('token:other', MIB);
    await assert.rejects(insert('token:other'), { field: 'disk' });
    await insert('token:new');
    free = 99 * MIB;
    await until('all are refused', async () =>
      insert('token:new')
        .then(() => false)
        .catch(() => true),
    );
    for (const whose of others) await assert.rejects(insert(whose), { code: 'RESOURCE_EXHAUSTED', field: undefined });
    assert.equal((await store.settleTasks([succeed(run)], T0))[0]!.event!.position, 1);
    await store.close();
  });

  it('refuses a group that the disk has no room for, and keeps what was there', () => {
    const file = join(folder, 'full.db');
    const db = openDatabase(file);
    applySettings(db, file);
    migrate(db);
    const engine = createSqliteEngine(db);
    const insert = (bytes: number): Request => ({
      kind: 'insert',
      tasks: [createTask({ payload: Buffer.alloc(bytes) })],
      now: T0,
    });
    engine.transact([insert(100)]);
    db.exec('PRAGMA max_page_count = 60');
    assert.throws(
      () => engine.transact([insert(100), insert(1 << 20)]),
      (error) => {
        const verdict = engine.judge(error);
        assert(verdict.kind === 'refused');
        assert.deepEqual([verdict.error.code, verdict.error.retryAfterMs], ['RESOURCE_EXHAUSTED', 1_000]);
        return true;
      },
    );
    const counts = [...engine.catalog.queues()].map((queue) => queue.counts.ready);
    assert.deepEqual([counts, engine.counters.nextTaskKey], [[1], 2]);
    engine.transact([insert(100)]);
    db.close();
  });

  it('forgets what it was about to write of tasks that there was no room for', () => {
    const file = join(folder, 'full.db');
    const db = openDatabase(file);
    applySettings(db, file);
    migrate(db);
    const engine = createSqliteEngine(db);
    const insert = (...bytes: number[]): Request => ({
      kind: 'insert',
      tasks: bytes.map((size) => createTask({ payload: Buffer.alloc(size), expiresAt: T0 + 1 })),
      now: T0,
    });
    engine.transact([insert(100)]);
    db.exec('PRAGMA max_page_count = 60');
    assert.throws(() => engine.transact([insert(100, 100, 1 << 20)]));
    assert.equal((engine.transact([insert(100)])[0] as unknown[]).length, 1);
    assert.equal(db.prepare<{ n: number }>('SELECT count(*) AS n FROM live').get()!.n, 2);
    db.close();
  });
});
