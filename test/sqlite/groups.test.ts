import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../server/store/open.ts';
import { createOpening, createRequest } from '../scene/deliveries.ts';
import { createFolder } from '../scene/folder.ts';
import { addTasks, createTask, T0 } from '../scene/tasks.ts';

describe('a turn of the SQLite store', () => {
  it('claims 2,000 tasks or 8 MiB at most, and says that there may be more', async () => {
    const store = await openStore('memory:', { node: 'test' });
    const { session } = await store.openSession(createOpening(), T0);
    await addTasks(store, ...Array.from({ length: 2_050 }, () => ({})));
    await addTasks(store, ...Array.from({ length: 10 }, () => ({ queue: 'large', payload: Buffer.alloc(1 << 20) })));
    const claimSome = async (queue: string) => {
      const request = createRequest(session, { lanes: [{ queue, lane: '' }], limit: 5_000, maxBytes: 1 << 30 });
      const [outcome] = await store.claimTasks(
        () => [request],
        () => T0,
      );
      return [outcome!.tasks.length, outcome!.exhausted];
    };
    assert.deepEqual(
      [await claimSome('q'), await claimSome('q')],
      [
        [2_000, false],
        [50, true],
      ],
    );
    assert.deepEqual(
      [await claimSome('large'), await claimSome('large')],
      [
        [8, false],
        [2, true],
      ],
    );
    await store.close();
  });

  it('has a small producer wait for no more than a turn of one that floods it', async () => {
    const folder = createFolder();
    const store = await openStore(`sqlite:${join(folder, 'test.db')}`, { node: 'test' });
    let stored = 0;
    const flood = Array.from({ length: 200 }, async () => {
      const tasks = Array.from({ length: 500 }, () => createTask({ createdBy: 'token:flood' }));
      await store.insertTasks(tasks, T0);
      stored += tasks.length;
    });
    const before: number[] = [];
    for (let n = 0; n < 20; n++) {
      const start = stored;
      await store.insertTasks([createTask({ createdBy: 'token:small' })], T0);
      before.push(stored - start);
    }
    // All that was sent before it is 100,000 tasks. A group has 2,000: the one that is on its way to disk, the one after, its own.
    assert.ok(Math.max(...before) <= 3 * 2_000, before.join());
    assert.ok(stored < 100_000, `${stored} were stored: nothing was left to wait for`);
    await Promise.all(flood);
    await store.close();
    rmSync(folder, { recursive: true });
  });
});
