import assert from 'node:assert/strict';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createGroupCommit, type GroupCommit } from '../../server/store/commit.ts';
import { type Request, rankOf } from '../../server/store/request.ts';
import { type Checkpoints, createCheckpoints } from '../../server/store/sqlite/checkpoints.ts';
import { applySettings, type Database, openDatabase } from '../../server/store/sqlite/database.ts';
import { createSqliteEngine } from '../../server/store/sqlite/engine.ts';
import { migrate } from '../../server/store/sqlite/schema.ts';
import { openWal, type Wal, walOf } from '../../server/store/sqlite/wal.ts';
import { createTask, T0 } from './scene.ts';
import { createFolder } from './stores.ts';

const PAGE_BYTES = 4_096;

describe('the log of the SQLite store', () => {
  let folder: string;
  let file: string;
  let db: Database;
  let checkpoints: Checkpoints;
  const fatal: unknown[] = [];

  beforeEach(() => {
    folder = createFolder();
    file = join(folder, 'contact.db');
    db = openDatabase(file);
    applySettings(db, file);
    migrate(db);
    checkpoints = createCheckpoints({ file, passPages: 50, longPages: 200, onFatal: (error) => fatal.push(error) });
  });

  afterEach(async () => {
    await checkpoints.close();
    db.close();
    rmSync(folder, { recursive: true });
    assert.deepEqual(fatal, []);
  });

  function createCommit(wal: Wal): GroupCommit<Request> {
    const engine = createSqliteEngine(db, { wal, checkpoints });
    return createGroupCommit<Request>({ engine, rankOf, onFatal: (error) => fatal.push(error) });
  }

  function insert(commit: GroupCommit<Request>, bytes = 0): Promise<unknown> {
    const tasks = [createTask({ payload: Buffer.alloc(bytes) })];
    return commit.submit({ kind: 'insert', tasks, now: T0 }, 1, bytes);
  }

  it('is on disk before anything is answered, and the next commit waits for it', async () => {
    const syncs: (() => void)[] = [];
    const wal = { sync: () => new Promise<void>((resolve) => syncs.push(resolve)), close: () => {} };
    const commit = createCommit(wal);
    let answered = 0;
    const inserts = [1, 2].map(async () => {
      await insert(commit);
      answered += 1;
      await insert(commit);
      answered += 1;
    });
    for (const expected of [0, 2]) {
      while (syncs.length === 0) await new Promise(setImmediate);
      // Time enough for whatever does not wait.
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
      assert.deepEqual([answered, syncs.length], [expected, 1]);
      syncs.shift()!();
    }
    await Promise.all(inserts);
  });

  it('begins anew again and again while commits go on', async () => {
    const wal = openWal(file);
    const commit = createCommit(wal);
    const bytes = 20 * PAGE_BYTES;
    for (let count = 0; count < 400; count += 1) await insert(commit, bytes);
    await checkpoints.close();
    // More than 400 × 20 pages went through it.
    const pages = statSync(walOf(file)).size / PAGE_BYTES;
    assert.ok(pages < 4_000, `${pages} pages`);
    wal.close();
  });

  it('grows while somebody reads an old state, makes nobody wait for that, and begins anew afterwards', async () => {
    const wal = openWal(file);
    const commit = createCommit(wal);
    const reader = new DatabaseSync(file);
    reader.exec('BEGIN; SELECT count(*) FROM task');
    let pauses = 0;
    for (let count = 0; count < 200; count += 1) {
      await insert(commit, 10 * PAGE_BYTES);
      if (checkpoints.pause()) pauses += 1;
    }
    const sizeBefore = statSync(walOf(file)).size;
    assert.ok(sizeBefore > 1_800 * PAGE_BYTES, `${sizeBefore} bytes`);
    // Each time the log is longer by as much as made it long: 2,000 pages and more, by 200.
    assert.ok(pauses <= 12, `${pauses} pauses`);
    reader.exec('COMMIT');
    reader.close();
    for (let count = 0; count < 200; count += 1) await insert(commit, 10 * PAGE_BYTES);
    await checkpoints.close();
    const sizeAfter = statSync(walOf(file)).size;
    assert.ok(sizeAfter < sizeBefore * 1.5, `${sizeBefore} bytes, then ${sizeAfter}`);
    wal.close();
  });
});
