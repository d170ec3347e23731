import assert from 'node:assert/strict';
import type { ActRecord } from '../../server/model/act.ts';
import { DEFAULT_SETTINGS } from '../../server/store/queues.ts';
import type { Store } from '../../server/store/store.ts';
import { createToken, hashOf } from '../scene/credentials.ts';
import { fail, settle, startTask } from '../scene/deliveries.ts';
import { addTasks, createBroadcast, Q, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const OPS = { by: 'token:ops', now: T0 };

type Told = Partial<ActRecord>;

/** What is told of each act, the newest first, without what it has nothing of. */
async function actsOf(store: Store, since = 0): Promise<Told[]> {
  return (await store.listActs(null, since, 500)).map((act) => {
    const { number: _, firstAt, at, ...told } = act;
    const kept = Object.entries({ ...told, ...(at === T0 ? {} : { at }), ...(firstAt === at ? {} : { firstAt }) });
    const isSaid = (value: unknown): boolean =>
      value !== null && value !== '' && !(Array.isArray(value) && !value.length);
    return Object.fromEntries(kept.filter(([name, value]) => isSaid(value) && !(name === 'by' && value === OPS.by)));
  });
}

describeStores('listActs()', (open) => {
  it('tells of tasks that were cancelled, run again, deleted and purged, by queue', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1 });
    await settle(store, fail(run, { retry: { kind: 'never' } }));
    const [a, b, c] = await addTasks(store, {}, { queue: 'other' }, {});
    await store.cancelTasks([a!, b!, 'nosuch', a!], 'no need', T0, undefined, OPS.by);
    await store.redriveTasks([run.taskId, a!], T0, undefined, OPS.by);
    await store.deleteTasks([a!, c!], undefined, OPS);
    await store.purgeTasks(Q.queue, 10, 'purged', T0, OPS.by);
    assert.deepEqual(await actsOf(store), [
      { kind: 'queue_purged', queue: Q.queue, count: 2, taskIds: [run.taskId, c] },
      { kind: 'tasks_deleted', queue: Q.queue, count: 1, taskIds: [a] },
      { kind: 'tasks_redriven', queue: Q.queue, count: 1, taskIds: [run.taskId] },
      { kind: 'tasks_cancelled', queue: 'other', count: 1, taskIds: [b], reason: 'no need' },
      { kind: 'tasks_cancelled', queue: Q.queue, count: 1, taskIds: [a], reason: 'no need' },
    ]);
  });

  it('tells nothing of what nobody is named for, what changed nothing, and what nobody ordered', async () => {
    const store = await open();
    const [a, b] = await addTasks(store, {}, {});
    await store.cancelTasks([a!], '', T0);
    await store.cancelTasks([b!], 'ABANDONED', T0, undefined, OPS.by, false);
    await store.cancelTasks([a!], 'again', T0, undefined, OPS.by);
    await store.deleteTasks([a!]);
    await store.setQueueSettings({ queue: 'q', isPaused: true });
    await store.drainClient('stranger', true, { ...OPS, isHere: false });
    await store.purgeTasks('nosuch', 10, '', T0, OPS.by);
    assert.deepEqual(await actsOf(store), []);
  });

  it('tells of a running task that is asked to stop, once', async () => {
    const store = await open();
    const run = await startTask(store);
    for (const by of [OPS.by, 'token:late']) await store.cancelTasks([run.taskId], 'stop', T0, undefined, by);
    assert.deepEqual(await actsOf(store), [
      { kind: 'tasks_cancelled', queue: Q.queue, count: 1, taskIds: [run.taskId], reason: 'stop' },
    ]);
  });

  it('tells of the parent of a broadcast whose cancel was asked for', async () => {
    const store = await open();
    const { parent, children } = createBroadcast(['a', 'b']);
    await store.insertBroadcast(parent, children, T0);
    await store.cancelTasks([parent.id], '', T0, undefined, OPS.by);
    const [act] = await actsOf(store);
    assert.deepEqual([act?.kind, act?.count, act?.taskIds], ['tasks_cancelled', 1, [parent.id]]);
  });

  it('tells of settings of queues, with what they are from then on', async () => {
    const store = await open();
    const retention = { maxAgeMs: 5_000, maxCount: 7 };
    await store.setQueueSettings({ queue: 'q', isPaused: true }, OPS);
    await store.setQueueSettings({ queue: 'q', isPaused: false }, OPS);
    await store.setQueueSettings({ queue: 'q', maxWaiting: 5 }, OPS);
    await store.setQueueSettings({ queue: 'q', maxRunning: 2 }, OPS);
    await store.setQueueSettings({ queue: 'q', retention }, OPS);
    await store.setQueueSettings({ queue: 'q', retention: null }, { ...OPS, now: T0 + 1 });
    await store.setQueueSettings({ queue: 'q', ...DEFAULT_SETTINGS }, { ...OPS, isDeletion: true });
    assert.deepEqual(await actsOf(store), [
      { kind: 'queue_deleted', queue: 'q', count: 1 },
      { kind: 'queue_retained', queue: 'q', count: 1, at: T0 + 1 },
      { kind: 'queue_retained', queue: 'q', count: 1, retention },
      { kind: 'queue_limited', queue: 'q', count: 1, limits: { maxWaiting: 5, maxRunning: 2 } },
      { kind: 'queue_limited', queue: 'q', count: 1, limits: { maxWaiting: 5, maxRunning: 0 } },
      { kind: 'queue_resumed', queue: 'q', count: 1 },
      { kind: 'queue_paused', queue: 'q', count: 1 },
    ]);
  });

  it('tells of clients that are drained, resumed and forgotten, of those that are connected too', async () => {
    const store = await open();
    const { session } = await startTask(store, {}, { clientId: 'named', isNamed: true });
    await store.drainClient('named', true, { ...OPS, isHere: false });
    await store.drainClient('drawn', true, { ...OPS, isHere: true });
    await store.drainClient('named', false, { ...OPS, isHere: false });
    await store.forgetClient('stranger', T0, OPS.by);
    assert.equal(await store.forgetClient('named', T0, OPS.by), 'here');
    await store.endSession(session, 'all', T0);
    assert.equal(await store.forgetClient('named', T0, OPS.by), 'forgotten');
    assert.deepEqual(await actsOf(store), [
      { kind: 'client_forgotten', clientId: 'named', count: 1 },
      { kind: 'client_resumed', clientId: 'named', count: 1 },
      { kind: 'client_drained', clientId: 'drawn', count: 1 },
      { kind: 'client_drained', clientId: 'named', count: 1 },
    ]);
  });

  it('tells of credentials that are made, replaced and revoked, each once, and of no secret', async () => {
    const store = await open();
    const token = createToken({ createdBy: OPS.by });
    for (let n = 0; n < 2; n += 1) await store.createCredential(token, T0);
    const next = createToken({});
    const renewal = { oldId: token.id, id: next.id, hash: hashOf(), overlapMs: 0, createdBy: OPS.by, madeWith: null };
    for (let n = 0; n < 2; n += 1) await store.renewCredential(renewal, T0, OPS.by);
    const own = createToken({});
    await store.renewCredential({ ...renewal, oldId: next.id, id: own.id, hash: hashOf() }, T0);
    for (let n = 0; n < 2; n += 1) await store.revokeCredential(own.id, T0, { by: OPS.by });
    await store.revokeCredential('nosuch', T0, { by: OPS.by });
    const { principal } = token;
    assert.deepEqual(await actsOf(store), [
      { kind: 'credential_revoked', credential: { id: own.id, principal }, count: 3 },
      { kind: 'credential_rotated', credential: { id: next.id, principal }, count: 1 },
      { kind: 'credential_created', credential: { id: token.id, principal }, count: 1 },
    ]);
    assert.equal(JSON.stringify(await store.listActs(null, 0, 10)).includes(token.hash), false);
  });

  it('tells as one what is alike within a minute, in the place of the last of it', async () => {
    const store = await open();
    const ids = await addTasks(store, ...Array.from({ length: 14 }, () => ({})));
    const cancel = (id: string | undefined, now: number, reason = '') =>
      store.cancelTasks([id!], reason, now, undefined, OPS.by);
    await cancel(ids[0], T0, 'first');
    await store.setQueueSettings({ queue: Q.queue, isPaused: true }, { ...OPS, now: T0 + 1 });
    for (let n = 1; n < 12; n += 1) await cancel(ids[n], T0 + 100 * n);
    await cancel(ids[12], T0 + 59_999, 'last');
    await cancel(ids[13], T0 + 60_000);
    assert.deepEqual(await actsOf(store), [
      { kind: 'tasks_cancelled', queue: Q.queue, count: 1, taskIds: [ids[13]], at: T0 + 60_000 },
      {
        ...{ kind: 'tasks_cancelled', queue: Q.queue, count: 13, taskIds: ids.slice(3, 13).toReversed() },
        ...{ reason: 'last', firstAt: T0, at: T0 + 59_999 },
      },
      { kind: 'queue_paused', queue: Q.queue, count: 1, at: T0 + 1 },
    ]);
  });

  it('keeps apart what others did, and what the store has no part in', async () => {
    const store = await open();
    for (const by of ['token:a', 'token:b'])
      await store.setQueueSettings({ queue: 'q', isPaused: true }, { by, now: T0 });
    await store.noteAct({ kind: 'backed_up', by: OPS.by, at: T0 });
    await store.noteAct({ kind: 'client_disconnected', by: OPS.by, at: T0, clientId: 'c', count: 2 });
    assert.deepEqual(await actsOf(store), [
      { kind: 'client_disconnected', clientId: 'c', count: 2 },
      { kind: 'backed_up', count: 1 },
      { kind: 'queue_paused', queue: 'q', count: 1, by: 'token:b' },
      { kind: 'queue_paused', queue: 'q', count: 1, by: 'token:a' },
    ]);
  });

  it('answers pages, of those since an instant', async () => {
    const store = await open();
    for (let n = 0; n < 5; n += 1) await store.noteAct({ kind: 'backed_up', by: `token:${n}`, at: T0 + n });
    const first = await store.listActs(null, 0, 2);
    const next = await store.listActs(first.at(-1)!.number, T0 + 1, 10);
    assert.deepEqual(
      [first, next].map((page) => page.map(({ by }) => by)),
      [
        ['token:4', 'token:3'],
        ['token:2', 'token:1'],
      ],
    );
  });
});
