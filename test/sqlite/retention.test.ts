import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { FOREVER } from '../../server/model/retention.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { preparePlace } from '../scene/folder.ts';
import { createTask, T0 } from '../scene/tasks.ts';

const LATER = T0 + 86_400_000;

describe('pruning of a file', () => {
  const place = preparePlace();
  const open = (): Promise<Store> => openStore(`sqlite:${place.file}`, { node: 'test' });

  /** Settled tasks of a queue, in batches. */
  async function addSettled(store: Store, queue: string, count: number, bytes = 10, at = T0): Promise<void> {
    for (let left = count; left > 0; left -= 500) {
      const batch = Array.from({ length: Math.min(500, left) }, () =>
        createTask({ queue, payload: Buffer.alloc(bytes, 1) }),
      );
      await store.insertTasks(batch, at);
      await store.cancelTasks(
        batch.map(({ id }) => id),
        '',
        at,
      );
    }
  }

  /** Prunes until nothing is left to do; answers how many tasks went and in how many steps. */
  async function prune(store: Store, maxCount: number, limit = 200): Promise<{ count: number; steps: number }> {
    let count = 0;
    for (let steps = 1; ; steps++) {
      const { taskIds, isDone } = await store.pruneTasks({ maxAgeMs: 0, maxCount }, limit, LATER);
      count += taskIds.length;
      if (isDone) return { count, steps };
    }
  }

  /** The first position that a queue may have something to prune after. */
  function prunedTo(queue: string): unknown {
    const db = new DatabaseSync(place.file, { readOnly: true });
    const row = db.prepare('SELECT pruned_to FROM queue WHERE name = ?').get(queue)!;
    db.close();
    return row.pruned_to;
  }

  it('passes results that other queues keep once, also over a restart', async () => {
    const first = await open();
    await addSettled(first, 'kept', 5_000);
    await first.setQueueSettings({ queue: 'kept', retention: FOREVER });
    await addSettled(first, 'q', 10);
    assert.equal(prunedTo('q'), 5_000, 'a new queue has nothing before the newest result');
    assert.deepEqual(await prune(first, 4), { count: 6, steps: 1 });
    assert.equal(prunedTo('q'), 5_006);
    await addSettled(first, 'kept', 5_000);
    await addSettled(first, 'q', 2);
    await first.close();

    const second = await open();
    assert.deepEqual(await prune(second, 4), { count: 2, steps: 1 });
    const { steps } = await prune(second, 1);
    assert.ok(steps >= 5 && steps <= 7, `${steps} steps of 1,000 results along the 5,000 between`);
    assert.equal(prunedTo('q'), 10_011);
    await second.close();
  });

  it('passes what it keeps of one queue no more to come to another', async () => {
    const first = await open();
    await addSettled(first, 'a', 5_000);
    await addSettled(first, 'b', 10);
    assert.equal((await prune(first, 5_000)).count, 0);
    await first.close();
    const second = await open();
    assert.deepEqual(await prune(second, 5_000), { count: 0, steps: 1 });
    assert.deepEqual([prunedTo('a'), prunedTo('b')], [0, 5_000]);
    await second.close();
  });

  it('gives no position twice, also over a restart', async () => {
    const first = await open();
    await addSettled(first, 'q', 3);
    await first.pruneTasks({ maxAgeMs: 1, maxCount: 0 }, 200, LATER);
    await first.close();
    const second = await open();
    assert.deepEqual(await second.resultBounds(), { newest: 3, beforeOldest: 3 });
    await second.close();
  });

  it('begins anew after a step that was taken back', async () => {
    const store = await open();
    await addSettled(store, 'q', 500);
    await store.pruneTasks({ maxAgeMs: 0, maxCount: 100 }, 100, LATER);
    const fail = (): never => {
      throw Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 });
    };
    await Promise.all([
      assert.rejects(store.pruneTasks({ maxAgeMs: 0, maxCount: 100 }, 100, LATER), { code: 'RESOURCE_EXHAUSTED' }),
      assert.rejects(
        store.claimTasks(fail, () => 0),
        { code: 'RESOURCE_EXHAUSTED' },
      ),
    ]);
    assert.equal((await prune(store, 100)).count, 300);
    assert.equal((await store.countQueues())[0]!.settled.cancelled, 100);
    await store.close();
  });

  it('gives back space, in steps, and keeps some for what comes next', async () => {
    const store = await open();
    await addSettled(store, 'q', 5_000, 10_000);
    await store.close();
    const before = statSync(place.file).size;
    assert.ok(before > 50_000_000, `${before} bytes`);
    const again = await open();
    const { count, steps } = await prune(again, 500);
    assert.equal(count, 4_500);
    assert.ok(steps > 23 + 50, `${steps} steps, which give back 64 pages each`);
    await again.close();
    const after = statSync(place.file).size;
    assert.ok(after < before / 2, `${before} bytes became ${after}`);
    const db = new DatabaseSync(place.file, { readOnly: true });
    assert.deepEqual({ ...db.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' });
    const free = Number(db.prepare('PRAGMA freelist_count').get()!.freelist_count);
    db.close();
    assert.ok(free > 1_000 && free < 4_000, `${free} free pages`);
  });
});
