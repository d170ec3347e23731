import assert from 'node:assert/strict';
import type { AttemptRecord } from '../../server/model/attempt.ts';
import type { Delivery, SessionRef, TaskInput } from '../../server/model/task.ts';
import type { Settlement } from '../../server/store/deliveries.ts';
import type { Store } from '../../server/store/store.ts';
import { claim, fail, nameDelivery, openSession, settle, startTask, succeed } from '../scene/deliveries.ts';
import { addTasks, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const NOTHING: Omit<AttemptRecord, 'delivery'> = {
  attempt: 1,
  clientId: 'w',
  claimedAt: T0,
  startedAt: null,
  endedAt: null,
  end: null,
  isUntouched: false,
  error: null,
  backoffMs: 0,
};

describeStores('what is kept of attempts', (open) => {
  /** A session of client `w`, and a task that it runs from T0 on. */
  const start = (store: Store, task: Partial<TaskInput> = {}) => startTask(store, task, { clientId: 'w' });

  async function attemptsOf(store: Store, { taskId }: Pick<Delivery, 'taskId'>): Promise<readonly AttemptRecord[]> {
    return (await store.describeTask(taskId))!.attempts;
  }

  async function ends(store: Store, run: Pick<Delivery, 'taskId'>): Promise<string[]> {
    return (await attemptsOf(store, run)).map(({ delivery, end, isUntouched }) =>
      isUntouched ? `${delivery} ${end}, untouched` : `${delivery} ${end}`,
    );
  }

  /** Wakes the task if it backs off, and has this session claim it. */
  async function claimAgain(store: Store, session: SessionRef, now: number): Promise<void> {
    await store.wakeTasks(now, 10);
    assert.equal((await claim(store, session, {}, now)).length, 1);
  }

  it('is nothing of a task that nobody had', async () => {
    const store = await open();
    const [taskId] = await addTasks(store, {});
    assert.deepEqual(await attemptsOf(store, { taskId: taskId! }), []);
    await store.cancelTasks([taskId!], 'no', T0);
    assert.deepEqual(await attemptsOf(store, { taskId: taskId! }), []);
  });

  it('is the one that runs, and then that it succeeded', async () => {
    const store = await open();
    const run = await start(store);
    assert.deepEqual(await attemptsOf(store, run), [{ ...NOTHING, delivery: 1 }]);
    await settle(store, succeed(run), T0 + 7);
    const ended: Partial<AttemptRecord> = { clientId: 'c', endedAt: T0 + 7, end: 'succeeded' };
    assert.deepEqual(await attemptsOf(store, run), [{ ...NOTHING, ...ended, delivery: 1 }]);
  });

  it('is who had it, when it began and ended, why it failed, and how long it waits', async () => {
    const store = await open();
    const run = await start(store);
    const error = { code: 'E', message: 'broken', details: new Uint8Array([115]), detail: 'Error: broken\n  at here' };
    const given = { ...fail(run, { error, retry: { kind: 'after', ms: 500 } }), startedAt: T0 + 2 };
    await settle(store, given, T0 + 5);
    const failed = { ...NOTHING, clientId: 'c', startedAt: T0 + 2, endedAt: T0 + 5, end: 'failed', backoffMs: 500 };
    assert.deepEqual(plain(await attemptsOf(store, run)), plain([{ ...failed, delivery: 1, error }]));
    await claimAgain(store, run.session, T0 + 600);
    await settle(store, succeed({ ...run, delivery: 2 }), T0 + 700);
    const succeeded = { attempt: 2, clientId: 'c', claimedAt: T0 + 600, endedAt: T0 + 700, end: 'succeeded' };
    assert.deepEqual(plain(await attemptsOf(store, run)), [
      plain({ ...failed, delivery: 1, error }),
      { ...NOTHING, ...succeeded, delivery: 2 },
    ]);
  });

  it('is the detail of the last error too, which the results log has not', async () => {
    const store = await open();
    const run = await start(store, { maxAttempts: 1 });
    const { event } = await settle(store, fail(run, { error: { code: '', message: 'm', detail: 'a stack' } }));
    assert.deepEqual(event!.error, { code: '', message: 'm' });
    assert.deepEqual((await store.readResults(0, 1))[0]!.error, { code: '', message: 'm' });
    assert.deepEqual((await attemptsOf(store, run))[0]!.error, { code: '', message: 'm', detail: 'a stack' });
  });

  it('tells a timeout from a failure', async () => {
    const store = await open();
    const run = await start(store);
    await settle(store, { ...fail(run), session: run.session });
    assert.deepEqual(await ends(store, run), ['1 timedOut']);
  });

  it('is a loss, with what was known of its start, until the client comes back to it', async () => {
    const store = await open();
    const run = await start(store);
    await store.endSession(run.session, [{ ...nameDelivery(run), startedAt: T0 + 1 }], T0 + 3);
    const lost: Partial<AttemptRecord> = { startedAt: T0 + 1, endedAt: T0 + 3, end: 'lost' };
    assert.deepEqual(await attemptsOf(store, run), [{ ...NOTHING, ...lost, delivery: 1 }]);
    const resume = { previousHash: 'unknown', holding: [nameDelivery(run)] };
    const back = await openSession(store, { clientId: 'w', resume }, T0 + 4);
    assert.equal(back.held.length, 1);
    assert.deepEqual(await attemptsOf(store, run), [{ ...NOTHING, delivery: 1 }]);
  });

  it('is a loss no more once its result came late', async () => {
    const store = await open();
    for (const [late, expected] of [
      [succeed, '1 succeeded'],
      [fail, '1 failed'],
    ] as const) {
      const run = await start(store);
      await store.endSession(run.session, 'all', T0);
      assert.deepEqual(await ends(store, run), ['1 lost']);
      await settle(store, late(nameDelivery(run)));
      assert.deepEqual(await ends(store, run), [expected]);
    }
  });

  it('tells a delivery with which nothing was done, of several in a row only the newest', async () => {
    const store = await open();
    const run = await start(store);
    const { session } = run;
    const giveBack = async (delivery: number, isStarted: boolean) => {
      await store.releaseTasks([{ ...nameDelivery(run), delivery, cause: 'released', isStarted }], T0);
      await claimAgain(store, session, T0);
    };
    await giveBack(1, false);
    await giveBack(2, false);
    await giveBack(3, true);
    await giveBack(4, false);
    await store.releaseTasks([{ ...nameDelivery(run), delivery: 5, session, cause: 'lost', isStarted: false }], T0);
    assert.deepEqual(await ends(store, run), ['2 released, untouched', '3 released', '5 lost, untouched']);
    const attempts = await attemptsOf(store, run);
    assert.deepEqual(
      attempts.map(({ attempt }) => attempt),
      [1, 1, 2],
    );
  });

  it('keeps what a worker said of an attempt whose cancel was asked for', async () => {
    const store = await open();
    const stopped = (run: Delivery): Settlement => ({ ...nameDelivery(run), clientId: 'c', kind: 'stopped' });
    for (const [end, message] of [
      [fail, 'it broke'],
      [stopped, 'why'],
    ] as const) {
      const run = await start(store);
      await store.cancelTasks([run.taskId], 'why', T0);
      await settle(store, end(run));
      const [only, ...others] = await attemptsOf(store, run);
      assert.deepEqual([only!.end, only!.error?.message, others], ['cancelled', message, []]);
    }
  });

  it('is a cancel that nobody confirmed, and a loss that was one too many', async () => {
    const store = await open();
    const run = await start(store);
    await store.cancelTasks([run.taskId], 'why', T0);
    await settle(store, { ...nameDelivery(run), session: run.session, clientId: 'w', kind: 'abandoned' });
    assert.deepEqual(await ends(store, run), ['1 cancelled']);
    const last = await start(store, { maxAttempts: 1 });
    await store.endSession(last.session, 'all', T0);
    const [lost] = await attemptsOf(store, last);
    assert.deepEqual([lost!.end, lost!.error!.code], ['lost', 'LOST']);
  });

  it('is what was pushed and never arrived', async () => {
    const store = await open();
    const { session, taskId } = await startTask(store, {}, { secretHash: 'first', clientId: 'w' });
    await openSession(store, { clientId: 'w', resume: { previousHash: 'first', holding: [] } });
    assert.deepEqual(await ends(store, { taskId }), ['1 released, untouched']);
    assert.equal(session.epoch, 1);
  });

  it('is kept over a redrive, which begins to count anew', async () => {
    const store = await open();
    const run = await start(store, { maxAttempts: 1 });
    await settle(store, fail(run));
    await store.redriveTasks([run.taskId], T0);
    await claimAgain(store, run.session, T0);
    await settle(store, fail({ ...run, delivery: 2 }));
    const attempts = await attemptsOf(store, run);
    assert.deepEqual(
      attempts.map(({ attempt, delivery, end }) => [attempt, delivery, end]),
      [
        [1, 1, 'failed'],
        [1, 2, 'failed'],
      ],
    );
  });

  it('is of the newest twenty', async () => {
    const store = await open();
    const run = await start(store, { maxAttempts: 100 });
    for (let delivery = 1; delivery <= 23; delivery += 1) {
      await settle(store, fail({ ...run, delivery }, { retry: { kind: 'after', ms: 0 } }), T0 + delivery);
      await claimAgain(store, run.session, T0 + delivery);
    }
    const shown = await ends(store, run);
    assert.deepEqual([shown.length, shown[0], shown.at(-1)], [20, '5 failed', '24 null']);
    await store.releaseTasks([{ ...nameDelivery(run), delivery: 24, cause: 'released', isStarted: true }], T0);
    const kept = await ends(store, run);
    assert.deepEqual([kept.length, kept[0], kept.at(-1)], [20, '5 failed', '24 released']);
  });

  it('is forgotten with its task, and not told of another one', async () => {
    const store = await open();
    const run = await start(store, { maxAttempts: 1 });
    await settle(store, fail(run));
    await store.deleteTasks([run.taskId]);
    const [again] = await addTasks(store, { id: run.taskId });
    assert.deepEqual(await attemptsOf(store, { taskId: again! }), []);
    await claim(store, run.session);
    assert.deepEqual(await ends(store, run), ['1 null']);
  });
});

/** Bytes of any kind as text. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, each) => (each instanceof Uint8Array ? [...each] : each)));
}
