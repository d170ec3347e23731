import assert from 'node:assert/strict';
import { newTaskId } from '../../shared/ids.ts';
import { assertRejects, textOf } from '../scene/answers.ts';
import { claim, openSession } from '../scene/deliveries.ts';
import { addTasks, createTask, stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

describeStores('insertTasks()', (open) => {
  it('stores every field of a task', async () => {
    const store = await open();
    const task = createTask({
      payload: Buffer.from([0, 1, 255]),
      metadata: { traceparent: '00-1', b: 'ü' },
      priority: -7,
      runAt: T0 + 50,
      expiresAt: T0 + 5_000,
      maxAttempts: 3,
      timeoutMs: 700,
      backoffBaseMs: 5,
      backoffCapMs: 9,
      idempotencyKey: 'once',
      parentId: newTaskId(),
      lane: 'c:mine',
    });
    assert.deepEqual(await store.insertTasks([task], T0), [{ id: task.id, deduplicated: false }]);
    const { payload, ...found } = (await store.describeTask(task.id))!;
    const { payload: given, ...expected } = task;
    assert.deepEqual(Buffer.from(payload), given);
    assert.deepEqual(found, {
      ...expected,
      state: 'scheduled',
      createdAt: T0,
      claimedAt: null,
      acts: [],
      log: [],
      attempt: 0,
      delivery: 0,
      lastError: null,
      lost: 0,
      cancelRequested: false,
      clientId: '',
      settled: null,
      attempts: [],
    });
  });

  it('answers for each task in the order given, and nothing for none', async () => {
    const store = await open();
    const tasks = [createTask(), createTask(), createTask()];
    assert.deepEqual(
      (await store.insertTasks(tasks, T0)).map((outcome) => outcome.id),
      tasks.map((task) => task.id),
    );
    assert.deepEqual(await store.insertTasks([], T0), []);
  });

  it('makes a task whose time has come ready at once', async () => {
    const store = await open();
    const [past, now, later] = await addTasks(store, { runAt: T0 - 1 }, { runAt: T0 }, { runAt: T0 + 1 });
    assert.equal(await stateOf(store, past!), 'ready');
    assert.equal(await stateOf(store, now!), 'ready');
    assert.equal(await stateOf(store, later!), 'scheduled');
  });

  it('keeps its own copy of the payload', async () => {
    const store = await open();
    const frame = Buffer.from('before payload after');
    const task = createTask({ payload: frame.subarray(7, 14) });
    const inserted = store.insertTasks([task], T0);
    await inserted;
    frame.fill(0);
    assert.equal(textOf((await store.describeTask(task.id))!.payload), 'payload');
  });

  it('acknowledges a repeated id with the same content again', async () => {
    const store = await open();
    const task = createTask({ metadata: { a: '1', b: '2' } });
    await store.insertTasks([task], T0);
    const again = { ...task, metadata: { b: '2', a: '1' }, runAt: T0 + 9, expiresAt: T0 + 99 };
    assert.deepEqual(await store.insertTasks([again], T0 + 5), [{ id: task.id, deduplicated: true }]);
    assert.equal((await store.countQueues())[0]!.ready, 1);
    assert.equal((await store.describeTask(task.id))!.createdAt, T0);
  });

  it('acknowledges a repeated id when the task is settled', async () => {
    const store = await open();
    const task = createTask();
    await store.insertTasks([task], T0);
    await store.cancelTasks([task.id], 'no', T0);
    assert.deepEqual(await store.insertTasks([task], T0), [{ id: task.id, deduplicated: true }]);
    assert.equal(await stateOf(store, task.id), 'cancelled');
  });

  for (const [field, change] of Object.entries({
    queue: { queue: 'other' },
    lane: { lane: 'c:x' },
    payload: { payload: Buffer.from('else') },
    contentType: { contentType: 'a/b' },
    metadata: { metadata: { a: '1' } },
    priority: { priority: 1 },
    maxAttempts: { maxAttempts: 2 },
    timeoutMs: { timeoutMs: 1 },
    backoffBaseMs: { backoffBaseMs: 1 },
    backoffCapMs: { backoffCapMs: 1 },
    idempotencyKey: { idempotencyKey: 'k' },
    parentId: { parentId: newTaskId() },
  })) {
    it(`refuses a repeated id with another ${field}, and the whole batch`, async () => {
      const store = await open();
      const task = createTask();
      await store.insertTasks([task], T0);
      const other = createTask();
      await assertRejects(
        store.insertTasks([other, { ...task, ...change }, createTask()], T0),
        'ALREADY_EXISTS',
        /^tasks\[1\]\.id:/,
      );
      assert.equal(await store.describeTask(other.id), undefined);
      assert.equal((await store.listTasks({}, null, 10)).length, 1);
      assert.deepEqual(
        (await store.countQueues()).filter((queue) => queue.ready > 0).map((queue) => [queue.queue, queue.ready]),
        [['q', 1]],
      );
    });
  }

  it('scopes an idempotency key to its queue, and names the task that has it', async () => {
    const store = await open();
    const first = createTask({ idempotencyKey: 'k' });
    await store.insertTasks([first], T0);
    const again = createTask({ idempotencyKey: 'k' });
    const elsewhere = createTask({ idempotencyKey: 'k', queue: 'other' });
    assert.deepEqual(await store.insertTasks([again, elsewhere], T0), [
      { id: first.id, deduplicated: true },
      { id: elsewhere.id, deduplicated: false },
    ]);
    await assertRejects(
      store.insertTasks([createTask({ idempotencyKey: 'k', priority: 3 })], T0),
      'ALREADY_EXISTS',
      /^tasks\[0\]\.idempotency_key:/,
    );
  });

  it('compares tasks within one batch too', async () => {
    const store = await open();
    const task = createTask({ idempotencyKey: 'k' });
    const twin = createTask({ idempotencyKey: 'k' });
    assert.deepEqual(await store.insertTasks([task, task, twin], T0), [
      { id: task.id, deduplicated: false },
      { id: task.id, deduplicated: true },
      { id: task.id, deduplicated: true },
    ]);
    const next = createTask();
    await assertRejects(store.insertTasks([next, { ...next, priority: 1 }], T0), 'ALREADY_EXISTS', /^tasks\[1\]\.id:/);
    assert.equal(await store.describeTask(next.id), undefined);
  });

  it('goes on after a refused batch', async () => {
    const store = await open();
    const [id] = await addTasks(store, {});
    const bad = store.insertTasks([createTask(), createTask({ id: id!, priority: 9 })], T0);
    const good = createTask();
    const [refused, kept] = await Promise.allSettled([bad, store.insertTasks([good], T0)]);
    assert.equal(refused.status, 'rejected');
    assert.equal(kept.status, 'fulfilled');
    const { session } = await openSession(store);
    assert.deepEqual(
      (await claim(store, session)).map((task) => task.id),
      [id, good.id],
    );
  });
});
