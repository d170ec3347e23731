import assert from 'node:assert/strict';
import type { FailureGroup } from '../../server/store/attempts.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { claim, fail, openSession, settle, startTask } from '../scene/deliveries.ts';
import { createFolder } from '../scene/folder.ts';
import { addTasks, T0 } from '../scene/tasks.ts';

describe('kinds of failures', () => {
  const open = (url: string, maxFailureKinds?: number) =>
    openStore(url, { node: 'test', ...(maxFailureKinds ? { bounds: { maxFailureKinds } } : {}) });

  async function failOne(store: Store, code: string, queue = 'q'): Promise<string> {
    const run = await startTask(store, { queue });
    await settle(store, fail(run, { error: { code, message: 'm' }, retry: { kind: 'never' } }));
    return run.taskId;
  }

  async function count(store: Store, queue: string): Promise<[string, number][]> {
    const { groups } = await store.listFailures({ by: 'error', queues: [queue] }, 1_000);
    return groups.map(({ common, count }): [string, number] => ['code' in common ? common.code : '?', count]).sort();
  }

  it('are so many at most, and what comes then is counted as one of its queue', async () => {
    const store = await open('memory:', 3);
    for (const code of ['a', 'b', 'c', 'd', 'e', 'a']) await failOne(store, code);
    await failOne(store, 'f', 'other');
    assert.deepEqual(await count(store, 'q'), [
      ['', 2],
      ['a', 2],
      ['b', 1],
      ['c', 1],
    ]);
    assert.deepEqual(await count(store, 'other'), [['', 1]]);
    await store.close();
  });

  it('are 500 of one queue, which leaves room for others', async () => {
    const store = await open('memory:');
    for (let n = 0; n < 502; n++) await failOne(store, `c${n}`, 'flood');
    await failOne(store, 'mine', 'q');
    const flood = await count(store, 'flood');
    assert.equal(flood.length, 501);
    assert.deepEqual(flood[0], ['', 2]);
    assert.deepEqual(await count(store, 'q'), [['mine', 1]]);
    await store.close();
  });

  it('are forgotten once no failure is of them, so that there is room again', async () => {
    const store = await open('memory:', 1);
    const id = await failOne(store, 'a');
    await store.deleteTasks([id]);
    await failOne(store, 'b');
    assert.deepEqual(await count(store, 'q'), [['b', 1]]);
    await store.close();
  });

  it('are there when the file is opened again', async () => {
    const url = `sqlite:${createFolder()}/contact.db`;
    const store = await open(url);
    await failOne(store, 'a');
    await store.close();
    const again = await open(url);
    await failOne(again, 'a');
    assert.deepEqual(await count(again, 'q'), [['a', 2]]);
    await again.close();
  });

  it('of many failures are counted in parts, each failure once', async () => {
    const store = await open('memory:');
    // More are of one instant than are counted at once.
    await fill(store, 20_500, T0 + 1);
    await fill(store, 500, T0 + 9);
    for (const by of ['error', 'client', 'queue'] as const) {
      const { groups } = await store.listFailures({ by }, 10);
      assert.deepEqual(brief(groups), [[21_000, 21_000, T0 + 9]], by);
      assert.deepEqual(brief((await store.listFailures({ by, since: T0 + 1 }, 10)).groups), [[500, 500, T0 + 9]], by);
    }
    await store.close();
  }).timeout(20_000);

  const brief = (groups: readonly FailureGroup[]) =>
    groups.map(({ count, finalCount, newest }) => [count, finalCount, newest.endedAt]);

  async function fill(store: Store, count: number, at: number): Promise<void> {
    const { session } = await openSession(store, { clientId: 'c' });
    for (let left = count; left > 0; left -= 500) {
      await addTasks(store, ...Array.from({ length: 500 }, () => ({ payload: Buffer.alloc(0) })));
      const claimed = await claim(store, session, { limit: 500 }, at);
      const runs = claimed.map(({ id, delivery }) => fail({ taskId: id, delivery }, { retry: { kind: 'never' } }));
      await store.settleTasks(runs, at);
    }
  }
});
