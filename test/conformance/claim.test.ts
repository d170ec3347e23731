import assert from 'node:assert/strict';
import type { ClaimedTask, SessionRef } from '../../server/model/task.ts';
import { textOf } from '../scene/answers.ts';
import { claim, createRequest, openSession } from '../scene/deliveries.ts';
import { addTasks, createTask, Q, stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

describeStores('claimTasks()', (open) => {
  it('hands over all that a worker needs', async () => {
    const store = await open();
    const { session } = await openSession(store, { clientId: 'c' });
    const task = createTask({ metadata: { a: '1' }, priority: 3, maxAttempts: 2, timeoutMs: 50 });
    await store.insertTasks([task], T0);
    const [outcome] = await store.claimTasks(
      () => [createRequest(session)],
      () => T0 + 1,
    );
    assert.deepEqual(outcome!.session, session);
    assert.equal(outcome!.exhausted, true);
    const [{ payload, ...claimed }] = outcome!.tasks as [ClaimedTask];
    assert.equal(textOf(payload), 'payload');
    assert.deepEqual(claimed, {
      id: task.id,
      queue: 'q',
      lane: '',
      contentType: 'text/plain',
      metadata: { a: '1' },
      priority: 3,
      delivery: 1,
      attempt: 1,
      maxAttempts: 2,
      timeoutMs: 50,
      checkpoint: null,
      readyAt: T0,
    });
    const found = (await store.describeTask(task.id))!;
    assert.deepEqual([found.state, found.delivery, found.attempt, found.clientId], ['running', 1, 1, 'c']);
  });

  it('tells since when a task was ready, at its first delivery, if it was from the beginning', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const [plain, , late] = await addTasks(store, {}, { runAt: T0 + 5 }, { runAt: T0 - 5 });
    const claimAt = async (now: number) =>
      (
        await store.claimTasks(
          () => [createRequest(session)],
          () => now,
        )
      )[0]!.tasks;
    const first = await claimAt(T0 + 1);
    assert.deepEqual(
      new Map(first.map(({ id, readyAt }) => [id, readyAt])),
      new Map([plain, late].map((id) => [id!, T0])),
    );
    await store.wakeTasks(T0 + 5, 10);
    assert.deepEqual(
      (await claimAt(T0 + 6)).map(({ readyAt }) => readyAt),
      [null],
    );
    const [one] = first;
    await store.releaseTasks([{ taskId: one!.id, delivery: 1, session, cause: 'released', isStarted: false }], T0 + 7);
    assert.deepEqual(
      (await claimAt(T0 + 8)).map(({ delivery, readyAt }) => [delivery, readyAt]),
      [[2, null]],
    );
  });

  it('gives a task to one session only', async () => {
    const store = await open();
    const [a, b] = [(await openSession(store)).session, (await openSession(store)).session];
    const ids = await addTasks(store, {}, {}, {});
    const outcomes = await store.claimTasks(
      () => [createRequest(a), createRequest(b)],
      () => T0,
    );
    const given = outcomes.flatMap((outcome) => outcome.tasks.map((task) => task.id));
    assert.deepEqual(given.sort(), ids.sort());
    assert.deepEqual(await claim(store, a), []);
  });

  it('takes the larger priority first, then the one that was ready first, over all lanes of a queue', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const [low, first, second, high] = await addTasks(
      store,
      { priority: -1 },
      { lane: 'c:me' },
      {},
      { priority: 5, lane: 's:a=b' },
    );
    const lanes = ['', 'c:me', 's:a=b'].map((lane) => ({ queue: 'q', lane }));
    const claimed = await claim(store, session, { lanes });
    assert.deepEqual(
      claimed.map((task) => task.id),
      [high, first, second, low],
    );
  });

  it('touches only the lanes of the request', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const [mine] = await addTasks(store, {}, { lane: 'c:other' }, { queue: 'other' });
    assert.deepEqual(
      (await claim(store, session)).map((task) => task.id),
      [mine],
    );
    assert.deepEqual(await claim(store, session, { lanes: [] }), []);
  });

  it('serves the queues of a request in turn', async () => {
    const store = await open();
    const { session } = await openSession(store);
    await addTasks(store, { queue: 'a' }, { queue: 'a' }, { queue: 'a' }, { queue: 'b', priority: 9 }, { queue: 'b' });
    const lanes = ['a', 'b'].map((queue) => ({ queue, lane: '' }));
    const claimed = await claim(store, session, { lanes });
    assert.deepEqual(
      claimed.map((task) => task.queue),
      ['a', 'b', 'a', 'b', 'a'],
    );
  });

  it('serves requests in turn when supply is short', async () => {
    const store = await open();
    const sessions: SessionRef[] = [];
    for (let i = 0; i < 3; i++) sessions.push((await openSession(store)).session);
    const ids = await addTasks(store, {}, {}, {}, {});
    const outcomes = await store.claimTasks(
      () => sessions.map((session) => createRequest(session)),
      () => T0,
    );
    assert.deepEqual(
      outcomes.map((outcome) => outcome.tasks.map((task) => ids.indexOf(task.id))),
      [[0, 3], [1], [2]],
    );
    assert.deepEqual(
      outcomes.map((outcome) => outcome.exhausted),
      [true, true, true],
    );
  });

  it('keeps to the limit and says whether there is more', async () => {
    const store = await open();
    const { session } = await openSession(store);
    await addTasks(store, {}, {}, {});
    const take = async (limit: number) =>
      (
        await store.claimTasks(
          () => [createRequest(session, { limit })],
          () => T0,
        )
      )[0]!;
    assert.deepEqual([(await take(0)).tasks.length, (await take(2)).tasks.length], [0, 2]);
    const last = await take(2);
    assert.deepEqual([last.tasks.length, last.exhausted], [1, true]);
  });

  it('keeps to the bytes, but for a first task that may exceed them', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const sizes = [60, 60, 500, 10];
    const ids = await addTasks(store, ...sizes.map((size) => ({ payload: Buffer.alloc(size) })));
    const take = async (mayExceed: boolean) => {
      const request = createRequest(session, { maxBytes: 100, mayExceed });
      const [outcome] = await store.claimTasks(
        () => [request],
        () => T0,
      );
      return [outcome!.tasks.map((task) => ids.indexOf(task.id)), outcome!.exhausted];
    };
    assert.deepEqual(await take(false), [[0], false]);
    assert.deepEqual(await take(false), [[1], false]);
    assert.deepEqual(await take(false), [[], false]);
    assert.deepEqual(await take(true), [[2], false]);
    assert.deepEqual(await take(false), [[3], true]);
  });

  it('gives nothing to a session that is gone or of another epoch', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const [id] = await addTasks(store, {});
    for (const ref of [
      { ...session, epoch: session.epoch + 1 },
      { key: session.key + 100, epoch: 1 },
    ]) {
      const [outcome] = await store.claimTasks(
        () => [createRequest(ref)],
        () => T0,
      );
      // Which says nothing of its lanes.
      assert.deepEqual(outcome, { session: ref, tasks: [], exhausted: false, isGone: true });
    }
    assert.equal(await stateOf(store, id!), 'ready');
  });

  it('sees the inserts of its own turn, and asks the plan then', async () => {
    const store = await open();
    const { session } = await openSession(store);
    let isPlanned = false;
    const claiming = store.claimTasks(
      () => {
        isPlanned = true;
        return [createRequest(session)];
      },
      () => T0,
    );
    const inserting = addTasks(store, {}, {});
    assert.equal(isPlanned, false);
    const [outcomes, ids] = await Promise.all([claiming, inserting]);
    assert.deepEqual(
      outcomes[0]!.tasks.map((task) => task.id),
      ids,
    );
  });

  it('leaves a task that is past its expiry', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const [dead, alive] = await addTasks(store, { expiresAt: T0 + 10 }, { expiresAt: T0 + 11 });
    assert.deepEqual(
      (await claim(store, session, {}, T0 + 10)).map((task) => task.id),
      [alive],
    );
    assert.equal(await stateOf(store, dead!), 'ready');
    // The clock went back: it is nobody's fault.
    assert.deepEqual(
      (await claim(store, session, {}, T0)).map((task) => task.id),
      [dead],
    );
  });

  it('takes a thousand in order', async () => {
    const store = await open();
    const { session } = await openSession(store);
    const ids = await addTasks(store, ...Array.from({ length: 1_000 }, () => ({})));
    const first = await claim(store, session, { limit: 300 });
    const rest = await claim(store, session, { limit: 1_000, lanes: [Q] });
    assert.deepEqual(
      [...first, ...rest].map((task) => task.id),
      ids,
    );
  });
});
