import assert from 'node:assert/strict';
import { EVERY_QUEUE, type QueueScope } from '../../server/model/caller.ts';
import type { Store } from '../../server/store/store.ts';
import { fail, settle, startTask } from '../scene/deliveries.ts';
import { addTasks, createBroadcast, stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const OURS: QueueScope = { queues: ['ours', 'team.*'] };

/** A failed task of a queue. */
async function failTask(store: Store, queue: string): Promise<string> {
  const run = await startTask(store, { queue, maxAttempts: 1 });
  await settle(store, fail(run));
  return run.taskId;
}

describeStores('a queue scope', (open) => {
  it('hides tasks of other queues from describeTask()', async () => {
    const store = await open();
    const [ours, team, theirs] = await addTasks(store, { queue: 'ours' }, { queue: 'team.a' }, { queue: 'theirs' });
    assert.equal((await store.describeTask(ours!, OURS))?.queue, 'ours');
    assert.equal((await store.describeTask(team!, OURS))?.queue, 'team.a');
    assert.equal(await store.describeTask(theirs!, OURS), undefined);
    assert.equal((await store.describeTask(theirs!, EVERY_QUEUE))?.queue, 'theirs');
  });

  it('hides them from listTasks(), whatever the filter names', async () => {
    const store = await open();
    const [ours, team] = await addTasks(store, { queue: 'ours' }, { queue: 'team.a' }, { queue: 'theirs' });
    const idsOf = async (queues?: readonly string[], scope = OURS) =>
      (await store.listTasks(queues ? { queues } : {}, null, 10, scope)).map(({ id }) => id);
    assert.deepEqual(await idsOf(), [team, ours]);
    assert.deepEqual(await idsOf(['theirs', 'ours']), [ours]);
    assert.deepEqual(await idsOf(['theirs']), []);
    assert.deepEqual(await idsOf(undefined, { queues: [] }), []);
  });

  it('lets cancelTasks() find none of theirs', async () => {
    const store = await open();
    const [ours, theirs] = await addTasks(store, { queue: 'ours' }, { queue: 'theirs' });
    const outcomes = await store.cancelTasks([ours!, theirs!], 'why', T0, OURS);
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['cancelled', 'not_found'],
    );
    assert.equal(await stateOf(store, theirs!), 'ready');
  });

  it('lets redriveTasks() and deleteTasks() find none of theirs', async () => {
    const store = await open();
    const ids = [await failTask(store, 'ours'), await failTask(store, 'theirs')];
    assert.deepEqual(await store.deleteTasks(ids, { queues: ['none'] }), [false, false]);
    assert.deepEqual(
      (await store.redriveTasks(ids, T0, OURS)).map(({ kind }) => kind),
      ['ready', 'not_found'],
    );
    assert.deepEqual(await store.deleteTasks(ids, { queues: ['theirs'] }), [false, true]);
  });

  it('hides the children of their broadcasts from countChildren()', async () => {
    const store = await open();
    const { parent, children } = createBroadcast(['a', 'b'], { queue: 'theirs' });
    await store.insertBroadcast(parent, children, T0);
    assert.equal(await store.countChildren(parent.id, OURS), undefined);
    assert.equal((await store.countChildren(parent.id))?.children, 2);
  });
});
