import assert from 'node:assert/strict';
import { createAdmin, createObserver } from '../../client/index.ts';
import { AdminService, type Queue, ResultStart, TaskService, TaskState } from '../../gen/index.ts';
import { systemClock } from '../../shared/clock.ts';
import { ask, type Clients, connect, enqueueMany, refusalOf } from '../scene/clients.ts';
import { closeScene, use } from '../scene/end.ts';
import { openObserver, positionOf } from '../scene/observer.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const { BEGINNING, OLDEST } = ResultStart;
const HOUR_MS = 3_600_000;

describe('retention', () => {
  afterEach(closeScene);

  /** A server whose wall clock can be put forward. */
  async function start(options: Parameters<typeof startScene>[0]) {
    let aheadMs = 0;
    const clock = { ...systemClock, now: () => Date.now() + aheadMs };
    const scene = await startScene(options, { clock });
    return {
      scene,
      clients: connect(scene),
      /** From now on everything is older by so much. */
      age: (ms: number): void => {
        aheadMs += ms;
      },
    };
  }

  /** Cancelled tasks. */
  async function addSettled(clients: Clients, count: number, queue = 'q'): Promise<string[]> {
    const ids = await enqueueMany(clients, count, { queue });
    await ask(clients, TaskService.method.cancelTasks, { ids });
    return ids;
  }

  async function findQueue(clients: Clients, name: string): Promise<Queue | undefined> {
    const { queues } = await ask(clients, AdminService.method.listQueues, {});
    return queues.find((queue) => queue.name === name);
  }

  const hasKept = (clients: Clients, queue: string, count: number): Promise<unknown> =>
    until(`${count} tasks of ${queue}`, async () => (await findQueue(clients, queue))?.cancelled === count);

  it('forgets what is beyond the number and the age of the server, and tells observers how many those were', async () => {
    const { clients, age } = await start({ retainMax: 30, retainDays: 7 });
    const lagging = openObserver(clients, { start: BEGINNING, follow: true });
    await addSettled(clients, 20);
    await lagging.receive(20);
    const { cursor } = lagging.events[4]!;
    await lagging.cancel();
    const ids = await addSettled(clients, 80);
    age(HOUR_MS);
    await hasKept(clients, 'q', 30);
    const again = openObserver(clients, { cursor });
    assert.equal((await again.ended).code, 0);
    assert.deepEqual(again.gaps, [{ count: 65, before: 71 }]);
    assert.deepEqual(
      again.events.map(({ taskId }) => taskId),
      ids.slice(-30),
    );
    assert.match(
      (await openObserver(clients, { start: BEGINNING }).ended).details,
      /^cursor: results before \S+\.70 are no longer kept$/,
    );
    const oldest = openObserver(clients, { start: OLDEST });
    await oldest.ended;
    assert.deepEqual([oldest.events.length, oldest.gaps], [30, []]);
    age(7 * 24 * HOUR_MS);
    await until('an empty queue', async () => (await findQueue(clients, 'q')) === undefined);
    const late = openObserver(clients, { cursor });
    await late.ended;
    assert.deepEqual([late.events, late.gaps], [[], [{ count: 95, before: 100 }]]);
    assert.equal(positionOf(late.cursors.at(-1)!), 100);
  });

  it('tells a follower that stands still in the log, once', async () => {
    const { scene, clients, age } = await start({ retainMax: 10 });
    await addSettled(clients, 40);
    const observer = use(createObserver(connectTo(scene.address)));
    const gaps: unknown[] = [];
    const onGap = ({ count }: { count?: number }): void => void gaps.push(count);
    const results = observer.results({ from: 'beginning', onGap });
    const first = (await results.next()).value!;
    // What is read ahead on the way here was told before it was forgotten.
    await addSettled(clients, 1_000);
    age(HOUR_MS);
    await hasKept(clients, 'q', 10);
    await results.return();
    const seen: number[] = [];
    for await (const { cursor } of observer.results({ from: first.cursor, follow: false, onGap }))
      seen.push(positionOf(cursor));
    assert.deepEqual([gaps, seen], [[1_029], Array.from({ length: 10 }, (_, i) => 1_031 + i)]);
  });

  it('is set for a queue, remembered, and shown', async () => {
    const { scene, clients, age } = await start({ isDurable: true, retainMax: 5 });
    const admin = use(createAdmin(connectTo(scene.address)));
    await addSettled(clients, 20, 'kept');
    await addSettled(clients, 20, 'few');
    await addSettled(clients, 20, 'usual');
    await admin.setQueueRetention('kept', 'forever');
    await admin.setQueueRetention('few', { days: 1.5, max: 2 });
    age(HOUR_MS);
    await hasKept(clients, 'few', 2);
    await hasKept(clients, 'usual', 5);
    await scene.restart();
    const again = connect(scene);
    const shown = async (name: string): Promise<unknown[]> => {
      const { retention, ownRetention, cancelled } = (await findQueue(again, name))!;
      return [retention!.seconds, retention!.max, ownRetention, cancelled];
    };
    assert.deepEqual(await shown('kept'), [0, 0, true, 20]);
    assert.deepEqual(await shown('few'), [129_600, 2, true, 2]);
    assert.deepEqual(await shown('usual'), [604_800, 5, false, 5]);
    await admin.setQueueRetention('kept', 'default');
    await hasKept(again, 'kept', 5);
    assert.deepEqual(await shown('kept'), [604_800, 5, false, 5]);
  });

  it('is refused for a queue that is not there, and beyond 100 years', async () => {
    const { clients } = await start({});
    const set = (request: object): Promise<string> =>
      refusalOf(ask(clients, AdminService.method.setQueueRetention, { queue: 'q', ...request }));
    assert.match(await set({}), /^NOT_FOUND queue: /);
    assert.match(await set({ retention: { seconds: 2 ** 32 - 1 } }), /^INVALID_ARGUMENT retention\.seconds: at most/);
    assert.equal(await set({ retention: { max: 1 }, create: true }), 'OK');
    assert.equal((await findQueue(clients, 'q'))?.retention?.max, 1);
  });
});

describe('DeleteTasks by a filter', () => {
  afterEach(closeScene);

  it('forgets the settled tasks that it finds, and no others', async () => {
    const clients = connect(await startScene());
    const remove = (filter: object) => ask(clients, TaskService.method.deleteTasks, { filter });
    const old = await enqueueMany(clients, 900);
    await ask(clients, TaskService.method.cancelTasks, { ids: old });
    const more = await enqueueMany(clients, 300);
    await ask(clients, TaskService.method.cancelTasks, { ids: more });
    await enqueueMany(clients, 5);
    await enqueueMany(clients, 1, { queue: 'other' });
    const { ids, refusedIds, total } = await remove({ queues: ['q'] });
    assert.deepEqual([ids.length, refusedIds, total], [1_000, [], 1_200]);
    const { tasks } = await ask(clients, TaskService.method.listTasks, {});
    assert.deepEqual(
      tasks.map(({ state }) => state),
      Array(6).fill(TaskState.READY),
    );
    assert.equal((await remove({ states: [TaskState.READY] })).total, 0);
    const refusals = [{ filter: {} }, { filter: { queues: ['q'] }, ids: old.slice(0, 1) }, {}];
    for (const request of refusals) {
      assert.match(
        await refusalOf(ask(clients, TaskService.method.deleteTasks, request)),
        /^INVALID_ARGUMENT (filter|ids): /,
      );
    }
  });
});
