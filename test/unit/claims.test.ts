import assert from 'node:assert/strict';
import { createTaskQueue, type TaskQueue } from '../../server/dispatch/queue.ts';
import type { Receiver } from '../../server/dispatch/receiver.ts';
import type { SessionRef } from '../../server/model/task.ts';
import type { ClaimOutcome } from '../../server/store/deliveries.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { systemClock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import { createOpening } from '../scene/deliveries.ts';
import { freeStanding } from '../scene/receiver.ts';
import { createTask } from '../scene/tasks.ts';

/** A store whose claims are committed at once and on disk when they are told to be. */
interface LateStore {
  readonly store: Store;
  /** Of each claim that found something. */
  readonly disks: PromiseWithResolvers<void>[];
}

async function openLateStore(): Promise<LateStore> {
  const store = await openStore('memory:', { node: 'test' });
  const disks: PromiseWithResolvers<void>[] = [];

  async function claimTasks(
    ...[plan, now, onClaimed]: Parameters<Store['claimTasks']>
  ): Promise<readonly ClaimOutcome[]> {
    const disk = Promise.withResolvers<void>();
    const outcomes = await store.claimTasks(plan, now, (found) => {
      if (found.some(({ tasks }) => tasks.length > 0)) disks.push(disk);
      else disk.resolve();
      onClaimed?.(found);
    });
    await disk.promise;
    return outcomes;
  }

  return { store: { ...store, claimTasks }, disks };
}

interface Taker extends Receiver {
  limit: number;
  readonly pushed: string[];
}

function createTaker(session: SessionRef, limit: number): Taker {
  return {
    session,
    clientId: 'c',
    queues: ['q'],
    labels: {},
    limit,
    pushed: [],
    capacity() {
      return { limit: this.limit - this.pushed.length, maxBytes: 1_000, mayExceed: this.pushed.length === 0 };
    },
    standing: freeStanding,
    push(tasks) {
      this.pushed.push(...tasks.map(({ id }) => id));
    },
  };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}

describe('the claims of createTaskQueue()', () => {
  let late: LateStore;
  let queue: TaskQueue;
  let taker: Taker;
  const fatal: unknown[] = [];

  beforeEach(async () => {
    late = await openLateStore();
    queue = await createTaskQueue({
      store: late.store,
      node: 'test',
      clock: systemClock,
      onFatal: (error) => fatal.push(error),
    });
    const { session } = await queue.openSession(createOpening());
    taker = createTaker(session, 10);
    queue.attach(taker);
  });

  afterEach(async () => {
    await queue.close();
    assert.deepEqual(fatal, []);
  });

  /** Answers their ids. */
  async function enqueue(count: number): Promise<string[]> {
    const tasks = Array.from({ length: count }, () => createTask());
    await queue.enqueue(tasks);
    await settle();
    return tasks.map(({ id }) => id);
  }

  it('are pushed once they are on disk, in order, and the next is made meanwhile', async () => {
    const first = await enqueue(2);
    const second = await enqueue(3);
    assert.deepEqual([taker.pushed, late.disks.length], [[], 2]);
    late.disks[1]!.resolve();
    await settle();
    assert.deepEqual(taker.pushed, []);
    late.disks[0]!.resolve();
    await settle();
    assert.deepEqual(taker.pushed, [...first, ...second]);
  });

  it('leave to each no more than it has capacity for, however many of them are on their way', async () => {
    taker.limit = 4;
    await enqueue(3);
    const more = await enqueue(3);
    assert.equal(late.disks.length, 2);
    for (const disk of late.disks) disk.resolve();
    await settle();
    assert.equal(taker.pushed.length, 4);
    taker.limit = 10;
    queue.freed(taker);
    await settle();
    late.disks[2]!.resolve();
    await settle();
    assert.deepEqual(taker.pushed.slice(-2), more.slice(-2));
  });

  it('are not pushed when they did not come to the disk', async () => {
    await enqueue(2);
    late.disks[0]!.reject(new ContactError('UNAVAILABLE', 'store: the disk failed'));
    await settle();
    assert.deepEqual(taker.pushed, []);
  });

  it('leave the capacity that they had reserved when they did not come to the disk', async () => {
    taker.limit = 2;
    await enqueue(2);
    late.disks[0]!.reject(new ContactError('UNAVAILABLE', 'store: refused for now'));
    await settle();
    const next = await enqueue(2);
    assert.equal(late.disks.length, 2);
    late.disks[1]!.resolve();
    await settle();
    assert.deepEqual(taker.pushed, next);
  });

  it('go back when the receiver has gone meanwhile', async () => {
    const ids = await enqueue(2);
    queue.detach(taker);
    late.disks[0]!.resolve();
    await settle();
    assert.deepEqual(taker.pushed, []);
    const states = await Promise.all(ids.map(async (id) => (await late.store.describeTask(id))?.state));
    assert.deepEqual(states, ['ready', 'ready']);
  });

  it('go back when their session goes on with another epoch meanwhile', async () => {
    const ids = await enqueue(2);
    Object.assign(taker, { session: { ...taker.session, epoch: taker.session.epoch + 1 } });
    late.disks[0]!.resolve();
    await settle();
    assert.deepEqual(taker.pushed, []);
    const states = await Promise.all(ids.map(async (id) => (await late.store.describeTask(id))?.state));
    assert.deepEqual(states, ['ready', 'ready']);
  });

  it('stop with a pause at once, whatever the store takes to write it down, and go on if it refuses', async () => {
    const written = Promise.withResolvers<void>();
    Object.assign(late.store, { setQueueSettings: () => written.promise });
    const pausing = queue.operations.pauseQueue('q');
    await enqueue(2);
    assert.equal(late.disks.length, 0);
    written.reject(new ContactError('RESOURCE_EXHAUSTED', 'store: full'));
    await assert.rejects(pausing, { code: 'RESOURCE_EXHAUSTED' });
    await settle();
    assert.equal(late.disks.length, 1);
    late.disks[0]!.resolve();
    await settle();
    assert.equal(taker.pushed.length, 2);
  });
});
