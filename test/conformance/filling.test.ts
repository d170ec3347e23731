import assert from 'node:assert/strict';
import { MAX_CHILDREN } from '../../server/store/broadcasts.ts';
import type { Store } from '../../server/store/store.ts';
import { newTaskId } from '../../shared/ids.ts';
import { assertLogged, assertRejects } from '../scene/answers.ts';
import { claim, openSession, settle, succeed } from '../scene/deliveries.ts';
import { addTasks, createBroadcast, createTask, fillBroadcast, stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const NONE = { children: 0, succeeded: 0, failed: 0, cancelled: 0, expired: 0 };
const UNKNOWN = { ready: [], events: [], isOpen: true, dueAt: null };

async function statesOf(store: Store, tasks: readonly { readonly id: string }[]) {
  return Promise.all(tasks.map(({ id }) => stateOf(store, id)));
}

describeStores('a broadcast that is filling', (open) => {
  it('holds its children: nobody claims them, and they are never due', async () => {
    const store = await open();
    const { parent, children } = await fillBroadcast(store, ['a', 'b', 'c']);
    const { session } = await openSession(store);
    assert.deepEqual(await claim(store, session, { lanes: [parent, ...children] }), []);
    assert.deepEqual(await store.wakeTasks(T0 + 1e9, 10), { ready: [], expired: [], nextDueAt: null });
    const { state, runAt, parentId } = (await store.describeTask(children[2]!.id))!;
    assert.deepEqual([state, runAt, parentId], ['scheduled', null, parent.id]);
    assert.equal((await store.listTasks({ parentId: parent.id }, null, 10)).length, 3);
    assert.deepEqual(await store.countChildren(parent.id), { ...NONE, children: 3 });
    const [counts] = await store.countQueues();
    assert.deepEqual([counts!.ready, counts!.scheduled], [1, 3]);
    assert.deepEqual(await store.listUnopened('test'), [{ parentId: parent.id, isOpening: false }]);
  });

  it('is acknowledged again as what is there', async () => {
    const store = await open();
    const { parent, children } = await fillBroadcast(store, ['a', 'b', 'c'], { idempotencyKey: 'k' });
    const stored = { id: parent.id, deduplicated: true };
    assert.deepEqual(await store.insertBroadcast(parent, children, T0, 'test'), stored);
    assert.deepEqual(await store.insertBroadcast({ ...parent, id: newTaskId() }, [], T0), stored);
    assert.equal((await store.countChildren(parent.id))!.children, 3);
  });

  it('takes more children, all of a call or none', async () => {
    const store = await open();
    const { parent, children } = await fillBroadcast(store, ['a', 'b']);
    await assertRejects(
      store.extendBroadcast(parent.id, [createTask({ lane: 'c:c' }), children[0]!], T0),
      'ALREADY_EXISTS',
      /^tasks\[0\]\.id:/,
    );
    assert.equal((await store.countChildren(parent.id))!.children, 2);
    await store.setQueueSettings({ queue: 'q', isPaused: false, maxWaiting: 4, maxRunning: 0 });
    const more = [createTask({ lane: 'c:c' }), createTask({ lane: 'c:d' })];
    await assertRejects(store.extendBroadcast(parent.id, more, T0), 'RESOURCE_EXHAUSTED', /^tasks\[0\]\.queue:/);
    await store.extendBroadcast(parent.id, more.slice(0, 1), T0);
    assert.equal((await store.describeTask(more[0]!.id))!.parentId, parent.id);
    assert.equal((await store.openBroadcast(parent.id, 2, T0)).isOpen, false);
    const { ready, isOpen } = await store.openBroadcast(parent.id, 2, T0);
    assert.deepEqual([ready, isOpen], [[{ queue: 'q', lane: 'c:c' }], true]);
    assert.deepEqual(await store.countChildren(parent.id), { ...NONE, children: 3 });
  });

  it('is the only one that takes more', async () => {
    const store = await open();
    const whole = createBroadcast(['a']);
    await store.insertBroadcast(whole.parent, whole.children, T0);
    const opening = await fillBroadcast(store, ['a', 'b']);
    await store.openBroadcast(opening.parent.id, 1, T0);
    const [plain] = await addTasks(store, {});
    for (const id of [whole.parent.id, opening.parent.id, plain!, newTaskId()]) {
      const more = [createTask({ lane: 'c:z' })];
      await assertRejects(store.extendBroadcast(id, more, T0), 'FAILED_PRECONDITION', /^tasks\[0\]\.id: /);
    }
  });

  it('does not end before it is open, whatever becomes of its children', async () => {
    const store = await open();
    const { parent, children } = await fillBroadcast(store, ['a', 'b', 'c', 'd'], { expiresAt: T0 + 5 });
    await store.cancelTasks([children[3]!.id], 'why', T0);
    assert.equal((await store.purgeTasks('q', 2, 'purged', T0)).count, 2);
    const { expired } = await store.wakeTasks(T0 + 5, 10);
    assert.deepEqual(
      expired.map(({ taskId }) => taskId),
      [children[2]!.id],
    );
    assert.deepEqual(await statesOf(store, [parent, ...children]), [
      'ready',
      'cancelled',
      'cancelled',
      'expired',
      'cancelled',
    ]);
    const { ready, events, isOpen } = await store.openBroadcast(parent.id, 10, T0 + 6);
    assert.deepEqual([ready, events.map(({ taskId }) => taskId), isOpen], [[], [parent.id], true]);
    await assertLogged(store, events[0]);
    assert.deepEqual(await store.countChildren(parent.id), { ...NONE, children: 4, cancelled: 3, expired: 1 });
  });
});

describeStores('openBroadcast()', (open) => {
  it('makes children ready in their order, some at a time, and says when none is held', async () => {
    const store = await open();
    const { parent, children } = await fillBroadcast(store, ['a', 'b', 'c', 'd', 'e']);
    const [between] = await addTasks(store, {});
    const first = await store.openBroadcast(parent.id, 3, T0);
    const lanesOf = (from: number, to?: number) => children.slice(from, to).map(({ queue, lane }) => ({ queue, lane }));
    assert.deepEqual(first, { ready: lanesOf(0, 3), events: [], isOpen: false, dueAt: null });
    assert.deepEqual(await store.listUnopened('test'), [{ parentId: parent.id, isOpening: true }]);
    const { session } = await openSession(store);
    const lanes = [{ queue: 'q', lane: '' }, ...children];
    const claimed = (await claim(store, session, { lanes })).map(({ id }) => id);
    assert.deepEqual(claimed, [between, ...children.slice(0, 3).map(({ id }) => id)]);
    const last = await store.openBroadcast(parent.id, 2, T0);
    assert.deepEqual(last, { ready: lanesOf(3), events: [], isOpen: true, dueAt: null });
    assert.deepEqual(await store.listUnopened('test'), []);
    assert.equal((await claim(store, session, { lanes })).length, 2);
    assert.deepEqual(await store.openBroadcast(parent.id, 2, T0), UNKNOWN);
  });

  it('schedules children for the instant of the first', async () => {
    const store = await open();
    const { parent, children } = await fillBroadcast(store, ['a', 'b', 'c'], { runAt: T0 + 7 });
    assert.deepEqual(await store.openBroadcast(parent.id, 9, T0), { ...UNKNOWN, dueAt: T0 + 7 });
    assert.equal((await store.describeTask(children[2]!.id))!.runAt, T0 + 7);
    assert.equal((await store.wakeTasks(T0 + 6, 10)).nextDueAt, T0 + 7);
    assert.equal((await store.wakeTasks(T0 + 7, 10)).ready.length, 3);
  });

  it('makes them ready when that instant has passed', async () => {
    const store = await open();
    const { parent } = await fillBroadcast(store, ['a', 'b', 'c'], { runAt: T0 + 7 });
    const { ready, dueAt } = await store.openBroadcast(parent.id, 9, T0 + 7);
    assert.deepEqual([ready.length, dueAt], [3, null]);
  });

  it('cancels what is held when the cancel of the parent was asked for', async () => {
    const store = await open();
    const { parent, children } = await fillBroadcast(store, ['a', 'b', 'c']);
    const { session } = await openSession(store);
    await store.openBroadcast(parent.id, 1, T0);
    await claim(store, session, { lanes: children });
    assert.deepEqual(await store.cancelTasks([parent.id], 'enough', T0), [{ id: parent.id, kind: 'children' }]);
    const { ready, events, isOpen } = await store.openBroadcast(parent.id, 5, T0);
    assert.deepEqual([ready, isOpen], [[], true]);
    assert.deepEqual(
      events.map(({ taskId, state, error }) => [taskId, state, error!.message]),
      children.slice(1).map(({ id }) => [id, 'cancelled', 'enough']),
    );
    const { parent: end } = await settle(store, succeed({ taskId: children[0]!.id, delivery: 1 }));
    assert.equal(end!.state, 'cancelled');
  });

  it('leaves the end of the parent to the call that opens it', async () => {
    const store = await open();
    const { parent, children } = await fillBroadcast(store, ['a', 'b', 'c']);
    const { session } = await openSession(store);
    await store.openBroadcast(parent.id, 2, T0);
    await claim(store, session, { lanes: children });
    for (const { id } of children.slice(0, 2)) {
      assert.equal((await settle(store, succeed({ taskId: id, delivery: 1 }))).parent, undefined);
    }
    const [outcome] = await store.cancelTasks([children[2]!.id], '', T0);
    assert.equal(outcome!.kind, 'cancelled');
    assert.equal(await stateOf(store, parent.id), 'ready');
    const { events, isOpen } = await store.openBroadcast(parent.id, 1, T0);
    assert.deepEqual([isOpen, events.map(({ state }) => state)], [true, ['failed']]);
    assert.deepEqual(await store.deleteTasks([parent.id]), [true]);
  });

  it('finds nothing to do elsewhere', async () => {
    const store = await open();
    const { parent, children } = createBroadcast(['a']);
    await store.insertBroadcast(parent, children, T0);
    const [plain] = await addTasks(store, {});
    for (const id of [parent.id, plain!, newTaskId()]) {
      assert.deepEqual(await store.openBroadcast(id, 9, T0), UNKNOWN);
    }
  });
});

describeStores('abandonBroadcast()', (open) => {
  it('takes a broadcast back, some children at a time, as if it had never been', async () => {
    const store = await open();
    const { parent, children } = await fillBroadcast(store, ['a', 'b', 'c', 'd', 'e'], { idempotencyKey: 'k' });
    const [other] = await addTasks(store, {});
    assert.equal(await store.abandonBroadcast(parent.id, 3), false);
    assert.deepEqual(await store.listUnopened('test'), [{ parentId: parent.id, isOpening: false }]);
    assert.equal(await store.abandonBroadcast(parent.id, 2), true);
    assert.deepEqual(
      (await store.listTasks({}, null, 10)).map(({ id }) => id),
      [other],
    );
    const [counts] = await store.countQueues();
    assert.deepEqual([counts!.ready, counts!.scheduled, counts!.settled.cancelled], [1, 0, 0]);
    assert.deepEqual(await store.countLanes('q', 10), [{ lane: '', ready: 1 }]);
    assert.deepEqual([await store.listUnopened('test'), await store.countChildren(parent.id)], [[], undefined]);
    assert.deepEqual(await store.insertBroadcast(parent, children, T0), { id: parent.id, deduplicated: false });
  });

  it('leaves children that are settled, and their results', async () => {
    const store = await open();
    const { parent, children } = await fillBroadcast(store, ['a', 'b', 'c']);
    await store.cancelTasks([children[1]!.id], '', T0);
    assert.equal(await store.abandonBroadcast(parent.id, 2), true);
    assert.deepEqual(
      (await store.listTasks({}, null, 10)).map(({ id }) => id),
      [children[1]!.id],
    );
    assert.equal((await store.readResults(0, 10)).length, 1);
    assert.deepEqual(await store.deleteTasks([children[1]!.id]), [true]);
  });

  it('has no say once it is opening, or open', async () => {
    const store = await open();
    const { parent } = await fillBroadcast(store, ['a', 'b']);
    await store.openBroadcast(parent.id, 1, T0);
    assert.equal(await store.abandonBroadcast(parent.id, 9), true);
    assert.equal((await store.openBroadcast(parent.id, 1, T0)).isOpen, true);
    assert.equal(await store.abandonBroadcast(parent.id, 9), true);
    assert.equal((await store.listTasks({}, null, 10)).length, 3);
    assert.equal(await store.abandonBroadcast(newTaskId(), 9), true);
  });
});

describeStores('a broadcast of more children than fit at once', (open) => {
  it('is filled by several calls', async function () {
    const store = await open();
    // It takes the square of their number.
    if (store.capabilities.kind === 'model') this.skip();
    const { parent, children } = createBroadcast(
      Array.from({ length: MAX_CHILDREN + 500 }, (_, i) => `client-${i}`),
      { payload: Buffer.from('x') },
    );
    await store.insertBroadcast(parent, children.slice(0, MAX_CHILDREN), T0, 'test');
    await store.extendBroadcast(parent.id, children.slice(MAX_CHILDREN), T0);
    let ready = 0;
    for (let isOpen = false; !isOpen; ) {
      const opened = await store.openBroadcast(parent.id, 2_000, T0);
      ({ isOpen } = opened);
      ready += opened.ready.length;
    }
    assert.equal(ready, children.length);
    assert.equal((await store.countChildren(parent.id))!.children, children.length);
  });
});
