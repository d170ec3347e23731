import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../server/store/open.ts';
import { fail, nameDelivery, settle, startTask, succeed } from '../scene/deliveries.ts';
import { createFolder } from '../scene/folder.ts';
import { countRows } from '../scene/rows.ts';
import { T0 } from '../scene/tasks.ts';

const LATER = T0 + 3_600_000;
const SAID = { number: 1, level: 'warn', at: T0, text: 'said' } as const;

describe('the rows of what workers say', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = createFolder();
    file = join(folder, 'contact.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = () => openStore(`sqlite:${file}`, { node: 'test' });

  it('are none of a task of which nobody says anything, and make no other rows', async () => {
    const store = await open();
    await settle(store, succeed(await startTask(store)));
    assert.equal(countRows(file, 'task_log'), 0);
    const run = await startTask(store);
    await store.logTasks([{ ...nameDelivery(run), ...SAID }]);
    assert.deepEqual([countRows(file, 'task_log'), countRows(file, 'live')], [1, 0]);
    await store.close();
  });

  it('go with their task when it is deleted or pruned', async () => {
    const store = await open();
    const [one, other] = [await startTask(store, { maxAttempts: 1 }), await startTask(store, { maxAttempts: 1 })];
    for (const run of [one, other]) {
      await store.logTasks([{ ...nameDelivery(run), ...SAID }]);
      await settle(store, fail(run));
    }
    assert.equal(countRows(file, 'task_log'), 2);
    await store.deleteTasks([one.taskId]);
    assert.equal(countRows(file, 'task_log'), 1);
    await store.pruneTasks({ maxAgeMs: 1, maxCount: 0 }, 10, LATER);
    assert.equal(countRows(file, 'task_log'), 0);
    await store.close();
  });

  it('are there after the store was opened again', async () => {
    let store = await open();
    const run = await startTask(store);
    await store.logTasks([{ ...nameDelivery(run), ...SAID }]);
    await store.close();
    store = await open();
    assert.deepEqual((await store.describeTask(run.taskId))!.log, [{ delivery: 1, ...SAID }]);
    await store.close();
  });
});
