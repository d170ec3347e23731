import assert from 'node:assert/strict';
import type { Delivery, TaskError } from '../../server/model/task.ts';
import type { Settlement } from '../../server/store/deliveries.ts';
import type { Store } from '../../server/store/store.ts';
import { newTaskId } from '../../shared/ids.ts';
import { assertLogged, textOf } from '../scene/answers.ts';
import { claim, fail, openSession, settle, startTask, succeed } from '../scene/deliveries.ts';
import { addTasks, createTask, Q, stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

describeStores('redriveTasks()', (open) => {
  it('makes a failed task ready with fresh attempts, and delivery numbers that go on', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1, lane: 'c:me' });
    await settle(store, fail(run));
    const lane = { queue: 'q', lane: 'c:me' };
    assert.deepEqual(await store.redriveTasks([run.taskId], T0), [{ id: run.taskId, kind: 'ready', lane }]);
    const [again] = await claim(store, run.session, { lanes: [lane] });
    assert.deepEqual([again!.id, again!.delivery, again!.attempt], [run.taskId, 2, 1]);
    assert.equal((await settle(store, fail(run))).code, 'DUPLICATE');
    const { event } = await settle(store, succeed({ taskId: run.taskId, delivery: 2 }));
    assert.equal(event!.position, 2);
    assert.deepEqual(
      (await store.readResults(0, 10)).map((each) => each.state),
      ['failed', 'succeeded'],
    );
    assert.equal(await stateOf(store, run.taskId), 'succeeded');
  });

  it('keeps when the newest delivery was claimed, should the task be cancelled before the next', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const [id] = await addTasks(store, { maxAttempts: 1 });
    await claim(store, session, {}, T0 + 3);
    await settle(store, fail({ taskId: id!, delivery: 1 }), T0 + 5);
    await store.redriveTasks([id!], T0 + 7);
    await store.cancelTasks([id!], '', T0 + 9);
    const [, event] = await store.readResults(0, 10);
    assert.deepEqual([event!.state, event!.delivery, event!.claimedAt], ['cancelled', 1, T0 + 3]);
  });

  it('refuses what did not fail', async () => {
    const store = await open();
    const [ready, cancelled] = await addTasks(store, {}, {});
    await store.cancelTasks([cancelled!], '', T0);
    const unknown = newTaskId();
    assert.deepEqual(await store.redriveTasks([ready!, cancelled!, unknown], T0), [
      { id: ready, kind: 'not_failed' },
      { id: cancelled, kind: 'not_failed' },
      { id: unknown, kind: 'not_found' },
    ]);
  });

  it('retries once when asked twice', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1 });
    await settle(store, fail(run));
    const outcomes = await store.redriveTasks([run.taskId, run.taskId], T0);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.kind),
      ['ready', 'not_failed'],
    );
  });

  it('does not let a task expire that an operator wants to run', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1, expiresAt: T0 + 10 });
    await settle(store, fail(run));
    await store.redriveTasks([run.taskId], T0 + 20);
    assert.deepEqual((await store.wakeTasks(T0 + 20, 10)).expired, []);
    assert.equal((await claim(store, run.session, {}, T0 + 20)).length, 1);
  });
});

describeStores('deleteTasks()', (open) => {
  it('forgets settled tasks and their results, and nothing else', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1 });
    await settle(store, fail(run));
    const [waiting] = await addTasks(store, {});
    assert.deepEqual(await store.deleteTasks([run.taskId, waiting!, newTaskId(), run.taskId]), [
      true,
      false,
      false,
      false,
    ]);
    assert.equal(await store.describeTask(run.taskId), undefined);
    assert.deepEqual(await store.readResults(0, 10), []);
    assert.equal((await settle(store, fail(run))).code, 'UNKNOWN');
    assert.equal(await stateOf(store, waiting!), 'ready');
  });

  it('frees the id and the idempotency key', async () => {
    const store = await open();
    const task = createTask({ idempotencyKey: 'k' });
    await store.insertTasks([task], T0);
    await store.cancelTasks([task.id], '', T0);
    await store.deleteTasks([task.id]);
    const other = createTask({ idempotencyKey: 'k', priority: 1 });
    assert.deepEqual(await store.insertTasks([other, { ...task, idempotencyKey: null }], T0), [
      { id: other.id, deduplicated: false },
      { id: task.id, deduplicated: false },
    ]);
  });

  it('never gives a position twice', async () => {
    const store = await open();
    const ids = await addTasks(store, {}, {}, {}, {});
    await store.cancelTasks(ids.slice(0, 3), '', T0);
    await store.deleteTasks([ids[0]!]);
    assert.deepEqual(await store.resultBounds(), { newest: 3, beforeOldest: 1 });
    await store.deleteTasks([ids[2]!, ids[1]!]);
    assert.deepEqual(await store.resultBounds(), { newest: 3, beforeOldest: 3 });
    const [outcome] = await store.cancelTasks([ids[3]!], '', T0);
    assert(outcome!.kind === 'cancelled');
    assert.equal(outcome!.event.position, 4);
  });
});

describeStores('wakeTasks()', (open) => {
  it('makes scheduled tasks ready when their time has come', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const [late, soon] = await addTasks(store, { runAt: T0 + 20 }, { runAt: T0 + 10, lane: 'c:me' });
    assert.deepEqual(await store.wakeTasks(T0 + 9, 10), { ready: [], expired: [], nextDueAt: T0 + 10 });
    const outcome = await store.wakeTasks(T0 + 10, 10);
    assert.deepEqual(outcome, { ready: [{ queue: 'q', lane: 'c:me' }], expired: [], nextDueAt: T0 + 20 });
    assert.deepEqual([await stateOf(store, soon!), await stateOf(store, late!)], ['ready', 'scheduled']);
    assert.deepEqual(await store.wakeTasks(T0 + 99, 10), { ready: [Q], expired: [], nextDueAt: null });
    assert.deepEqual(
      (await claim(store, session)).map((task) => task.id),
      [late],
    );
  });

  it('draws the place in the queue when a task becomes ready', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const [scheduled] = await addTasks(store, { runAt: T0 + 10 });
    const [direct] = await addTasks(store, {});
    await store.wakeTasks(T0 + 10, 10);
    assert.deepEqual(
      (await claim(store, session)).map((task) => task.id),
      [direct, scheduled],
    );
  });

  it('expires what nobody took in time, scheduled tasks too', async () => {
    const store = await open();
    const [ready, scheduled, kept] = await addTasks(
      store,
      { expiresAt: T0 + 10 },
      { runAt: T0 + 5, expiresAt: T0 + 10 },
      { expiresAt: T0 + 11 },
    );
    const { expired, ready: lanes, nextDueAt } = await store.wakeTasks(T0 + 10, 10);
    assert.deepEqual(expired.map((event) => event.taskId).sort(), [ready, scheduled].sort());
    assert.deepEqual([lanes, nextDueAt], [[], T0 + 11]);
    assert.equal(expired[0]!.error!.code, 'EXPIRED');
    await assertLogged(store, expired[0]);
    assert.equal(await stateOf(store, kept!), 'ready');
  });

  for (const [name, message, end] of [
    ['failed', 'expired while backing off after attempt 1: it broke', fail],
    ['failed without words', 'expired while backing off after attempt 1: BROKEN', failSilently],
    ['failed without anything', 'expired while backing off after attempt 1', (run: Delivery) => failSilently(run, '')],
  ] as const) {
    it(`says of a task that expires while it backs off how its attempt ${name}`, async () => {
      const store = await open();
      const run = await startTask(store, { expiresAt: T0 + 10 });
      await settle(store, end(run));
      assert.deepEqual(await expiryOf(store), { code: 'EXPIRED', message });
    });
  }

  it('says of a task that expires how its last delivery ended, and the last error', async () => {
    const store = await open();
    const run = await startTask(store, { expiresAt: T0 + 10 });
    const again = { ...run, delivery: 2 };
    await settle(store, fail(run, { retry: { kind: 'after', ms: 1 } }));
    await store.wakeTasks(T0 + 1, 10);
    await claim(store, run.session);
    await store.releaseTasks([{ ...again, cause: 'lost', isStarted: true }], T0);
    const message = 'its worker was lost, and nobody took it again in time; the last error was: it broke';
    assert.deepEqual(await expiryOf(store), { code: 'EXPIRED', message });
  });

  it('says of a task that nobody took after its backoff which attempt failed, and how', async () => {
    const store = await open();
    const run = await startTask(store, { expiresAt: T0 + 10 });
    await settle(
      store,
      fail(run, { retry: { kind: 'after', ms: 1 }, error: { code: '', message: 'é'.repeat(2_000) } }),
    );
    await store.wakeTasks(T0 + 1, 10);
    const { message } = await expiryOf(store);
    assert.equal(message, `nobody took it again in time after attempt 1: ${'é'.repeat(1_000)}`);
  });

  for (const [cause, words] of [
    ['lost', 'its worker was lost'],
    ['released', 'it was given back'],
  ] as const) {
    for (const isStarted of [true, false]) {
      it(`says of a task that expires that ${words}, ${isStarted ? 'begun' : 'not begun'}`, async () => {
        const store = await open();
        const run = await startTask(store, { expiresAt: T0 + 10 });
        await store.releaseTasks([{ ...run, cause, isStarted }], T0);
        const message = `${words}, and nobody took it again in time`;
        assert.deepEqual(await expiryOf(store), { code: 'EXPIRED', message });
      });
    }
  }

  it('says of a task that expires without a delivery that nobody took it', async () => {
    const store = await open();
    await addTasks(store, { expiresAt: T0 + 10 });
    assert.deepEqual(await expiryOf(store), { code: 'EXPIRED', message: 'nobody took it in time' });
  });

  it('does not expire a running task', async () => {
    const store = await open();
    const run = await startTask(store, { expiresAt: T0 + 10 });
    assert.deepEqual(await store.wakeTasks(T0 + 10, 10), { ready: [], expired: [], nextDueAt: null });
    await store.releaseTasks([{ ...run, cause: 'released', isStarted: false }], T0 + 11);
    assert.equal((await store.wakeTasks(T0 + 11, 10)).expired.length, 1);
  });

  it('moves at most as many as asked, and says that more is due', async () => {
    const store = await open();
    await addTasks(store, ...Array.from({ length: 5 }, (_, i) => ({ runAt: T0 + 1 + i, queue: `q${i}` })));
    const first = await store.wakeTasks(T0 + 10, 3);
    assert.deepEqual([first.ready.map((lane) => lane.queue), first.nextDueAt], [['q0', 'q1', 'q2'], T0 + 4]);
    assert.equal((await store.wakeTasks(T0 + 10, 3)).ready.length, 2);
  });
});

describeStores('checkpointTasks()', (open) => {
  it('hands the newest checkpoint to the next attempt', async () => {
    const store = await open();
    const run = await startTask(store);
    const save = (data: string, delivery = 1) =>
      store.checkpointTasks([{ taskId: run.taskId, delivery, data: Buffer.from(data) }]);
    assert.deepEqual([await save('one'), await save('two')], [[true], [true]]);
    await settle(store, fail(run, { retry: { kind: 'after', ms: 0 } }));
    await store.wakeTasks(T0, 10);
    const [again] = await claim(store, run.session);
    assert.equal(textOf(again!.checkpoint!), 'two');
  });

  it('keeps nothing for a delivery that is not open', async () => {
    const store = await open();
    const run = await startTask(store);
    const data = Buffer.from('x');
    const other = { taskId: newTaskId(), delivery: 1, data };
    assert.deepEqual(await store.checkpointTasks([{ taskId: run.taskId, delivery: 2, data }, other]), [false, false]);
    await settle(store, succeed(run));
    assert.deepEqual(await store.checkpointTasks([{ taskId: run.taskId, delivery: 1, data }]), [false]);
  });

  it('survives a failure for good, for a redrive', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1 });
    await store.checkpointTasks([{ taskId: run.taskId, delivery: 1, data: Buffer.from('far') }]);
    await settle(store, fail(run));
    await store.redriveTasks([run.taskId], T0);
    const [again] = await claim(store, run.session);
    assert.equal(textOf(again!.checkpoint!), 'far');
  });
});

function failSilently(run: Delivery, code = 'BROKEN'): Settlement {
  return fail(run, { error: { code, message: '' } });
}

async function expiryOf(store: Store): Promise<TaskError> {
  const [event] = (await store.wakeTasks(T0 + 10, 10)).expired;
  await assertLogged(store, event);
  return event!.error!;
}
