import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../server/store/open.ts';
import { claim, fail, nameDelivery, settle, startTask, succeed } from '../scene/deliveries.ts';
import { createFolder } from '../scene/folder.ts';
import { countRows } from '../scene/rows.ts';
import { T0 } from '../scene/tasks.ts';

const LATER = T0 + 3_600_000;

describe('the rows of attempts', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = createFolder();
    file = join(folder, 'contact.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = () => openStore(`sqlite:${file}`, { node: 'test' });

  it('are none of a task that succeeds at once', async () => {
    const store = await open();
    await settle(store, succeed(await startTask(store)));
    assert.equal(countRows(file, 'attempt'), 0);
    await store.close();
  });

  it('go with their task when it is deleted or pruned', async () => {
    const store = await open();
    const [one, other] = [await startTask(store, { maxAttempts: 1 }), await startTask(store, { maxAttempts: 1 })];
    for (const run of [one, other]) await settle(store, fail(run));
    assert.equal(countRows(file, 'attempt'), 2);
    await store.deleteTasks([one.taskId]);
    assert.equal(countRows(file, 'attempt'), 1);
    await store.pruneTasks({ maxAgeMs: 1, maxCount: 0 }, 10, LATER);
    assert.equal(countRows(file, 'attempt'), 0);
    await store.close();
  });

  it('are there after the store was opened again, and the one that runs too', async () => {
    let store = await open();
    const run = await startTask(store, {}, { clientId: 'w' });
    await settle(store, fail(run, { retry: { kind: 'after', ms: 0 } }));
    await store.wakeTasks(T0, 10);
    await claim(store, run.session);
    await store.close();
    store = await open();
    const { attempts } = (await store.describeTask(run.taskId))!;
    assert.deepEqual(
      attempts.map(({ delivery, clientId, claimedAt, end }) => [delivery, clientId, claimedAt, end]),
      [
        [1, 'c', T0, 'failed'],
        [2, 'w', T0, null],
      ],
    );
    await settle(store, succeed({ ...nameDelivery(run), delivery: 2 }));
    await store.close();
  });
});
