import assert from 'node:assert/strict';
import type { Audience } from '../../server/dispatch/addressing.ts';
import { createTaskQueue, type TaskQueue } from '../../server/dispatch/queue.ts';
import type { Receiver } from '../../server/dispatch/receiver.ts';
import { writeAudience } from '../../server/model/broadcast.ts';
import { EVERY_CLIENT } from '../../server/model/caller.ts';
import type { TaskInput } from '../../server/model/task.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { systemClock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import { newTaskId } from '../../shared/ids.ts';
import { openSession } from '../scene/deliveries.ts';
import { freeStanding } from '../scene/receiver.ts';
import { createTask, stateOf } from '../scene/tasks.ts';
import { until } from '../scene/until.ts';

const PARTS = { wholeCount: 3, partCount: 2, partBytes: 1 << 20 };

const EVERYBODY: Audience = {
  selector: null,
  isKnown: false,
  scope: EVERY_CLIENT,
  childExpiresAt: Date.now() + 3_600_000,
};

/** What is done before a call of the store goes through; what it throws refuses the call. */
type Gate = (call: 'insert' | 'extend' | 'open' | 'abandon', count: number) => unknown;

describe('broadcast()', () => {
  const opened: TaskQueue[] = [];
  afterEach(async () => {
    for (const queue of opened.splice(0)) await queue.close();
  });

  /** A queue over a store in memory, with `count` clients; `pushed` has what each was given, in order. */
  async function createScene({ count = 7, gate = () => undefined }: { count?: number; gate?: Gate } = {}) {
    const store = await openStore('memory:', { node: 'test' });
    const calls: string[] = [];
    const pass = async (call: Parameters<Gate>[0], size = '') => {
      calls.push(`${call}${size}`);
      await gate(call, calls.filter((one) => one.startsWith(call)).length);
    };
    const gated: Store = {
      ...store,
      insertBroadcast: async (parent, children, now, filledBy = null) => {
        await pass('insert', filledBy === null ? '' : ` ${children.length}`);
        return store.insertBroadcast(parent, children, now, filledBy);
      },
      extendBroadcast: async (id, children, now) => {
        await pass('extend', ` ${children.length}`);
        return store.extendBroadcast(id, children, now);
      },
      openBroadcast: async (id, limit, now) => {
        await pass('open', ` ${limit}`);
        return store.openBroadcast(id, limit, now);
      },
      abandonBroadcast: async (id, limit) => {
        await pass('abandon', ` ${limit}`);
        return store.abandonBroadcast(id, limit);
      },
    };
    const queue = await openQueue(gated);
    const pushed: string[] = [];
    for (let n = 0; n < count; n++) queue.attach(await createReceiver(store, `client-${n}`, pushed));
    return { store, queue, calls, pushed };
  }

  async function openQueue(store: Store): Promise<TaskQueue> {
    const onFatal = (error: unknown): never => {
      throw error;
    };
    const queue = await createTaskQueue({ store, node: 'test', clock: systemClock, broadcastParts: PARTS, onFatal });
    opened.push(queue);
    return queue;
  }

  async function createReceiver(store: Store, clientId: string, pushed: string[]): Promise<Receiver> {
    const { session } = await openSession(store, { clientId });
    return {
      session,
      clientId,
      queues: ['q'],
      labels: {},
      capacity: () => ({ limit: 10, maxBytes: 1 << 20, mayExceed: true }),
      standing: freeStanding,
      push: (tasks) => {
        for (const task of tasks) pushed.push(`${clientId} ${task.lane || 'any'}`);
      },
    };
  }

  async function countTasks(store: Store, parent: TaskInput): Promise<number> {
    return (await store.listTasks({ parentId: parent.id }, null, 500)).length;
  }

  it('inserts a small one whole', async () => {
    const { queue, calls, pushed } = await createScene({ count: 3 });
    const parent = createTask();
    assert.deepEqual(await queue.broadcast(parent, EVERYBODY), { id: parent.id, deduplicated: false });
    assert.deepEqual(calls, ['insert']);
    await until(() => pushed.length === 3);
  });

  it('fills a large one part by part, and opens it when all children are in', async () => {
    const { store, queue, calls, pushed } = await createScene({
      gate: async (call, count) => {
        if (call === 'abandon' || (call === 'open' && count > 1)) return;
        assert.deepEqual(pushed.filter((one) => !one.endsWith('any')).length, 0, 'nobody has a child of it yet');
        // Other work goes between.
        const before = pushed.length;
        await queue.enqueue([createTask()]);
        await until(() => pushed.length > before);
      },
    });
    const parent = createTask();
    assert.deepEqual(await queue.broadcast(parent, EVERYBODY), { id: parent.id, deduplicated: false });
    const opens = Array.from({ length: 4 }, () => 'open 2');
    assert.deepEqual(calls, ['insert 2', 'extend 2', 'extend 2', 'extend 1', ...opens]);
    assert.deepEqual(await store.listUnopened('test'), []);
    await until(() => pushed.length === 5 + 7);
    assert.deepEqual(
      pushed.filter((one) => !one.endsWith('any')).sort(),
      Array.from({ length: 7 }, (_, n) => `client-${n} c:client-${n}`),
    );
  });

  it('cuts one with a large payload finer', async () => {
    const { queue, calls } = await createScene({ count: 4 });
    await queue.broadcast(createTask({ payload: Buffer.alloc(600_000) }), EVERYBODY);
    assert.deepEqual(calls.slice(0, 5), ['insert 1', 'extend 1', 'extend 1', 'extend 1', 'open 2']);
  });

  it('schedules the children of a delayed one', async () => {
    const { store, queue, pushed } = await createScene();
    const parent = createTask({ runAt: Date.now() + 500 });
    await queue.broadcast(parent, EVERYBODY);
    const [child] = await store.listTasks({ parentId: parent.id }, null, 1);
    assert.deepEqual([child!.state, child!.runAt], ['scheduled', parent.runAt]);
    await until(() => pushed.length === 7);
  });

  it('expires the children of a delayed one in time when they are due later than that', async () => {
    for (const count of [2, 7]) {
      const { store, queue } = await createScene({ count });
      const parent = createTask({ runAt: Date.now() + 60_000 });
      await queue.broadcast(parent, { ...EVERYBODY, childExpiresAt: Date.now() + 30 });
      await until(async () => (await stateOf(store, parent.id)) === 'failed');
      const children = await store.listTasks({ parentId: parent.id }, null, 10);
      assert.deepEqual(new Set(children.map(({ state }) => state)), new Set(['expired']));
    }
  });

  it('has the same one wait when it is sent again meanwhile, also by its key', async () => {
    const again: Promise<unknown>[] = [];
    let isOpen = false;
    const { queue, calls } = await createScene({
      gate: (call, count) => {
        isOpen ||= call === 'open' && count === 4;
        if (call !== 'extend') return;
        for (const one of [parent, { ...parent, id: newTaskId() }]) {
          again.push(queue.broadcast(one, EVERYBODY).then((outcome) => [outcome, isOpen]));
        }
      },
    });
    const parent = createTask({ idempotencyKey: 'k' });
    await queue.broadcast(parent, EVERYBODY);
    assert.deepEqual(await Promise.all(again), Array(6).fill([{ id: parent.id, deduplicated: true }, true]));
    assert.equal(calls.filter((call) => call.startsWith('extend')).length, 3);
    assert.deepEqual(await queue.broadcast(parent, EVERYBODY), { id: parent.id, deduplicated: true });
    await assert.rejects(queue.broadcast({ ...parent, priority: 1 }, EVERYBODY), { code: 'ALREADY_EXISTS' });
  });

  it('acknowledges one again when nobody matches any more', async () => {
    const { queue } = await createScene();
    const parent = createTask();
    let isThere = true;
    const audience = { ...EVERYBODY, selector: { canonical: 'x', matches: () => isThere } };
    await queue.broadcast(parent, audience);
    isThere = false;
    assert.deepEqual(await queue.broadcast(parent, audience), { id: parent.id, deduplicated: true });
    await assert.rejects(queue.broadcast(createTask(), audience), { code: 'FAILED_PRECONDITION' });
  });

  it('is abandoned when a part is refused; sent again it is a new one', async () => {
    const parent = createTask({ idempotencyKey: 'k' });
    const waiting: Promise<unknown>[] = [];
    const { store, queue, calls, pushed } = await createScene({
      gate: async (call, count) => {
        if (call === 'extend' && count === 2) {
          waiting.push(queue.broadcast({ ...parent, id: newTaskId() }, EVERYBODY), queue.broadcast(parent, EVERYBODY));
          throw new ContactError('RESOURCE_EXHAUSTED', 'store: the disk is full', { retryAfterMs: 1 });
        }
        // The disk is full for this, too, for a while.
        if (call === 'abandon' && count < 3) throw new ContactError('UNAVAILABLE', 'busy', { retryAfterMs: 1 });
      },
    });
    await assert.rejects(queue.broadcast(parent, EVERYBODY), { code: 'RESOURCE_EXHAUSTED' });
    const outcomes = (await Promise.all(waiting)) as { id: string; deduplicated: boolean }[];
    assert.equal(outcomes.filter(({ deduplicated }) => !deduplicated).length, 1, JSON.stringify(outcomes));
    assert.equal(outcomes[0]!.id, outcomes[1]!.id);
    const id = outcomes[0]!.id;
    assert.equal((await store.countChildren(id))!.children, 7);
    assert.equal((await store.listTasks({}, null, 500)).length, 8);
    assert.equal(calls.filter((call) => call === 'abandon 2').length, 4);
    await until(() => pushed.length === 7);
  });

  it('is opened whatever happens, once that has begun', async () => {
    const { queue, calls, pushed } = await createScene({
      gate: (call, count) => {
        if (call === 'open' && count % 2 === 1) throw new ContactError('UNAVAILABLE', 'busy', { retryAfterMs: 1 });
      },
    });
    await queue.broadcast(createTask(), EVERYBODY);
    await until(() => pushed.length === 7);
    assert.equal(calls.filter((call) => call === 'open 2').length, 8);
  });

  it('ends as cancelled when that is asked for while it is filled', async () => {
    const { store, queue, pushed } = await createScene({
      gate: async (call, count) => {
        if (call !== 'extend' || count !== 2) return;
        const outcomes = await queue.cancel([parent.id], 'enough', 'ops');
        assert.equal(outcomes[0]!.kind, 'children');
      },
    });
    const parent = createTask();
    const { newest } = queue.results;
    await queue.broadcast(parent, EVERYBODY);
    assert.equal(await stateOf(store, parent.id), 'cancelled');
    const told = await queue.results.read(newest);
    assert.deepEqual([told.length, told.at(-1)!.taskId, pushed], [8, parent.id, []]);
  });

  it('is left to the next process when this one goes', async () => {
    let isClosing = false;
    const { queue } = await createScene({
      gate: (call, count) => {
        if (call !== 'extend' || count !== 2 || isClosing) return;
        isClosing = true;
        return queue.close();
      },
    });
    await assert.rejects(queue.broadcast(createTask(), EVERYBODY), { code: 'UNAVAILABLE' });
  });

  it('of an earlier process is abandoned if it was being filled, and opened if that had begun', async () => {
    const store = await openStore('memory:', { node: 'test' });
    const [filling, opening] = [createTask(), createTask()];
    for (const parent of [filling, opening]) {
      const lanes = ['c:a', 'c:b', 'c:c', 'c:d', 'c:e'];
      await store.insertBroadcast(
        { ...parent, audience: writeAudience(null, false) },
        lanes.map((lane) => createTask({ lane })),
        Date.now(),
        'test',
      );
    }
    await store.openBroadcast(opening.id, 1, Date.now());
    const queue = await openQueue(store);
    const pushed: string[] = [];
    for (const clientId of ['a', 'b', 'c', 'd']) queue.attach(await createReceiver(store, clientId, pushed));
    const outcomes = await Promise.all([filling, opening].map((parent) => queue.broadcast(parent, EVERYBODY)));
    assert.deepEqual(outcomes, [
      { id: filling.id, deduplicated: false },
      { id: opening.id, deduplicated: true },
    ]);
    assert.deepEqual([await countTasks(store, filling), await countTasks(store, opening)], [4, 5]);
    await until(() => pushed.length === 8);
  });
});
