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
