import assert from 'node:assert/strict';
import type { FailureGroup, FailureQuery } from '../../server/store/attempts.ts';
import type { Store } from '../../server/store/store.ts';
import { claim, fail, openSession, settle, startTask, succeed } from '../scene/deliveries.ts';
import { addTasks, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const NEVER = { retry: { kind: 'never' } } as const;

describeStores('listFailures()', (open) => {
  /** Fails a task of its own; answers its id. */
  async function failOne(store: Store, at: number, message: string, with_: { code?: string; queue?: string } = {}) {
    const { code = 'BROKEN', queue = 'q' } = with_;
    const run = await startTask(store, { queue });
    await settle(store, fail(run, { error: { code, message }, clientId: 'c', ...NEVER }), at);
    return run.taskId;
  }

  const list = async (store: Store, query: Partial<FailureQuery> = {}, limit = 100) =>
    store.listFailures({ by: 'error', ...query }, limit);
  const brief = ({ common, count, finalCount }: FailureGroup) => [...Object.values(common), count, finalCount];

  it('counts together what differs in numbers and ids alone, the most first', async () => {
    const store = await open();
    await failOne(store, T0 + 1, 'order 17 is gone');
    const id = await failOne(store, T0 + 2, 'order 4711 is gone');
    await failOne(store, T0 + 3, 'order 17 is gone', { code: 'OTHER' });
    const { groups, others } = await list(store);
    assert.deepEqual(groups.map(brief), [
      ['BROKEN', 'order # is gone', 2, 2],
      ['OTHER', 'order # is gone', 1, 1],
    ]);
    const newest = { taskId: id, queue: 'q', clientId: 'c', delivery: 1, endedAt: T0 + 2, code: 'BROKEN' };
    assert.deepEqual(groups[0]!.newest, { ...newest, message: 'order 4711 is gone' });
    assert.deepEqual(others, { groups: 0, failures: 0 });
  });

  it('counts attempts after which the task runs again, and says which left it failed', async () => {
    const store = await open();
    const run = await startTask(store);
    await settle(store, fail(run, { retry: { kind: 'after', ms: 0 } }), T0);
    await store.wakeTasks(T0, 10);
    await claim(store, run.session, {}, T0);
    await settle(store, fail({ taskId: run.taskId, delivery: 2 }, NEVER), T0 + 1);
    await store.redriveTasks([run.taskId], T0 + 2);
    await claim(store, run.session, {}, T0 + 2);
    await settle(store, succeed({ taskId: run.taskId, delivery: 3 }), T0 + 3);
    const { groups } = await list(store);
    assert.deepEqual(groups.map(brief), [['BROKEN', 'it broke', 2, 1]]);
    assert.deepEqual(groups[0]!.taskIds, [run.taskId]);
  });

  it('counts what was lost after it had begun, and nothing that was given back, cancelled or late', async () => {
    const store = await open();
    const [lost, untouched, released, cancelled] = [
      await startTask(store),
      await startTask(store),
      await startTask(store),
      await startTask(store),
    ];
    await store.endSession(lost.session, [{ taskId: lost.taskId, delivery: 1 }], T0);
    await store.endSession(untouched.session, [], T0);
    await store.releaseTasks([{ ...released, cause: 'released', isStarted: true }], T0);
    await store.cancelTasks([cancelled.taskId], 'why', T0);
    await settle(store, fail(cancelled), T0);
    const { groups } = await list(store);
    assert.deepEqual(groups.map(brief), [['LOST', 'its session was lost', 1, 0]]);
    // Its client had only been away.
    await settle(store, succeed(lost), T0 + 1);
    assert.deepEqual((await list(store)).groups, []);
  });

  it('counts by client and by queue, since an instant, of some queues', async () => {
    const store = await open();
    await failOne(store, T0 + 1, 'a', { queue: 'one' });
    await failOne(store, T0 + 2, 'b', { queue: 'two' });
    await failOne(store, T0 + 3, 'c', { queue: 'two' });
    const other = await startTask(store, { queue: 'two' });
    await settle(store, fail(other, { clientId: 'd', ...NEVER }), T0 + 4);
    const by = async (query: Partial<FailureQuery>) => (await list(store, query)).groups.map(brief);
    assert.deepEqual(await by({ by: 'queue' }), [
      ['two', 3, 3],
      ['one', 1, 1],
    ]);
    assert.deepEqual(await by({ by: 'client' }), [
      ['c', 3, 3],
      ['d', 1, 1],
    ]);
    assert.deepEqual(await by({ by: 'client', queues: ['one'] }), [['c', 1, 1]]);
    assert.deepEqual(await by({ by: 'client', since: T0 + 2 }), [
      ['d', 1, 1],
      ['c', 1, 1],
    ]);
    assert.deepEqual(await by({ by: 'queue', since: T0 + 4 }), []);
    assert.deepEqual(await by({ queues: ['none'] }), []);
  });

  it('names the newest tasks of a group over all its queues, and how much is in no group', async () => {
    const store = await open();
    const ids: string[] = [];
    for (let n = 0; n < 12; n++) ids.push(await failOne(store, T0 + n, 'x', { queue: `q${n % 2}` }));
    await failOne(store, T0, 'y');
    const { groups, others } = await list(store, {}, 1);
    assert.deepEqual(
      groups.map(({ taskIds }) => taskIds),
      [ids.toReversed().slice(0, 10)],
    );
    assert.deepEqual(others, { groups: 1, failures: 1 });
    const clients = await list(store, { by: 'client' });
    assert.deepEqual(clients.groups[0]!.taskIds, ids.toReversed().slice(0, 10));
  });

  it('forgets failures with their tasks', async () => {
    const store = await open();
    const id = await failOne(store, T0, 'x');
    await store.deleteTasks([id]);
    for (const by of ['error', 'client', 'queue'] as const) assert.deepEqual((await list(store, { by })).groups, []);
  });

  it('keeps to queues of the scope', async () => {
    const store = await open();
    await failOne(store, T0, 'x', { queue: 'mine' });
    await failOne(store, T0, 'x', { queue: 'yours' });
    for (const by of ['error', 'client', 'queue'] as const) {
      const { groups } = await store.listFailures({ by, queues: ['mine', 'yours'] }, 100, { queues: ['mine'] });
      assert.deepEqual(
        groups.map(({ count, newest }) => [count, newest.queue]),
        [[1, 'mine']],
      );
      assert.equal(groups[0]!.taskIds.length, 1);
    }
  });

  it('lists none of what has not failed', async () => {
    const store = await open();
    const { session } = await openSession(store);
    await addTasks(store, {}, {});
    const [first] = await claim(store, session, { limit: 1 });
    await settle(store, succeed({ taskId: first!.id, delivery: 1 }));
    assert.deepEqual(await list(store), { groups: [], others: { groups: 0, failures: 0 } });
  });
});
