import assert from 'node:assert/strict';
import type { TaskActRecord } from '../../server/model/taskact.ts';
import type { Store } from '../../server/store/store.ts';
import { claim, fail, nameDelivery, settle, startTask, succeed } from '../scene/deliveries.ts';
import { addTasks, createBroadcast, Q, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const actsOf = async (store: Store, id: string) => (await store.describeTask(id))!.acts;
const cancelled = (by: string, reason: string, at = T0): TaskActRecord => ({ kind: 'cancelled', at, by, reason });
const redriven = (by: string, at = T0): TaskActRecord => ({ kind: 'redriven', at, by, reason: '' });

describeStores('what somebody did to a task', (open) => {
  it('is the cancel of a waiting one, fresh or scheduled, and of nobody if nobody is said', async () => {
    const store = await open();
    const [fresh, later, silent] = await addTasks(store, {}, { runAt: T0 + 1_000 }, {});
    await store.cancelTasks([fresh!, later!, fresh!], 'no need', T0 + 2, undefined, 'token:ops');
    await store.cancelTasks([silent!], '', T0);
    assert.deepEqual(await actsOf(store, fresh!), [cancelled('token:ops', 'no need', T0 + 2)]);
    assert.deepEqual(await actsOf(store, later!), [cancelled('token:ops', 'no need', T0 + 2)]);
    assert.deepEqual(await actsOf(store, silent!), [cancelled('', '')]);
  });

  it('is the first cancel of a running one, once it is asked for, and stays when it ends otherwise', async () => {
    const store = await open();
    const run = await startTask(store);
    await store.cancelTasks([run.taskId], 'first', T0, undefined, 'token:a');
    assert.deepEqual(await actsOf(store, run.taskId), [cancelled('token:a', 'first')]);
    await store.cancelTasks([run.taskId], 'second', T0 + 1, undefined, 'token:b');
    await settle(store, succeed(run));
    await store.cancelTasks([run.taskId], 'too late', T0 + 2, undefined, 'token:c');
    assert.deepEqual(await actsOf(store, run.taskId), [cancelled('token:a', 'first')]);
  });

  it('is nothing where the task is not found or has no failure to be redriven from', async () => {
    const store = await open();
    const [id] = await addTasks(store, {});
    await store.cancelTasks([id!], 'no', T0, { queues: ['others'] }, 'token:a');
    await store.redriveTasks([id!], T0, undefined, 'token:a');
    assert.deepEqual(await actsOf(store, id!), []);
  });

  it('is every redrive, and the cancel after them: the oldest first, the newest twenty', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1 });
    for (let count = 1; count <= 21; count++) {
      await settle(store, fail({ ...nameDelivery(run), delivery: count }, { retry: { kind: 'never' } }));
      await store.redriveTasks([run.taskId], T0 + count, undefined, `token:${count}`);
      if (count < 21) await claim(store, run.session);
    }
    await store.cancelTasks([run.taskId], 'enough', T0 + 99, undefined, 'token:z');
    const expected = Array.from({ length: 19 }, (_, at) => redriven(`token:${at + 3}`, T0 + at + 3));
    assert.deepEqual(await actsOf(store, run.taskId), [...expected, cancelled('token:z', 'enough', T0 + 99)]);
  });

  it('is a purge of its queue', async () => {
    const store = await open();
    const ids = await addTasks(store, {}, { runAt: T0 + 1_000 });
    await store.purgeTasks(Q.queue, 10, 'purged', T0, 'operator');
    for (const id of ids) assert.deepEqual(await actsOf(store, id), [cancelled('operator', 'purged')]);
  });

  it('is of a broadcast as of each child', async () => {
    const store = await open();
    const { parent, children } = createBroadcast(['a', 'b']);
    await store.insertBroadcast(parent, children, T0);
    await store.cancelTasks([parent.id], 'no', T0, undefined, 'token:a');
    await store.cancelTasks([children[0]!.id], 'no', T0 + 1, undefined, 'token:b');
    assert.deepEqual(await actsOf(store, parent.id), [cancelled('token:a', 'no')]);
    assert.deepEqual(await actsOf(store, children[0]!.id), [cancelled('token:b', 'no', T0 + 1)]);
    assert.deepEqual(await actsOf(store, children[1]!.id), []);
  });

  it('is of the children that a broadcast holds while it is filled those of who cancelled it', async () => {
    const store = await open();
    const { parent, children } = createBroadcast(['a', 'b']);
    await store.insertBroadcast(parent, children, T0, 'test');
    await store.cancelTasks([parent.id], 'no', T0, undefined, 'token:a');
    await store.openBroadcast(parent.id, 10, T0 + 5);
    for (const { id } of children) assert.deepEqual(await actsOf(store, id), [cancelled('token:a', 'no', T0 + 5)]);
  });

  it('is gone with a broadcast that was abandoned, also for who sends it again', async () => {
    const store = await open();
    const { parent, children } = createBroadcast(['a']);
    await store.insertBroadcast(parent, children, T0, 'test');
    await store.cancelTasks([parent.id], 'no', T0, undefined, 'token:a');
    assert.equal(await store.abandonBroadcast(parent.id, 10), true);
    await store.insertBroadcast(parent, children, T0);
    assert.deepEqual(await actsOf(store, parent.id), []);
  });
});
