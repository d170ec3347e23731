import assert from 'node:assert/strict';
import type { SettledRecord } from '../../server/model/task.ts';
import { MAX_CHILDREN } from '../../server/store/broadcasts.ts';
import type { PurgeOutcome } from '../../server/store/queues.ts';
import { newTaskId } from '../../shared/ids.ts';
import { assertLogged, assertRejects, textOf } from '../scene/answers.ts';
import { claim, createRequest, fail, openSession, settle, startBroadcast, succeed } from '../scene/deliveries.ts';
import { addTasks, createBroadcast, createTask, stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const NONE = { children: 0, succeeded: 0, failed: 0, cancelled: 0, expired: 0 };

function summaryOf({ taskId, state, error, position }: SettledRecord) {
  return [taskId, state, error?.code ?? null, position];
}

describeStores('insertBroadcast()', (open) => {
  it('inserts a parent that waits for its children, and children that claims of the same turn see', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const { parent, children } = createBroadcast(['a', 'b'], { priority: 2 });
    const inserting = store.insertBroadcast(parent, children, T0);
    const lanes = ['p:', 'c:a', 'c:b'].map((lane) => ({ queue: 'q', lane }));
    const claiming = store.claimTasks(
      () => [createRequest(session, { lanes })],
      () => T0,
    );
    assert.deepEqual(await inserting, { id: parent.id, deduplicated: false });
    const [outcome] = await claiming;
    assert.deepEqual(
      outcome!.tasks.map((task) => [task.id, task.lane, task.priority]),
      children.map(({ id, lane }) => [id, lane, 2]),
    );
    const found = (await store.describeTask(parent.id))!;
    assert.deepEqual([found.state, found.lane, found.parentId], ['ready', 'p:', null]);
    assert.equal((await store.describeTask(children[0]!.id))!.parentId, parent.id);
    assert.deepEqual(await store.countChildren(parent.id), { ...NONE, children: 2 });
    assert.deepEqual(await claim(store, session, { lanes }), []);
  });

  it('gives the parent no instants of its own', async () => {
    const store = await open();
    const { parent, children } = createBroadcast(['a'], { runAt: T0 + 5, expiresAt: T0 + 10 });
    await store.insertBroadcast(parent, children, T0);
    const { state, runAt, expiresAt } = (await store.describeTask(parent.id))!;
    assert.deepEqual([state, runAt, expiresAt], ['ready', null, null]);
    assert.equal(await stateOf(store, children[0]!.id), 'scheduled');
    assert.deepEqual(
      (await store.wakeTasks(T0 + 10, 10)).expired.map((event) => event.taskId),
      [children[0]!.id, parent.id],
    );
  });

  it('acknowledges a repeated parent again, whatever the children are', async () => {
    const store = await open();
    const { parent, children } = createBroadcast(['a'], { idempotencyKey: 'k' });
    await store.insertBroadcast(parent, children, T0);
    const again = createBroadcast(['x', 'y'], { idempotencyKey: 'k' });
    const stored = { id: parent.id, deduplicated: true };
    assert.deepEqual(await store.insertBroadcast(parent, again.children, T0 + 5), stored);
    assert.deepEqual(await store.insertBroadcast(parent, [], T0 + 5), stored);
    assert.deepEqual(await store.insertBroadcast(again.parent, again.children, T0 + 5), stored);
    assert.equal((await store.countChildren(parent.id))!.children, 1);
    assert.equal((await store.listTasks({}, null, 10)).length, 2);
  });

  it('refuses a repeated one to another audience, by its id or its key, whatever became of the first', async () => {
    const store = await open();
    const { parent, children } = createBroadcast(['a'], { idempotencyKey: 'k', audience: 'connected:site=berlin' });
    const byKey = { ...parent, id: newTaskId() };
    const assertRefused = async (): Promise<void> => {
      for (const audience of ['connected:site=rome', 'known:site=berlin', 'connected:']) {
        const insert = (again: typeof parent) => store.insertBroadcast({ ...again, audience }, [], T0);
        await assertRejects(insert(parent), 'ALREADY_EXISTS', /^tasks\[0\]\.id:/);
        await assertRejects(insert(byKey), 'ALREADY_EXISTS', /^tasks\[0\]\.idempotency_key:/);
      }
      const stored = { id: parent.id, deduplicated: true };
      assert.deepEqual(await store.insertBroadcast(parent, [], T0), stored);
      assert.deepEqual(await store.insertBroadcast(byKey, [], T0), stored);
    };
    await store.insertBroadcast(parent, children, T0, 'test');
    await assertRefused();
    await store.openBroadcast(parent.id, 9, T0);
    await assertRefused();
    const { session } = await openSession(store);
    await claim(store, session, { lanes: children });
    await settle(store, succeed({ taskId: children[0]!.id, delivery: 1 }));
    assert.equal(await stateOf(store, parent.id), 'succeeded');
    await assertRefused();
  });

  it('refuses a repeated id with other content, and keeps nothing', async () => {
    const store = await open();
    const [taken] = await addTasks(store, {});
    const { parent, children } = createBroadcast(['a']);
    await assertRejects(
      store.insertBroadcast({ ...parent, id: taken! }, children, T0),
      'ALREADY_EXISTS',
      /^tasks\[0\]\.id:/,
    );
    await assertRejects(
      store.insertBroadcast(parent, [children[0]!, createTask({ id: taken!, lane: 'c:b', parentId: parent.id })], T0),
      'ALREADY_EXISTS',
      /^tasks\[0\]\.id:/,
    );
    await assertRejects(
      store.insertBroadcast(parent, [children[0]!, children[0]!], T0),
      'ALREADY_EXISTS',
      /^tasks\[0\]\.id:/,
    );
    assert.deepEqual(
      (await store.listTasks({}, null, 10)).map((task) => task.id),
      [taken],
    );
    assert.equal(await store.countChildren(parent.id), undefined);
    assert.deepEqual(await store.countLanes('q', 10), [{ lane: '', ready: 1 }]);
    assert.equal((await store.countQueues())[0]!.ready, 1);
    assert.deepEqual(await store.insertBroadcast(parent, children, T0), { id: parent.id, deduplicated: false });
  });

  it('refuses a broadcast to nobody', async () => {
    const store = await open();
    const { parent } = createBroadcast([]);
    await assertRejects(store.insertBroadcast(parent, [], T0), 'FAILED_PRECONDITION', /^broadcast: no client/);
    assert.equal(await store.describeTask(parent.id), undefined);
  });

  it('keeps to the waiting tasks of its queue, the parent among them', async () => {
    const store = await open();
    await store.setQueueSettings({ queue: 'q', isPaused: false, maxWaiting: 3, maxRunning: 0 });
    const large = createBroadcast(['a', 'b', 'c']);
    await assertRejects(
      store.insertBroadcast(large.parent, large.children, T0),
      'RESOURCE_EXHAUSTED',
      /^tasks\[0\]\.queue:/,
    );
    assert.deepEqual(await store.listTasks({}, null, 10), []);
    const small = createBroadcast(['a', 'b']);
    await store.insertBroadcast(small.parent, small.children, T0);
    assert.equal((await store.insertBroadcast(small.parent, small.children, T0)).deduplicated, true);
  });
});

describeStores('the parent of a broadcast', (open) => {
  it('succeeds with the last child, right after it, and tells the counts', async () => {
    const store = await open();
    const { parent, runs } = await startBroadcast(store, ['a', 'b']);
    const first = await settle(store, succeed(runs[0]!));
    assert.equal(first.parent, undefined);
    assert.deepEqual(await store.countChildren(parent.id), { ...NONE, children: 2, succeeded: 1 });
    const last = await settle(store, succeed(runs[1]!), T0 + 9);
    assert.deepEqual(summaryOf(last.event!), [runs[1]!.taskId, 'succeeded', null, 2]);
    assert.deepEqual(summaryOf(last.parent!), [parent.id, 'succeeded', null, 3]);
    assert.deepEqual(
      [textOf(last.parent!.result), last.parent!.contentType, last.parent!.settledAt],
      ['{"children":2,"succeeded":2,"failed":0,"cancelled":0,"expired":0}', 'application/json', T0 + 9],
    );
    await assertLogged(store, last.parent);
    assert.equal(await stateOf(store, parent.id), 'succeeded');
  });

  it('fails when a child did not succeed', async () => {
    const store = await open();
    const { runs } = await startBroadcast(store, ['a', 'b', 'c'], { maxAttempts: 1 });
    await settle(store, fail(runs[0]!));
    await settle(store, succeed(runs[1]!));
    const { parent } = await settle(store, succeed(runs[2]!));
    assert.deepEqual(
      [parent!.state, parent!.error, textOf(parent!.result)],
      [
        'failed',
        { code: 'CHILDREN', message: '1 of 3 children did not succeed' },
        '{"children":3,"succeeded":2,"failed":1,"cancelled":0,"expired":0}',
      ],
    );
    await assertLogged(store, parent);
  });

  it('waits for a child that is retried', async () => {
    const store = await open();
    const { parent, runs } = await startBroadcast(store, ['a']);
    assert.equal((await settle(store, fail(runs[0]!))).parent, undefined);
    assert.equal(await stateOf(store, parent.id), 'ready');
    assert.deepEqual(await store.countChildren(parent.id), { ...NONE, children: 1 });
  });

  it('counts a child once: a redrive changes nothing', async () => {
    const store = await open();
    const { parent, runs, children, session } = await startBroadcast(store, ['a', 'b'], { maxAttempts: 1 });
    await settle(store, fail(runs[0]!));
    await store.redriveTasks([runs[0]!.taskId], T0);
    await claim(store, session, { lanes: children });
    assert.deepEqual((await settle(store, succeed({ ...runs[0]!, delivery: 2 }))).parent, undefined);
    assert.deepEqual(await store.countChildren(parent.id), { ...NONE, children: 2, failed: 1 });
    assert.equal((await settle(store, succeed(runs[1]!))).parent!.state, 'failed');
    assert.deepEqual(await store.redriveTasks([parent.id], T0), [{ id: parent.id, kind: 'not_failed' }]);
    assert.equal(await stateOf(store, parent.id), 'failed');
  });

  it('is cancelled when that was asked for, by its last child', async () => {
    const store = await open();
    const { parent, runs } = await startBroadcast(store, ['a', 'b']);
    const asked = [{ id: parent.id, kind: 'children' }];
    assert.deepEqual(await store.cancelTasks([parent.id], 'first', T0), asked);
    assert.deepEqual(await store.cancelTasks([parent.id], 'second', T0), asked);
    const { state, cancelRequested } = (await store.describeTask(parent.id))!;
    assert.deepEqual([state, cancelRequested], ['ready', true]);
    await settle(store, succeed(runs[0]!));
    await store.cancelTasks([runs[1]!.taskId], 'first', T0);
    const { parent: event } = await settle(store, fail(runs[1]!));
    assert.deepEqual(
      [event!.state, event!.error, event!.cancelRequested, textOf(event!.result)],
      [
        'cancelled',
        { code: 'CANCELLED', message: 'first' },
        true,
        '{"children":2,"succeeded":1,"failed":0,"cancelled":1,"expired":0}',
      ],
    );
    assert.deepEqual(await store.cancelTasks([parent.id], '', T0), [{ id: parent.id, kind: 'settled' }]);
  });

  it('succeeds all the same when every child did', async () => {
    const store = await open();
    const { parent, runs } = await startBroadcast(store, ['a']);
    await store.cancelTasks([parent.id], '', T0);
    const { parent: event } = await settle(store, succeed(runs[0]!));
    assert.deepEqual([event!.state, event!.cancelRequested], ['succeeded', true]);
  });

  it('is forgotten with its counts, once it is settled', async () => {
    const store = await open();
    const { parent, runs } = await startBroadcast(store, ['a']);
    assert.deepEqual(await store.deleteTasks([parent.id]), [false]);
    await settle(store, succeed(runs[0]!));
    assert.deepEqual(await store.countChildren(parent.id), { ...NONE, children: 1, succeeded: 1 });
    assert.deepEqual(await store.deleteTasks([parent.id]), [true]);
    assert.equal(await store.countChildren(parent.id), undefined);
    assert.equal(await store.countChildren(newTaskId()), undefined);
  });

  it('outlives the children that are forgotten', async () => {
    const store = await open();
    const { parent, runs } = await startBroadcast(store, ['a', 'b']);
    await settle(store, succeed(runs[0]!));
    await store.deleteTasks([runs[0]!.taskId]);
    assert.equal((await settle(store, succeed(runs[1]!))).parent!.state, 'succeeded');
    assert.deepEqual(await store.countChildren(parent.id), { ...NONE, children: 2, succeeded: 2 });
  });

  it('does not count what merely names it', async () => {
    const store = await open();
    const { parent, runs } = await startBroadcast(store, ['a']);
    const [stranger] = await addTasks(store, { parentId: parent.id });
    const [outcome] = await store.cancelTasks([stranger!], '', T0);
    assert(outcome!.kind === 'cancelled');
    assert.equal(outcome!.parent, undefined);
    assert.equal((await settle(store, succeed(runs[0]!))).parent!.state, 'succeeded');
  });

  it('has as many children as it may, in one transaction', async function () {
    const store = await open();
    // It takes the square of their number.
    if (store.capabilities.kind === 'model') this.skip();
    const clients = Array.from({ length: MAX_CHILDREN }, (_, i) => `client-${i}`);
    const { parent, children } = createBroadcast(clients, { payload: Buffer.from('x') });
    await assertRejects(
      store.insertBroadcast(parent, [...children, createTask()], T0),
      'INVALID_ARGUMENT',
      /^tasks\[0\]\.broadcast:/,
    );
    await store.insertBroadcast(parent, children, T0);
    assert.equal((await store.countChildren(parent.id))!.children, MAX_CHILDREN);
    assert.equal((await store.listTasks({ parentId: parent.id }, null, 500)).length, 500);
    let left: PurgeOutcome;
    let [cancelled, told] = [0, 0];
    do {
      left = await store.purgeTasks('q', 2_000, '', T0);
      cancelled += left.count;
      told += left.events.length;
    } while (left.count >= 2_000);
    assert.deepEqual([cancelled, told], [MAX_CHILDREN, MAX_CHILDREN + 1]);
    assert.equal(await stateOf(store, parent.id), 'failed');
  });
});
