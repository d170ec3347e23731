import assert from 'node:assert/strict';
import { newTaskId } from '../../shared/ids.ts';
import { claim, fail, openSession, settle, startTask, succeed } from '../scene/deliveries.ts';
import { addTasks, createTask, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

describeStores('readResults()', (open) => {
  it('pages through dense positions in commit order', async () => {
    const store = await open();
    assert.deepEqual(await store.resultBounds(), { newest: 0, beforeOldest: 0 });
    const { session } = await openSession(store);
    const ids = await addTasks(store, ...Array.from({ length: 620 }, () => ({})));
    await claim(store, session, { limit: 620 });
    await store.settleTasks(
      ids.map((taskId) => succeed({ taskId, delivery: 1 })),
      T0,
    );
    assert.deepEqual(await store.resultBounds(), { newest: 620, beforeOldest: 0 });
    const first = await store.readResults(0, 10_000);
    assert.equal(first.length, 500);
    const rest = await store.readResults(500, 10_000);
    assert.deepEqual(
      [...first, ...rest].map((each) => each.taskId),
      ids,
    );
    assert.deepEqual(
      [...first, ...rest].map((each) => each.position),
      ids.map((_, i) => i + 1),
    );
    assert.deepEqual(
      (await store.readResults(617, 2)).map((each) => each.position),
      [618, 619],
    );
    assert.deepEqual(await store.readResults(620, 10), []);
  });
});

describeStores('listTasks()', (open) => {
  it('pages through tasks, newest first', async () => {
    const store = await open();
    const ids = await addTasks(store, ...Array.from({ length: 25 }, () => ({})));
    const newest = [...ids].sort().reverse();
    const listed: string[] = [];
    for (let before: string | null = null; ; ) {
      const page = await store.listTasks({}, before, 10);
      if (page.length === 0) break;
      listed.push(...page.map((task) => task.id));
      before = page.at(-1)!.id;
    }
    assert.deepEqual(listed, newest);
  });

  it('keeps to every condition of the filter', async () => {
    const store = await open();
    const parentId = newTaskId();
    const [a, b, c] = await addTasks(
      store,
      { queue: 'a', parentId },
      { queue: 'b', runAt: T0 + 9 },
      { queue: 'c', parentId },
    );
    await store.insertTasks([createTask({ queue: 'a' })], T0 + 100);
    await store.cancelTasks([c!], '', T0);
    const list = async (filter: Parameters<typeof store.listTasks>[0]) =>
      (await store.listTasks(filter, null, 100)).map((task) => task.id);
    assert.deepEqual(await list({ queues: ['a'], createdBefore: T0 + 100 }), [a]);
    assert.deepEqual(await list({ states: ['scheduled'] }), [b]);
    assert.deepEqual(await list({ states: ['cancelled', 'scheduled'], queues: ['c', 'nowhere'] }), [c]);
    assert.deepEqual(await list({ parentId }), [a, c].sort().reverse());
    assert.deepEqual(await list({ parentId, states: ['ready'] }), [a]);
    assert.equal((await list({ createdAfter: T0 })).length, 1);
    assert.deepEqual(await list({ queues: ['nowhere'] }), []);
  });

  it('tells the state of a task by its newest result', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1 });
    await settle(store, fail(run));
    await store.redriveTasks([run.taskId], T0);
    await claim(store, run.session);
    await settle(store, succeed({ taskId: run.taskId, delivery: 2 }));
    assert.equal((await store.listTasks({ states: ['failed'] }, null, 10)).length, 0);
    const [task] = await store.listTasks({ states: ['succeeded'] }, null, 10);
    assert.deepEqual([task!.settled!.position, task!.delivery], [2, 2]);
  });
});

describeStores('findWaiting()', (open) => {
  it('names the queues with ready tasks, and tells whether any task waits', async () => {
    const store = await open();
    assert.deepEqual(await store.findWaiting(), { readyQueues: [], isAny: false });
    await startTask(store, { queue: 'running' });
    assert.deepEqual(await store.findWaiting(), { readyQueues: [], isAny: false });
    await addTasks(store, { queue: 'later', runAt: T0 + 9 });
    assert.deepEqual(await store.findWaiting(), { readyQueues: [], isAny: true });
    await addTasks(store, { queue: 'a' }, { queue: 'b' });
    const { readyQueues, isAny } = await store.findWaiting();
    assert.deepEqual([readyQueues.toSorted(), isAny], [['a', 'b'], true]);
  });
});

describeStores('isUsed() and listUsed()', (open) => {
  it('tell of queues of which a task runs, has succeeded or has failed, and of no other', async () => {
    const store = await open();
    assert.deepEqual([await store.isUsed('none'), await store.listUsed(9)], [false, []]);
    await addTasks(store, { queue: 'waits' }, { queue: 'later', runAt: T0 + 9 });
    const [cancelled] = await addTasks(store, { queue: 'cancelled' });
    await store.cancelTasks([cancelled!], '', T0);
    await startTask(store, { queue: 'runs' });
    await settle(store, succeed(await startTask(store, { queue: 'done' })));
    await settle(store, fail(await startTask(store, { queue: 'failed', maxAttempts: 1 })));
    const queues = ['waits', 'later', 'cancelled', 'runs', 'done', 'failed'];
    const used = await Promise.all(queues.map((queue) => store.isUsed(queue)));
    assert.deepEqual(used, [false, false, false, true, true, true]);
    assert.deepEqual((await store.listUsed(9)).toSorted(), ['done', 'failed', 'runs']);
    assert.deepEqual(await store.listUsed(2), []);
  });
});

describeStores('countQueues()', (open) => {
  it('counts tasks by queue and state', async () => {
    const store = await open();
    const run = await startTask(store, { queue: 'a', maxAttempts: 1 });
    await addTasks(store, { queue: 'a' }, { queue: 'b' }, { queue: 'b', runAt: T0 + 9 });
    const count = async () =>
      (await store.countQueues())
        .map(({ queue, ready, scheduled, running, settled }) => [
          queue,
          ready,
          scheduled,
          running,
          settled.failed,
          settled.succeeded,
        ])
        .sort();
    assert.deepEqual(await count(), [
      ['a', 1, 0, 1, 0, 0],
      ['b', 1, 1, 0, 0, 0],
    ]);
    await settle(store, fail(run));
    assert.deepEqual((await count())[0], ['a', 1, 0, 0, 1, 0]);
    await store.redriveTasks([run.taskId], T0);
    assert.deepEqual((await count())[0], ['a', 2, 0, 0, 0, 0]);
    await claim(store, run.session, { lanes: [{ queue: 'a', lane: '' }] });
    await settle(store, succeed({ taskId: run.taskId, delivery: 2 }));
    assert.deepEqual((await count())[0], ['a', 0, 0, 1, 0, 1]);
    await store.deleteTasks([run.taskId]);
    assert.deepEqual((await count())[0], ['a', 0, 0, 1, 0, 0]);
  });
});
