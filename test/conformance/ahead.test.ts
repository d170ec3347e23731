import assert from 'node:assert/strict';
import { claim, openSession } from '../scene/deliveries.ts';
import { createTask, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

describeStores('countAhead()', (open) => {
  it('counts the ready tasks of the lane that are given away before, up to a limit', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const tasks = [{}, { priority: 1 }, {}, { priority: -1 }, { lane: 'c:x' }, { runAt: T0 + 99 }].map((one) =>
      createTask(one),
    );
    await store.insertTasks(tasks, T0);
    const count = (n: number, limit = 10) => store.countAhead(tasks[n]!.id, limit);
    const counts = () => Promise.all(tasks.map((_, n) => count(n)));
    assert.deepEqual(await counts(), [1, 0, 2, 3, 0, 0]);
    assert.equal(await count(3, 2), 2);
    const [first] = await claim(store, session, { limit: 1 });
    assert.equal(first!.id, tasks[1]!.id);
    assert.deepEqual(await counts(), [0, 0, 1, 2, 0, 0]);
    await store.releaseTasks([{ taskId: first!.id, delivery: 1, session, cause: 'released', isStarted: false }], T0);
    assert.deepEqual(await counts(), [1, 0, 2, 3, 0, 0], 'one that is given back has its place again');
    assert.equal(await store.countAhead(createTask({}).id, 10), 0, 'nobody knows it');
  });

  it('counts in a long backlog too, whatever of it is in memory', async () => {
    const store = await open();
    const tasks = Array.from({ length: 300 }, () => createTask({}));
    await store.insertTasks(tasks, T0);
    assert.equal(await store.countAhead(tasks[250]!.id, 1_000), 250);
    assert.equal(await store.countAhead(tasks[250]!.id, 100), 100);
  });
});
