import assert from 'node:assert/strict';
import type { TaskFilter } from '../../server/store/tasks.ts';
import { claim, fail, openSession, settle, startTask, succeed } from '../scene/deliveries.ts';
import { addTasks, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

describeStores('listTasks() and countTasks()', (open) => {
  async function createScene() {
    const store = await open();
    const find = async (filter: TaskFilter): Promise<string[]> => {
      const ids = (await store.listTasks(filter, null, 100)).map(({ id }) => id);
      const counts = await store.countTasks(filter);
      const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
      assert.equal(total, ids.length, `counted as many as were listed: ${JSON.stringify(filter)}`);
      return ids;
    };
    return { store, find };
  }

  it('find settled tasks by when that was, and not those that run again', async () => {
    const { store, find } = await createScene();
    const failed = await startTask(store, { maxAttempts: 1 });
    await settle(store, fail(failed), T0 + 10);
    const done = await startTask(store);
    await settle(store, succeed(done), T0 + 20);
    assert.deepEqual(await find({ settledAfter: T0 + 10 }), [done.taskId]);
    assert.deepEqual(await find({ settledBefore: T0 + 20 }), [failed.taskId]);
    assert.deepEqual(await find({ settledAfter: T0 + 9, states: ['failed'] }), [failed.taskId]);
    assert.deepEqual(await find({ settledAfter: T0 + 10, settledBefore: T0 + 20 }), []);
    await store.redriveTasks([failed.taskId], T0 + 30);
    assert.deepEqual(await find({ settledBefore: T0 + 20 }), []);
    await claim(store, failed.session);
    assert.deepEqual(await find({ settledAfter: T0 }), [done.taskId]);
  });

  it('find settled tasks by the code of their newest error', async () => {
    const { store, find } = await createScene();
    const run = await startTask(store, { maxAttempts: 1 });
    await settle(store, fail(run));
    const [cancelled] = await addTasks(store, { queue: 'other' });
    await store.cancelTasks([cancelled!], 'why', T0);
    assert.deepEqual(await find({ errorCodes: ['BROKEN'] }), [run.taskId]);
    assert.deepEqual(await find({ errorCodes: ['CANCELLED', 'X'] }), [cancelled]);
    assert.deepEqual(await find({ errorCodes: ['broken'] }), []);
    await store.redriveTasks([run.taskId], T0);
    await claim(store, run.session);
    const again = { code: 'SHUT', message: 'it is shut' };
    await settle(store, fail({ taskId: run.taskId, delivery: 2 }, { error: again }));
    assert.deepEqual(await find({ errorCodes: ['BROKEN'] }), []);
    assert.deepEqual(await find({ errorCodes: ['SHUT'], states: ['failed'] }), [run.taskId]);
  });

  it('find tasks by the client that has them, or settled them', async () => {
    const { store, find } = await createScene();
    const running = await startTask(store, {}, { clientId: 'a' });
    const done = await startTask(store, {}, { clientId: 'b' });
    await settle(store, { ...succeed(done), clientId: 'b' });
    await addTasks(store, { lane: 'c:a' });
    assert.deepEqual(await find({ clientIds: ['a'] }), [running.taskId]);
    assert.deepEqual(await find({ clientIds: ['b'] }), [done.taskId]);
    assert.deepEqual((await find({ clientIds: ['b', 'a'] })).length, 2);
    await store.releaseTasks([{ ...running, cause: 'released', isStarted: false }], T0);
    assert.deepEqual(await find({ clientIds: ['a'] }), []);
  });

  it('find tasks by pairs of their metadata, whatever stands in them', async () => {
    const { store, find } = await createScene();
    // As it is spelled where it is stored, it has the text of a pair that it has not: `",":":"`.
    const odd = { 'a"b': 'c\\d', 'x,': ':', ':': 'x', ',': 'z' };
    const [a, b] = await addTasks(store, { metadata: { order: '7', ...odd } }, { metadata: { order: '77' } }, {});
    assert.deepEqual(await find({ metadata: { order: '7' } }), [a]);
    assert.deepEqual(await find({ metadata: { order: '77' } }), [b]);
    assert.deepEqual(await find({ metadata: { order: '7', ...odd } }), [a]);
    assert.deepEqual(await find({ metadata: { 'x,': ':' } }), [a]);
    // Parts of what is stored, as it is spelled there.
    for (const metadata of [
      { b: 'c\\d' },
      { ',': ':' },
      { order: '7"' },
      { toString: '7' },
      { order: '7', more: '' },
    ]) {
      assert.deepEqual(await find({ metadata } as TaskFilter), []);
    }
  });

  it('find what runs for long', async () => {
    const { store, find } = await createScene();
    const { session } = await openSession(store);
    await addTasks(store, {}, {});
    const [early] = await claim(store, session, { limit: 1 }, T0);
    const [late] = await claim(store, session, { limit: 1 }, T0 + 50);
    assert.deepEqual(await find({ claimedBefore: T0 + 49 }), [early!.id]);
    assert.deepEqual((await find({ claimedBefore: T0 + 50 })).length, 2);
    assert.equal((await store.describeTask(late!.id))!.claimedAt, T0 + 50);
    await settle(store, fail({ taskId: early!.id, delivery: 1 }, { retry: { kind: 'after', ms: 9 } }));
    assert.deepEqual(await find({ claimedBefore: T0 + 49, states: ['running'] }), []);
    assert.equal((await store.describeTask(early!.id))!.claimedAt, null);
  });

  it('keep to queues of the scope', async () => {
    const { store } = await createScene();
    await addTasks(store, { queue: 'mine' }, { queue: 'yours' });
    const scope = { queues: ['mine'] };
    const counts = await store.countTasks({}, scope);
    assert.equal(counts.ready, 1);
    assert.equal((await store.countTasks({ createdBefore: T0 + 1 }, scope)).ready, 1);
  });
});
