import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../server/store/open.ts';
import { createFolder } from '../scene/folder.ts';
import { countRows } from '../scene/rows.ts';
import { addTasks, createBroadcast, Q, T0 } from '../scene/tasks.ts';

const LATER = T0 + 3_600_000;

describe('the rows of what somebody did to tasks', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = createFolder();
    file = join(folder, 'contact.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = () => openStore(`sqlite:${file}`, { node: 'test' });

  it('go with their task when it is deleted, pruned or taken away unopened', async () => {
    const store = await open();
    const [one] = await addTasks(store, {}, {});
    const { parent, children } = createBroadcast(['a']);
    await store.insertBroadcast(parent, children, T0, 'test');
    await store.cancelTasks([one!, parent.id], '', T0, undefined, 'token:ops');
    await store.purgeTasks(Q.queue, 10, 'purged', T0, 'token:ops');
    assert.equal(countRows(file, 'task_act'), 3 + 1);
    await store.deleteTasks([one!]);
    assert.equal(countRows(file, 'task_act'), 3);
    await store.abandonBroadcast(parent.id, 10);
    const left = countRows(file, 'task_act');
    await store.pruneTasks({ maxAgeMs: 1, maxCount: 0 }, 10, LATER);
    assert.deepEqual([left, countRows(file, 'task_act')], [2, 0]);
    await store.close();
  });

  it('are there after the store was opened again', async () => {
    let store = await open();
    const [id] = await addTasks(store, {});
    await store.cancelTasks([id!], 'no', T0, undefined, 'token:ops');
    await store.close();
    store = await open();
    const { acts } = (await store.describeTask(id!))!;
    assert.deepEqual(acts, [{ kind: 'cancelled', at: T0, by: 'token:ops', reason: 'no' }]);
    await store.close();
  });
});
