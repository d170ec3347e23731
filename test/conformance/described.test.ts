import assert from 'node:assert/strict';
import type { TaskInput, TaskRecord } from '../../server/model/task.ts';
import type { Release } from '../../server/store/deliveries.ts';
import type { Store } from '../../server/store/store.ts';
import { claim, fail, nameDelivery, openSession, settle, startTask, succeed } from '../scene/deliveries.ts';
import { T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const EXPIRES_AT = T0 + 10;

describeStores('what is shown of a task', (open) => {
  async function describeAs(store: Store, id: string, ...fields: (keyof TaskRecord)[]): Promise<unknown[]> {
    const described = (await store.describeTask(id))!;
    const [listed] = await store.listTasks({}, null, 1);
    const shown = fields.map((field) => described[field]);
    assert.deepEqual(
      fields.map((field) => listed![field]),
      shown,
    );
    return shown;
  }

  /** Runs it under a session, and loses that once it is begun. */
  async function startAndLose(store: Store, task: Partial<TaskInput>) {
    const run = await startTask(store, task);
    const loss: Release = { ...run, cause: 'lost', isStarted: true };
    const loseNext = async (delivery: number) => {
      await claim(store, run.session);
      await store.releaseTasks([{ ...loss, delivery }], T0);
    };
    await store.releaseTasks([loss], T0);
    return { ...run, loseNext };
  }

  it('counts its losses also when they failed it', async () => {
    const store = await open();
    const run = await startAndLose(store, { maxAttempts: 2 });
    assert.deepEqual(await describeAs(store, run.taskId, 'state', 'attempt', 'lost'), ['ready', 1, 1]);
    await run.loseNext(2);
    assert.deepEqual(await describeAs(store, run.taskId, 'state', 'attempt', 'lost'), ['failed', 2, 2]);
  });

  it('counts its losses whatever it ends as, and none after a redrive', async () => {
    const store = await open();
    for (const [state, end] of [
      ['succeeded', (id: string) => settle(store, succeed({ taskId: id, delivery: 2 }))],
      ['failed', (id: string) => settle(store, fail({ taskId: id, delivery: 2 }, { retry: { kind: 'never' } }))],
      ['cancelled', (id: string) => cancelRunning(store, id)],
    ] as const) {
      const run = await startAndLose(store, {});
      await claim(store, run.session);
      await end(run.taskId);
      assert.deepEqual(await describeAs(store, run.taskId, 'state', 'lost'), [state, 1]);
    }
    const run = await startAndLose(store, { maxAttempts: 1 });
    assert.deepEqual(await describeAs(store, run.taskId, 'state', 'lost'), ['failed', 1]);
    await store.redriveTasks([run.taskId], T0);
    assert.deepEqual(await describeAs(store, run.taskId, 'state', 'lost'), ['ready', 0]);
  });

  it('counts its losses when it waits again and is cancelled or expires', async () => {
    const store = await open();
    const one = await startAndLose(store, {});
    await store.cancelTasks([one.taskId], 'no', T0);
    assert.deepEqual(await describeAs(store, one.taskId, 'state', 'lost'), ['cancelled', 1]);
    const other = await startAndLose(store, { expiresAt: EXPIRES_AT });
    await store.wakeTasks(EXPIRES_AT, 10);
    assert.deepEqual(await describeAs(store, other.taskId, 'state', 'lost'), ['expired', 1]);
  });

  it('counts the loss that cancels it', async () => {
    const store = await open();
    const run = await startTask(store);
    await store.cancelTasks([run.taskId], 'no', T0);
    await store.releaseTasks([{ ...run, cause: 'lost', isStarted: true }], T0);
    assert.deepEqual(await describeAs(store, run.taskId, 'state', 'attempt', 'lost'), ['cancelled', 1, 1]);
  });

  it('takes back the loss of a delivery whose result came late', async () => {
    const store = await open();
    const run = await startAndLose(store, {});
    await settle(store, succeed(run));
    assert.deepEqual(await describeAs(store, run.taskId, 'state', 'attempt', 'lost'), ['succeeded', 1, 0]);
  });

  it('names its expiry in every state, until a redrive takes it away for good', async () => {
    const store = await open();
    const run = await startTask(store, { expiresAt: EXPIRES_AT, maxAttempts: 1 });
    const { taskId } = run;
    assert.deepEqual(await describeAs(store, taskId, 'state', 'expiresAt'), ['running', EXPIRES_AT]);
    await settle(store, fail(run));
    assert.deepEqual(await describeAs(store, taskId, 'state', 'expiresAt'), ['failed', EXPIRES_AT]);
    await store.redriveTasks([taskId], T0);
    assert.deepEqual(await describeAs(store, taskId, 'state', 'expiresAt'), ['ready', null]);
    const { session } = await openSession(store);
    await claim(store, session);
    assert.deepEqual(await describeAs(store, taskId, 'state', 'expiresAt'), ['running', null]);
    await settle(store, succeed({ taskId, delivery: 2 }));
    assert.deepEqual(await describeAs(store, taskId, 'state', 'expiresAt'), ['succeeded', null]);
  });
});

async function cancelRunning(store: Store, taskId: string): Promise<void> {
  await store.cancelTasks([taskId], 'no', T0);
  await settle(store, { ...nameDelivery({ taskId, delivery: 2 }), clientId: 'c', kind: 'stopped' });
}
