import assert from 'node:assert/strict';
import { nextState, TRANSITIONS, type Transition } from '../../server/model/states.ts';
import type { Delivery, SessionRef, TaskState } from '../../server/model/task.ts';
import type { Store } from '../../server/store/store.ts';
import { claim, fail, nameDelivery, openSession, settle, startTask, succeed } from '../scene/deliveries.ts';
import { addTasks, stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

/** A task in its state, and its newest delivery if it has one. */
type Brought = Delivery & { readonly session: SessionRef };

type Move = (store: Store, task: Brought) => Promise<unknown>;

/** How a task comes into a state. */
const BRING: Readonly<Partial<Record<TaskState, (store: Store) => Promise<Brought>>>> = {
  async scheduled(store) {
    const { session } = await openSession(store);
    const [taskId] = await addTasks(store, { runAt: T0 + 100, expiresAt: T0 + 1_000 });
    return { taskId: taskId!, delivery: 0, session };
  },
  // As a client's loss leaves it: with a delivery that is open to its client.
  async ready(store) {
    const run = await startTask(store, { expiresAt: T0 + 1_000 }, { clientId: 'w' });
    await store.releaseTasks([{ ...run, cause: 'lost', isStarted: false }], T0);
    return run;
  },
  running: (store) => startTask(store, { expiresAt: T0 + 1_000 }),
  async failed(store) {
    const run = await startTask(store);
    await settle(store, fail(run, { retry: { kind: 'never' } }));
    return run;
  },
};

const cancel: Move = (store, { taskId }) => store.cancelTasks([taskId], '', T0);
const expire: Move = (store) => store.wakeTasks(T0 + 1_000, 10);
const settled: Readonly<Record<'succeeded' | 'failed' | 'retried', Move>> = {
  succeeded: (store, task) => settle(store, succeed(task)),
  failed: (store, task) => settle(store, fail(task, { retry: { kind: 'never' } })),
  retried: (store, task) => settle(store, fail(task)),
};

/** What makes each move of the table. */
const MOVES: Readonly<Partial<Record<TaskState, Readonly<Partial<Record<Transition, Move>>>>>> = {
  scheduled: { due: (store) => store.wakeTasks(T0 + 100, 10), cancelled: cancel, expired: expire },
  ready: {
    claimed: (store, { session }) => claim(store, session),
    adopted: (store, task) =>
      openSession(store, { clientId: 'w', resume: { previousHash: 'none', holding: [nameDelivery(task)] } }),
    ...settled,
    cancelled: cancel,
    expired: expire,
  },
  running: {
    ...settled,
    released: (store, task) => store.releaseTasks([{ ...task, cause: 'released', isStarted: false }], T0),
    lost: (store, task) => store.releaseTasks([{ ...task, cause: 'lost', isStarted: true }], T0),
    async cancelled(store, task) {
      await cancel(store, task);
      await settle(store, { ...nameDelivery(task), clientId: '', kind: 'stopped' });
    },
  },
  failed: { redriven: (store, { taskId }) => store.redriveTasks([taskId], T0) },
};

const namesOf = (table: Readonly<Partial<Record<TaskState, object>>>): string[] =>
  Object.entries(table).flatMap(([from, row]) => Object.keys(row).map((name) => `${from} ${name}`));

describe('TRANSITIONS', () => {
  it('has no move that nothing makes', () => {
    assert.deepEqual(namesOf(TRANSITIONS).sort(), namesOf(MOVES).sort());
  });
});

describeStores('a task', (open) => {
  for (const [from, row] of Object.entries(MOVES) as [TaskState, Record<Transition, Move>][]) {
    for (const [transition, move] of Object.entries(row) as [Transition, Move][]) {
      it(`that is ${from} can be ${transition}`, async () => {
        const store = await open();
        const task = await BRING[from]!(store);
        assert.equal(await stateOf(store, task.taskId), from);
        await move(store, task);
        assert.equal(await stateOf(store, task.taskId), nextState(from, transition));
      });
    }
  }

  it('that is running outlives its expiry', async () => {
    const store = await open();
    const task = await BRING.running!(store);
    await expire(store, task);
    assert.equal(await stateOf(store, task.taskId), 'running');
  });
});
