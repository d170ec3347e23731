import assert from 'node:assert/strict';
import { createOpening, createRequest, startTask, succeed } from '../scene/deliveries.ts';
import { addTasks, createTask, Q, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

describeStores('a turn', (open) => {
  it('stores, settles and claims in one commit, whatever the order of the calls', async () => {
    const store = await open();
    const run = await startTask(store);
    const task = createTask({ idempotencyKey: 'k' });
    const [claims, inserted, settled, session] = await Promise.all([
      store.claimTasks(
        () => [createRequest(run.session)],
        () => T0,
      ),
      store.insertTasks([task], T0),
      store.settleTasks([succeed(run)], T0),
      store.openSession(createOpening(), T0),
    ]);
    assert.equal(claims[0]!.tasks[0]!.id, task.id);
    assert.deepEqual([inserted.length, settled[0]!.code, session.resumed], [1, 'STORED', false]);
  });

  it('stores a result before the end of its session, when both come in one turn', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1 });
    const [ended, [settled]] = await Promise.all([
      store.endSession(run.session, 'all', T0),
      store.settleTasks([succeed(run)], T0),
    ]);
    assert.deepEqual(ended, { ready: [], events: [], lostCount: 0 });
    assert.deepEqual([settled!.code, settled!.event?.state], ['STORED', 'succeeded']);
  });

  it('keeps its counts and numbers when a group is taken back', async () => {
    const store = await open();
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
  });

  it('is refused once the store is closed', async () => {
    const store = await open();
    await addTasks(store, {});
    await store.close();
    await store.close();
    const closed = { code: 'UNAVAILABLE', message: 'store: closed' };
    await assert.rejects(store.insertTasks([createTask()], T0), closed);
    await assert.rejects(store.readResults(0, 10), closed);
    await assert.rejects(store.listTasks({}, null, 10), closed);
  });
});
