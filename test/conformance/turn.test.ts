import assert from 'node:assert/strict';
import { createOpening, createRequest, startTask, succeed } from '../scene/deliveries.ts';
import { createTask, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

describeStores('a turn', (open) => {
  it('stores, settles and claims in one commit, whatever the order of the calls', async () => {
    const store = await open();
    const run = await startTask(store);
    const task = createTask({ key: 'k' });
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
    assert.deepEqual(ended, { ready: [], events: [] });
    assert.deepEqual([settled!.code, settled!.event?.state], ['STORED', 'succeeded']);
  });
});
