import assert from 'node:assert/strict';
import { newTaskId } from '../../shared/ids.ts';
import { assertRejects } from '../scene/answers.ts';
import {
  claim,
  createOpening,
  fail,
  nameDelivery,
  openSession,
  settle,
  startTask,
  succeed,
} from '../scene/deliveries.ts';
import { addTasks, Q, stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

describeStores('openSession()', (open) => {
  it('registers a session with a key of its own', async () => {
    const store = await open();
    const [a, b] = [await openSession(store), await openSession(store)];
    assert.notEqual(a.session.key, b.session.key);
    assert.deepEqual([a.resumed, a.held, a.closed, a.ready, a.events, a.replaced], [false, [], [], [], [], []]);
  });

  it('refuses a session id that another session has', async () => {
    const store = await open();
    const opening = createOpening();
    await store.openSession(opening, T0);
    await assertRejects(
      store.openSession({ ...opening, clientId: 'other' }, T0),
      'ALREADY_EXISTS',
      /^contact-session:/,
    );
  });

  it('goes on with the previous row under a new epoch, keeping what the client names', async () => {
    const store = await open();
    const run = await startTask(store, { timeoutMs: 9 }, { secretHash: 'one', clientId: 'me' });
    await store.loseSession(run.session, T0);
    const resume = { previousHash: 'one', holding: [nameDelivery(run)] };
    const opened = await openSession(store, { clientId: 'me', resume });
    assert.deepEqual(opened.session, { key: run.session.key, epoch: run.session.epoch + 1 });
    assert.equal(opened.resumed, true);
    const held = {
      ...nameDelivery(run),
      ...Q,
      attempt: 1,
      timeoutMs: 9,
      isLast: false,
      claimedAt: T0,
      isStarted: null,
      cancelReason: null,
    };
    assert.deepEqual([opened.held, opened.closed, opened.ready], [[held], [], []]);
    assert.equal((await settle(store, { ...fail(run), session: run.session })).code, 'STALE');
    assert.equal((await settle(store, { ...fail(run), session: opened.session })).code, 'STORED');
  });

  it('gives back what a resumed session did not name: it never arrived, so nothing is burnt', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1 }, { secretHash: 'one', clientId: 'me' });
    const opened = await openSession(store, { clientId: 'me', resume: { previousHash: 'one', holding: [] } });
    assert.deepEqual([opened.held, opened.ready], [[], [Q]]);
    const { state, attempt, lost } = (await store.describeTask(run.taskId))!;
    assert.deepEqual([state, attempt, lost], ['ready', 0, 0]);
    assert.equal((await settle(store, succeed(run))).code, 'STALE');
  });

  it('resumes only for the same subject and client', async () => {
    const store = await open();
    const { session } = await openSession(store, { secretHash: 'one', clientId: 'me', subject: 'alice' });
    const resume = { previousHash: 'one', holding: [] };
    await assertRejects(
      openSession(store, { clientId: 'me', subject: 'bob', resume }),
      'ALREADY_EXISTS',
      /^contact-client:/,
    );
    const opened = await openSession(store, { clientId: 'you', subject: 'alice', resume });
    assert.equal(opened.resumed, false);
    assert.notEqual(opened.session.key, session.key);
    assert.equal((await openSession(store, { clientId: 'me', subject: 'alice', resume })).resumed, true);
  });

  it('resumes again by the same name, for a client that never heard of the first time', async () => {
    const store = await open();
    const run = await startTask(store, {}, { secretHash: 'one', clientId: 'me' });
    const resume = { previousHash: 'one', holding: [nameDelivery(run)] };
    const unheard = await openSession(store, { secretHash: 'two', clientId: 'me', resume });
    const heard = await openSession(store, { secretHash: 'three', clientId: 'me', resume });
    assert.deepEqual(heard.session, { key: run.session.key, epoch: unheard.session.epoch + 1 });
    assert.equal(heard.held.length, 1);
    const next = { previousHash: 'three', holding: [] };
    assert.equal((await openSession(store, { clientId: 'me', resume: next })).resumed, true);
  });

  it('loses what had started and is not named by a resume, and gives back the rest', async () => {
    const store = await open();
    const opening = { secretHash: 'one', clientId: 'me' };
    const run = await startTask(store, { queue: 'a' }, opening);
    const ids = await addTasks(store, { queue: 'a', maxAttempts: 1 }, { queue: 'a' });
    await claim(store, run.session, { lanes: [{ queue: 'a', lane: '' }] });
    const started = [run, { taskId: ids[0]!, delivery: 1 }].map(nameDelivery);
    const resume = { previousHash: 'one', holding: [], started };
    const { events } = await openSession(store, { clientId: 'me', resume });
    assert.deepEqual(
      events.map(({ taskId, error }) => [taskId, error!.code]),
      [[ids[0], 'LOST']],
    );
    const found = await Promise.all([run.taskId, ids[1]!].map((id) => store.describeTask(id)));
    assert.deepEqual(
      found.map((task) => [task!.state, task!.attempt]),
      [
        ['ready', 1],
        ['ready', 0],
      ],
    );
  });

  it('adopts what only a loss ended, and takes back what that burnt', async () => {
    const store = await open();
    const run = await startTask(store, {}, { secretHash: 'one', clientId: 'me' });
    await store.endSession(run.session, 'all', T0);
    assert.equal((await store.describeTask(run.taskId))!.attempt, 1);
    const resume = { previousHash: 'one', holding: [nameDelivery(run)] };
    const opened = await openSession(store, { clientId: 'me', resume });
    assert.deepEqual([opened.resumed, opened.held.length, opened.held[0]!.attempt], [false, 1, 1]);
    const { state, attempt, lost, clientId } = (await store.describeTask(run.taskId))!;
    assert.deepEqual([state, attempt, lost, clientId], ['running', 1, 0, 'me']);
    assert.deepEqual(await claim(store, opened.session), []);
    assert.equal((await settle(store, succeed(run))).event!.attempt, 1);
  });

  it('closes what ended otherwise, what others have, and what never was', async () => {
    const store = await open();
    const opening = { secretHash: 'one', clientId: 'me' };
    const released = await startTask(store, { queue: 'a' }, opening);
    await store.releaseTasks([{ ...nameDelivery(released), cause: 'released', isStarted: true }], T0);
    const failed = await startTask(store, { queue: 'b' });
    await settle(store, fail(failed));
    const settled = await startTask(store, { queue: 'c' });
    await settle(store, succeed(settled));
    const older = await startTask(store, { queue: 'd' });
    await store.endSession(older.session, 'all', T0);
    const others = await startTask(store, { queue: 'e' });
    await claim(store, others.session, { lanes: [{ queue: 'd', lane: '' }] });
    const unknown = { taskId: newTaskId(), delivery: 1 };
    const holding = [released, failed, settled, older, others, unknown].map(nameDelivery);
    const opened = await openSession(store, { clientId: 'me', resume: { previousHash: 'one', holding } });
    assert.deepEqual([opened.held, opened.closed], [[], holding]);
    assert.equal(await stateOf(store, others.taskId), 'running');
  });

  it('answers once for a delivery that is named twice', async () => {
    const store = await open();
    const run = await startTask(store, {}, { secretHash: 'one', clientId: 'me' });
    const holding = [nameDelivery(run), nameDelivery(run)];
    const opened = await openSession(store, { clientId: 'me', resume: { previousHash: 'one', holding } });
    assert.deepEqual([opened.held.length, opened.closed.length], [1, 0]);
  });

  it('replaces the earlier sessions of a named client that does not resume', async () => {
    const store = await open();
    const named = { clientId: 'me', isNamed: true };
    const run = await startTask(store, {}, named);
    const opened = await openSession(store, named);
    assert.deepEqual([opened.resumed, opened.replaced, opened.ready], [false, [run.session], [Q]]);
    const { state, attempt, lost } = (await store.describeTask(run.taskId))!;
    assert.deepEqual([state, attempt, lost], ['ready', 1, 1]);
    assert.equal(await store.loseSession(run.session, T0), false);
    assert.equal((await settle(store, succeed(run))).code, 'STORED');
  });

  it('burns nothing of a replaced session that is known not to have begun', async () => {
    const store = await open();
    const named = { clientId: 'me', isNamed: true };
    const run = await startTask(store, { maxAttempts: 1 }, named);
    const opened = await openSession(store, { ...named, started: [] });
    assert.deepEqual([opened.events, opened.ready], [[], [Q]]);
    assert.equal((await store.describeTask(run.taskId))!.attempt, 0);
  });

  it('hands a named client what it still holds of a session that it could not resume', async () => {
    const store = await open();
    const named = { clientId: 'me', isNamed: true };
    const run = await startTask(store, { maxAttempts: 1 }, { ...named, secretHash: 'one' });
    const resume = { previousHash: 'unheard of', holding: [nameDelivery(run)] };
    const opened = await openSession(store, { ...named, resume });
    assert.deepEqual([opened.resumed, opened.held.length, opened.replaced], [false, 1, [run.session]]);
    assert.equal((await store.describeTask(run.taskId))!.state, 'running');
    assert.equal((await settle(store, { ...fail(run), session: opened.session })).code, 'STORED');
  });

  it('leaves other clients and ephemeral sessions alone', async () => {
    const store = await open();
    const a = await openSession(store, { clientId: 'me', isNamed: true });
    const b = await openSession(store, { clientId: 'you', isNamed: true });
    const c = await openSession(store, { clientId: 'you' });
    assert.deepEqual([b.replaced, c.replaced], [[], []]);
    for (const { session } of [a, b, c]) assert.equal(await store.loseSession(session, T0), true);
  });

  it('cancels what a replaced or a resumed session leaves behind with a cancel asked for', async () => {
    const store = await open();
    const named = { clientId: 'me', isNamed: true };
    const run = await startTask(store, {}, { ...named, secretHash: 'one' });
    await store.cancelTasks([run.taskId], 'why', T0);
    const resumed = await openSession(store, { ...named, resume: { previousHash: 'one', holding: [] } });
    assert.deepEqual(
      resumed.events.map((event) => event.state),
      ['cancelled'],
    );
    const again = await startTask(store, {}, named);
    await store.cancelTasks([again.taskId], 'why', T0);
    assert.deepEqual(
      (await openSession(store, named)).events.map((event) => event.state),
      ['cancelled'],
    );
  });
});

describeStores('endSession()', (open) => {
  it('makes its tasks ready, burning only what was started', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const ids = await addTasks(store, {}, {});
    await claim(store, session);
    const outcome = await store.endSession(session, [{ taskId: ids[1]!, delivery: 1 }], T0);
    assert.deepEqual(outcome, { ready: [Q], events: [], lostCount: 2 });
    const found = await Promise.all(ids.map((id) => store.describeTask(id)));
    assert.deepEqual(
      found.map((task) => [task!.state, task!.attempt, task!.lost]),
      [
        ['ready', 0, 0],
        ['ready', 1, 1],
      ],
    );
    const other = (await openSession(store)).session;
    assert.deepEqual(
      (await claim(store, other)).map((task) => task.id),
      ids,
    );
  });

  it('fails a started task without attempts left, never an unstarted one', async () => {
    const store = await open();
    const { session } = await openSession(store, { clientId: 'me' });
    const [started, unstarted] = await addTasks(store, { maxAttempts: 1 }, { maxAttempts: 1 });
    await claim(store, session);
    const { events } = await store.endSession(session, [{ taskId: started!, delivery: 1 }], T0);
    assert.deepEqual(
      events.map((event) => [event.taskId, event.state, event.error!.code, event.clientId]),
      [[started, 'failed', 'LOST', 'me']],
    );
    assert.equal(await stateOf(store, unstarted!), 'ready');
  });

  it('changes nothing for another epoch, and once it is gone', async () => {
    const store = await open();
    const run = await startTask(store);
    const nothing = { ready: [], events: [], lostCount: 0 };
    assert.deepEqual(await store.endSession({ ...run.session, epoch: 2 }, 'all', T0), nothing);
    assert.equal(await stateOf(store, run.taskId), 'running');
    assert.deepEqual((await store.endSession(run.session, 'all', T0)).ready, [Q]);
    assert.deepEqual(await store.endSession(run.session, 'all', T0), nothing);
  });
});

describeStores('loseSession()', (open) => {
  it('keeps the tasks, and is undone by a resume', async () => {
    const store = await open();
    const run = await startTask(store, {}, { secretHash: 'one', clientId: 'me' });
    assert.equal(await store.loseSession(run.session, T0), true);
    assert.equal(await stateOf(store, run.taskId), 'running');
    const resume = { previousHash: 'one', holding: [nameDelivery(run)] };
    const { session } = await openSession(store, { clientId: 'me', resume });
    assert.equal(await store.loseSession(run.session, T0), false);
    assert.equal(await store.loseSession(session, T0), true);
  });
});
