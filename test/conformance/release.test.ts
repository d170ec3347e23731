import assert from 'node:assert/strict';
import type { Delivery } from '../../server/model/task.ts';
import type { Release } from '../../server/store/deliveries.ts';
import { newTaskId } from '../../shared/ids.ts';
import { assertRejects } from '../scene/answers.ts';
import { claim, nameDelivery, openSession, settle, startTask, succeed } from '../scene/deliveries.ts';
import { addTasks, Q, stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

function giveBack(of: Delivery, with_: Partial<Release> = {}): Release {
  return { ...nameDelivery(of), cause: 'released', isStarted: false, ...with_ };
}

describeStores('releaseTasks()', (open) => {
  it('makes the task ready again, burns nothing and closes the delivery', async () => {
    const store = await open();
    const run = await startTask(store);
    assert.deepEqual(await store.releaseTasks([giveBack(run)], T0), [{ code: 'STORED', ready: Q }]);
    const found = (await store.describeTask(run.taskId))!;
    assert.deepEqual([found.state, found.attempt, found.lost], ['ready', 0, 0]);
    assert.equal((await settle(store, succeed(run))).code, 'STALE');
    assert.deepEqual(await store.releaseTasks([giveBack(run)], T0), [{ code: 'STALE' }]);
  });

  it('burns an attempt when it had started', async () => {
    const store = await open();
    const run = await startTask(store);
    assert.equal((await store.releaseTasks([giveBack(run, { isStarted: true })], T0))[0]!.code, 'STORED');
    const { state, attempt, lost, lastError } = (await store.describeTask(run.taskId))!;
    assert.deepEqual([state, attempt, lost], ['ready', 1, 0]);
    assert.equal(lastError, 'it was given back after it had started');
  });

  it('fails a task that had started at its last attempt, given back or stopped without a cancel', async () => {
    const store = await open();
    for (const kind of ['released', 'stopped'] as const) {
      const run = await startTask(store, { queue: kind, maxAttempts: 1 });
      const outcome =
        kind === 'released'
          ? (await store.releaseTasks([giveBack(run, { isStarted: true })], T0))[0]!
          : await settle(store, { kind, ...nameDelivery(run), clientId: 'w' });
      const { state, error, attempt } = outcome.event!;
      assert.deepEqual([outcome.code, state, error!.code, attempt], ['STORED', 'failed', 'RELEASED', 1]);
    }
  });

  it('believes a loss that knew whether it had started', async () => {
    const store = await open();
    for (const isStarted of [true, false]) {
      const run = await startTask(store, { queue: `known${isStarted}` });
      await store.releaseTasks([giveBack(run, { cause: 'lost', isStarted, session: run.session })], T0);
      await store.releaseTasks([giveBack(run, { isStarted: true })], T0);
      const { state, attempt, lost } = (await store.describeTask(run.taskId))!;
      assert.deepEqual([state, attempt, lost], ['ready', isStarted ? 1 : 0, 0]);
    }
  });

  it('keeps the place in the queue', async () => {
    const store = await open();
    const run = await startTask(store);
    const later = await addTasks(store, {}, {});
    await store.releaseTasks([giveBack(run)], T0);
    const claimed = await claim(store, run.session);
    assert.deepEqual(
      claimed.map((task) => task.id),
      [run.taskId, ...later],
    );
  });

  it('burns an attempt when a started delivery is lost, and only then', async () => {
    const store = await open();
    for (const isStarted of [true, false]) {
      const run = await startTask(store, { queue: `q${isStarted}` });
      await store.releaseTasks([giveBack(run, { cause: 'lost', isStarted, session: run.session })], T0);
      const { state, attempt, lost } = (await store.describeTask(run.taskId))!;
      assert.deepEqual([state, attempt, lost], isStarted ? ['ready', 1, 1] : ['ready', 0, 0]);
      assert.equal((await settle(store, succeed(run))).code, 'STORED');
    }
  });

  it('fails a task whose last attempt was lost', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1 });
    const [outcome] = await store.releaseTasks(
      [giveBack(run, { cause: 'lost', isStarted: true, session: run.session })],
      T0,
    );
    assert.deepEqual([outcome!.event!.state, outcome!.event!.error!.code], ['failed', 'LOST']);
    assert.equal((await settle(store, succeed(run))).code, 'STALE');
  });

  it('fails a task that was lost twenty times, whatever its attempts', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const [id] = await addTasks(store, { maxAttempts: 1_000 });
    for (let delivery = 1; delivery <= 20; delivery++) {
      await claim(store, session);
      await store.releaseTasks([giveBack({ taskId: id!, delivery }, { cause: 'lost', isStarted: true, session })], T0);
      assert.equal(await stateOf(store, id!), delivery < 20 ? 'ready' : 'failed');
    }
  });

  it('never fails a task that was not started', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const [id] = await addTasks(store, { maxAttempts: 1 });
    for (let delivery = 1; delivery <= 25; delivery++) {
      await claim(store, session);
      await store.releaseTasks([giveBack({ taskId: id!, delivery }, { cause: 'lost', session })], T0);
    }
    assert.equal(await stateOf(store, id!), 'ready');
  });

  it('changes nothing by another session, epoch or delivery', async () => {
    const store = await open();
    const run = await startTask(store);
    const other = (await openSession(store)).session;
    const outcomes = await store.releaseTasks(
      [
        giveBack(run, { session: other }),
        giveBack(run, { session: { ...run.session, epoch: 2 } }),
        giveBack({ ...run, delivery: 2 }),
        giveBack({ taskId: newTaskId(), delivery: 1 }),
      ],
      T0,
    );
    assert.deepEqual(
      outcomes.map((outcome) => outcome.code),
      ['STALE', 'STALE', 'STALE', 'UNKNOWN'],
    );
    assert.equal(await stateOf(store, run.taskId), 'running');
  });

  it('leaves a delivery that was lost to the client that had it', async () => {
    const store = await open();
    const run = await startTask(store, {}, { clientId: 'me' });
    await store.endSession(run.session, 'all', T0);
    assert.equal(
      (await settle(store, { ...succeed(run), namedBy: { clientId: 'stranger', subject: '' } })).code,
      'STALE',
    );
    assert.equal(
      (await store.releaseTasks([giveBack(run, { namedBy: { clientId: 'stranger', subject: '' } })], T0))[0]!.code,
      'STALE',
    );
    const resume = { previousHash: 'unheard of', holding: [nameDelivery(run)] };
    const { closed } = await openSession(store, { clientId: 'stranger', resume });
    assert.deepEqual(closed, [nameDelivery(run)]);
    assert.equal(await stateOf(store, run.taskId), 'ready');
    assert.equal((await settle(store, { ...succeed(run), namedBy: { clientId: 'me', subject: '' } })).code, 'STORED');
  });

  it('leaves a delivery, running or lost, to its principal among those of the same client id', async () => {
    const store = await open();
    const hers = { clientId: 'robot', subject: 'alice' };
    const theirs = { clientId: 'robot', subject: 'mallory' };
    const run = await startTask(store, {}, { ...hers, isNamed: true, secretHash: 'hers' });
    for (const state of ['running', 'ready']) {
      if (state === 'ready') await store.endSession(run.session, 'all', T0);
      assert.equal((await settle(store, { ...succeed(run), namedBy: theirs })).code, 'STALE', state);
      assert.equal((await store.releaseTasks([giveBack(run, { namedBy: theirs })], T0))[0]!.code, 'STALE', state);
      const resume = { previousHash: 'hers', holding: [nameDelivery(run)] };
      await assertRejects(openSession(store, { ...theirs, isNamed: true, resume }), 'ALREADY_EXISTS', /contact-client/);
      assert.equal(await stateOf(store, run.taskId), state);
    }
    const { held } = await openSession(store, {
      ...hers,
      resume: { previousHash: 'hers', holding: [nameDelivery(run)] },
    });
    assert.deepEqual(held.map(nameDelivery), [nameDelivery(run)]);
    assert.equal((await settle(store, { ...succeed(run), namedBy: hers })).code, 'STORED');
  });

  for (const [before, since] of [
    ['', 'client:robot'],
    ['client:robot', ''],
  ] as const) {
    it(`goes on with what it had when authentication was turned ${since ? 'on' : 'off'}: resumed, replaced or lost`, async () => {
      const store = await open();
      const was = { clientId: 'robot', subject: before };
      const is = { clientId: 'robot', subject: since };
      const kept = await startTask(store, {}, { ...was, secretHash: 'kept' });
      const resume = { previousHash: 'kept', holding: [nameDelivery(kept)] };
      const opened = await openSession(store, { ...is, resume });
      assert.deepEqual([opened.resumed, opened.held.length], [true, 1]);
      // From here on it is of the principal that it is now.
      const other = { clientId: 'robot', subject: 'client:other' };
      if (since !== '') assert.equal((await settle(store, { ...succeed(kept), namedBy: other })).code, 'STALE');
      assert.equal((await settle(store, { ...succeed(kept), namedBy: is })).code, 'STORED');
      const again = await openSession(store, { ...other, resume: { previousHash: 'kept', holding: [] } });
      assert.equal(again.resumed, since === '');

      const named = await startTask(store, {}, { ...was, isNamed: true });
      const holding = [nameDelivery(named)];
      const next = await openSession(store, { ...is, isNamed: true, resume: { previousHash: 'none', holding } });
      assert.deepEqual([next.replaced, next.held.map(nameDelivery)], [[named.session], holding]);

      const lost = await startTask(store, { maxAttempts: 2 }, was);
      await store.endSession(lost.session, 'all', T0);
      assert.equal((await settle(store, { ...succeed(lost), namedBy: is })).code, 'STORED');
    });
  }

  it('closes a delivery that only a loss had ended, and takes back what that burnt', async () => {
    const store = await open();
    const run = await startTask(store);
    await store.endSession(run.session, 'all', T0);
    assert.deepEqual(await store.releaseTasks([giveBack(run)], T0), [{ code: 'STORED', ready: Q }]);
    const { state, attempt, lost } = (await store.describeTask(run.taskId))!;
    assert.deepEqual([state, attempt, lost], ['ready', 0, 0]);
    assert.equal((await settle(store, succeed(run))).code, 'STALE');
  });
});
