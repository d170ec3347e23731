import assert from 'node:assert/strict';
import { newTaskId } from '../../shared/ids.ts';
import { assertLogged } from '../scene/answers.ts';
import { claim, fail, nameDelivery, openSession, settle, startTask, succeed } from '../scene/deliveries.ts';
import { addTasks, stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

describeStores('cancelTasks()', (open) => {
  it('settles a waiting task at once', async () => {
    const store = await open();
    const ids = await addTasks(store, {}, { runAt: T0 + 1_000 });
    const outcomes = await store.cancelTasks(ids, 'not needed', T0 + 2);
    for (const [i, outcome] of outcomes.entries()) {
      assert(outcome.kind === 'cancelled');
      assert.equal(outcome.event.taskId, ids[i]);
      assert.deepEqual(outcome.event.error, { code: 'CANCELLED', message: 'not needed' });
      assert.equal(outcome.event.cancelRequested, true);
      await assertLogged(store, outcome.event);
      assert.equal(await stateOf(store, ids[i]!), 'cancelled');
    }
    const { session } = await openSession(store);
    assert.deepEqual(await claim(store, session), []);
    assert.equal((await store.wakeTasks(T0 + 5_000, 10)).nextDueAt, null);
  });

  it('says what it did not find and what was settled', async () => {
    const store = await open();
    const run = await startTask(store);
    await settle(store, succeed(run));
    const unknown = newTaskId();
    assert.deepEqual(await store.cancelTasks([unknown, run.taskId], '', T0), [
      { id: unknown, kind: 'not_found' },
      { id: run.taskId, kind: 'settled' },
    ]);
  });

  it('asks for the cancel of a running task, and keeps the first reason', async () => {
    const store = await open();
    const run = await startTask(store, {}, { secretHash: 'cancel-1', clientId: 'me' });
    const expected = { id: run.taskId, kind: 'requested', session: run.session, delivery: 1, reason: 'first' };
    assert.deepEqual(await store.cancelTasks([run.taskId], 'first', T0), [expected]);
    assert.deepEqual(await store.cancelTasks([run.taskId], 'second', T0), [expected]);
    const found = (await store.describeTask(run.taskId))!;
    assert.deepEqual([found.state, found.cancelRequested], ['running', true]);
    const resume = { previousHash: 'cancel-1', holding: [nameDelivery(run)] };
    const { held } = await openSession(store, { clientId: 'me', resume });
    assert.equal(held[0]!.cancelReason, 'first');
  });

  it('leaves a success a success, and says that a cancel was asked for', async () => {
    const store = await open();
    const run = await startTask(store);
    await store.cancelTasks([run.taskId], '', T0);
    const { event } = await settle(store, succeed(run));
    assert.deepEqual([event!.state, event!.cancelRequested], ['succeeded', true]);
    await assertLogged(store, event);
  });

  for (const [title, end] of [
    ['a failure', (run: Running) => fail(run)],
    ['a stop', (run: Running) => ({ ...nameDelivery(run), clientId: 'c', kind: 'stopped' as const })],
    [
      'the end of patience',
      (run: Running) => ({ ...nameDelivery(run), session: run.session, clientId: 'c', kind: 'abandoned' as const }),
    ],
  ] as const) {
    it(`turns ${title} into cancelled`, async () => {
      const store = await open();
      const run = await startTask(store);
      await store.cancelTasks([run.taskId], 'why', T0);
      const { code, event } = await settle(store, end(run), T0 + 1);
      assert.deepEqual(
        [code, event!.state, event!.error],
        ['STORED', 'cancelled', { code: 'CANCELLED', message: 'why' }],
      );
      assert.equal(await stateOf(store, run.taskId), 'cancelled');
      const later = (await settle(store, succeed(run))).code;
      assert.equal(later, title === 'the end of patience' ? 'STALE' : 'DUPLICATE');
    });
  }

  it('turns a release and a loss into cancelled, never ready again', async () => {
    const store = await open();
    const released = await startTask(store);
    const lost = await startTask(store);
    await store.cancelTasks([released.taskId, lost.taskId], 'why', T0);
    const [outcome] = await store.releaseTasks(
      [{ ...nameDelivery(released), cause: 'released', isStarted: false }],
      T0,
    );
    assert.equal(outcome!.event!.state, 'cancelled');
    const { events, ready } = await store.endSession(lost.session, [], T0);
    assert.deepEqual([events.map((event) => event.state), ready], [['cancelled'], []]);
    assert.equal((await settle(store, succeed(lost))).code, 'STALE');
  });

  it('closes a lost delivery for good', async () => {
    const store = await open();
    const run = await startTask(store);
    await store.endSession(run.session, 'all', T0);
    assert.equal((await store.cancelTasks([run.taskId], '', T0))[0]!.kind, 'cancelled');
    assert.equal((await settle(store, succeed(run))).code, 'STALE');
  });
});

type Running = Awaited<ReturnType<typeof startTask>>;
