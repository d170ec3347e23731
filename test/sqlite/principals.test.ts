import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { applySettings, type Database, openDatabase } from '../../server/store/file/database.ts';
import { migrate } from '../../server/store/file/schema.ts';
import { openStore } from '../../server/store/open.ts';
import { createPrincipals } from '../../server/store/sqlite/rows/principals.ts';
import { claim, openSession } from '../scene/deliveries.ts';
import { createFolder } from '../scene/folder.ts';
import { createTask, T0 } from '../scene/tasks.ts';

const FULL = { code: 'RESOURCE_EXHAUSTED', field: 'tasks', retryAfterMs: 1_000 };

function open(): Database {
  const db = openDatabase(':memory:');
  applySettings(db, ':memory:');
  migrate(db);
  return db;
}

describe('principals whose tasks wait', () => {
  it('are no more than there may be', () => {
    const db = open();
    const principals = createPrincipals(db, { maxPrincipals: 2 });
    for (const one of ['a', 'b']) principals.count(one, 1);
    assert.deepEqual([principals.roomOf('a') > 0, principals.roomOf('c'), principals.roomOf('') > 0], [true, 0, true]);
    principals.count('b', -1);
    principals.flush();
    principals.confirm();
    assert.ok(principals.roomOf('c') > 0);
    db.close();
  });

  it('are so many of whom the store takes tasks, whole batches, and who has some goes on', async () => {
    const store = await openStore('memory:', { node: 'test', bounds: { maxPrincipals: 2 } });
    const [one, two, more] = ['a', 'b', 'c'].map((name) => createTask({ createdBy: `token:${name}` }));
    await store.insertTasks([one!, two!, createTask()], T0);
    const again = createTask({ createdBy: 'token:a' });
    await assert.rejects(store.insertTasks([again, more!], T0), { ...FULL, problem: /^as many principals/ });
    await store.insertTasks([again], T0);
    await store.cancelTasks([two!.id], '', T0);
    await store.insertTasks([more!], T0);
    await store.close();
  });

  it('have what was committed, after a transaction that was taken back', () => {
    const db = open();
    const principals = createPrincipals(db, { maxWaitingTasksPerPrincipal: 10 });
    const commit = () => {
      principals.flush();
      principals.confirm();
    };
    principals.count('a', 1);
    principals.count('b', 1);
    commit();
    principals.count('a', 1);
    principals.count('b', -1);
    principals.count('c', 1);
    db.exec('BEGIN');
    principals.flush();
    db.exec('ROLLBACK');
    principals.reload();
    assert.deepEqual(['a', 'b', 'c'].map(principals.roomOf), [9, 9, 10]);
    principals.count('a', 1);
    principals.count('b', -1);
    commit();
    const rows = db.prepare<{ name: string; waiting: number }>('SELECT * FROM principal').all();
    assert.deepEqual(
      rows.map(({ name, waiting }) => [name, waiting]),
      [['a', 2]],
    );
    assert.deepEqual(
      ['a', 'b', 'c'].map(createPrincipals(db, { maxWaitingTasksPerPrincipal: 10 }).roomOf),
      [8, 10, 10],
    );
    db.close();
  });
});

describe('a file with tasks of principals', () => {
  it('has each counted as whose it is where many are read at once, and few are in memory', async () => {
    const fresh = {
      ready: 64,
      soon: 40,
      payloadBytes: 1 << 20,
      behind: 8,
      step: 8,
      shortest: 2,
      claims: 64,
      runs: 400,
    };
    const bounds = { maxWaitingTasksPerPrincipal: 300 };
    const store = await openStore('memory:', { node: 'test', fresh, bounds });
    const batch = (count: number, createdBy: string) => Array.from({ length: count }, () => createTask({ createdBy }));
    const whose = ['token:a', 'token:b', ''];
    for (const count of [100, 50]) {
      for (const one of whose) await store.insertTasks(batch(count, one), T0);
    }
    const { session } = await openSession(store);
    for (let left = 450; left > 150; left -= 25) assert.equal((await claim(store, session, { limit: 25 })).length, 25);
    // Of those that wait the first fifty are the last that a has.
    await store.insertTasks([...batch(250, 'token:a'), ...batch(250, 'token:b')], T0);
    for (const one of whose.slice(0, 2)) await assert.rejects(store.insertTasks(batch(1, one), T0), FULL);
    await store.close();
  });

  it('has them counted again when it is opened, also by a server that takes fewer, without a look at them', async () => {
    const folder = createFolder();
    const file = join(folder, 'contact.db');
    const openFile = (max: number) =>
      openStore(`sqlite:${file}`, { node: 'test', bounds: { maxWaitingTasksPerPrincipal: max } });
    const batch = (count: number) => Array.from({ length: count }, () => createTask({ createdBy: 'token:a' }));
    const first = await openFile(300);
    await first.insertTasks(batch(200), T0);
    const { session } = await openSession(first);
    assert.equal((await claim(first, session, { limit: 50 })).length, 50);
    await first.close();
    const second = await openFile(100);
    await assert.rejects(second.insertTasks(batch(1), T0), {
      ...FULL,
      problem: 'token:a has 150 that wait, and may have no more (maxWaitingTasksPerPrincipal)',
    });
    await second.close();
    // What the table says is what holds.
    const db = new DatabaseSync(file);
    db.exec('UPDATE principal SET waiting = 90');
    db.close();
    const third = await openFile(100);
    await third.insertTasks(batch(10), T0);
    await assert.rejects(third.insertTasks(batch(1), T0), FULL);
    await third.close();
    rmSync(folder, { recursive: true });
  });
});
