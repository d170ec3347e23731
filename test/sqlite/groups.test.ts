import assert from 'node:assert/strict';
import { openStore } from '../../server/store/open.ts';
import { createOpening, createRequest, startTask, succeed } from '../scene/deliveries.ts';
import { addTasks, Q, T0 } from '../scene/tasks.ts';

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

  it('keeps its counts and numbers when a group is taken back', async () => {
    const store = await openStore('memory:', { node: 'test' });
    const run = await startTask(store, { queue: 'a' });
    const bad = store.claimTasks(
      () => {
        throw new Error('a bug in the plan');
      },
      () => T0,
    );
    const [broken, ids, settled] = await Promise.allSettled([
      bad,
      addTasks(store, { queue: 'b' }, {}),
      store.settleTasks([succeed(run)], T0),
    ]);
    assert.deepEqual([broken.status, ids.status, settled.status], ['rejected', 'fulfilled', 'fulfilled']);
    assert.equal((await store.resultBounds()).newest, 1);
    const counts = (await store.countQueues()).map(({ queue, ready, running, settled: { succeeded } }) => [
      queue,
      ready,
      running,
      succeeded,
    ]);
    assert.deepEqual(counts.sort(), [
      ['a', 0, 0, 1],
      ['b', 1, 0, 0],
      ['q', 1, 0, 0],
    ]);
    const [claimed] = await store.claimTasks(
      () => [createRequest(run.session, { lanes: [Q] })],
      () => T0,
    );
    assert.equal(claimed!.tasks.length, 1);
    await store.close();
  });
});
