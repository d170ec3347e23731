import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createActs } from '../../server/store/act/acts.ts';
import { openDatabase } from '../../server/store/file/database.ts';
import { migrate } from '../../server/store/file/schema.ts';
import { openStore } from '../../server/store/open.ts';
import { createFolder } from '../scene/folder.ts';
import { addTasks, Q, T0 } from '../scene/tasks.ts';

describe('the rows of what operators have ordered', () => {
  it('are there after the store was opened again, also of tasks that are gone', async () => {
    const folder = createFolder();
    const open = () => openStore(`sqlite:${join(folder, 'contact.db')}`, { node: 'test' });
    try {
      let store = await open();
      const [id] = await addTasks(store, {});
      await store.cancelTasks([id!], 'no', T0, undefined, 'token:ops');
      await store.setQueueSettings({ queue: Q.queue, maxWaiting: 5 }, { by: 'token:ops', now: T0 });
      await store.deleteTasks([id!]);
      const before = await store.listActs(null, 0, 10);
      await store.close();
      store = await open();
      assert.deepEqual(await store.listActs(null, 0, 10), before);
      assert.equal(before.length, 2);
      await store.noteAct({ kind: 'backed_up', by: 'token:ops', at: T0 });
      assert.deepEqual(
        (await store.listActs(null, 0, 10)).map(({ number, kind }) => [number, kind]),
        [
          [3, 'backed_up'],
          [2, 'queue_limited'],
          [1, 'tasks_cancelled'],
        ],
      );
      await store.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('are no more than there may be: the oldest go of whoever has the most', () => {
    const db = openDatabase(':memory:');
    migrate(db);
    const acts = createActs(db, 500);
    const note = (by: string, at: number): void => {
      acts.note({ kind: 'queue_paused', by, at: T0 + at, queue: `q${at}` });
      acts.flush();
    };
    for (let n = 0; n < 20; n += 1) note('token:ops', n);
    for (let n = 0; n < 2_000; n += 1) note('token:busy', 100 + n);
    const all = acts.list(null, 0, 10_000);
    assert.ok(all.length > 400 && all.length <= 500, `${all.length}`);
    assert.equal(all.filter(({ by }) => by === 'token:ops').length, 20);
    assert.deepEqual([all[0]?.queue, all.at(-1)?.queue], ['q2099', 'q0']);
    const ofBusy = all.filter(({ by }) => by === 'token:busy').map(({ at }) => at);
    assert.equal(ofBusy.at(-1), ofBusy[0]! - ofBusy.length + 1);
    db.close();
  });

  it('are not there where what they tell of was taken back', () => {
    const db = openDatabase(':memory:');
    migrate(db);
    const acts = createActs(db);
    acts.note({ kind: 'queue_paused', by: 'token:ops', at: T0, queue: 'q' });
    acts.reload();
    acts.flush();
    assert.deepEqual(acts.list(null, 0, 10), []);
    db.close();
  });
});
