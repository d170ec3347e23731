import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { ResultStart, Retry, TaskService, TaskState } from '../../gen/index.ts';
import { ask, type Clients, connect, enqueue, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { openObserver, positionOf } from '../scene/observer.ts';
import { startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';
import { nameOf, openWorker } from '../scene/worker.ts';

const { BEGINNING, NOW, OLDEST } = ResultStart;

/** A worker that answers each task with its payload, until the test ends. */
async function openEcho(clients: Clients, queues = ['q']): Promise<void> {
  const worker = await openWorker(clients, { queues, maxInFlight: 50 });
  let answered = 0;
  worker.taskStream.on('data', () => {
    const fresh = worker.tasks.slice(answered);
    answered = worker.tasks.length;
    if (fresh.length > 0) worker.send({ succeeded: fresh.map((task) => ({ ...nameOf(task), result: task.payload })) });
  });
}

const positions = (events: readonly { readonly cursor: string }[]): number[] =>
  events.map(({ cursor }) => positionOf(cursor));
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);

describe('WatchResults', () => {
  afterEach(closeScene);

  it('replays and follows without a gap while tasks settle', async () => {
    const clients = connect(await startScene());
    await openEcho(clients);
    const ids = await enqueueMany(clients, 400);
    const observers = [];
    // They join at several places of the log while it grows.
    for (let n = 0; n < 6; n++) {
      observers.push(openObserver(clients, { start: BEGINNING, follow: true }));
      ids.push(...(await enqueueMany(clients, 100)));
    }
    for (const observer of observers) {
      const events = await observer.receive(1_000);
      assert.deepEqual(positions(events), range(1, 1_000));
      assert.equal(new Set(events.map(({ taskId }) => taskId)).size, 1_000);
    }
    assert.deepEqual(new Set(observers[0]!.events.map(({ taskId }) => taskId)), new Set(ids));
    assert.ok(observers.every(({ events }) => events.length === 1_000));
  });

  it('tells all of a result', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { payload: Buffer.from('in'), metadata: { own: 'pair' } });
    const worker = await openWorker(clients, { clientId: 'w' });
    const [task] = await worker.receive(1);
    await worker.report({ succeeded: [{ ...nameOf(task!), result: Buffer.from('out'), contentType: 'text/plain' }] });
    const [event] = await openObserver(clients, { start: BEGINNING }).receive(1);
    const { result, createdAt, claimedAt, settledAt, cursor, $typeName: _, error, ...rest } = event!;
    assert.equal(Buffer.from(result).toString(), 'out');
    assert.ok(createdAt && claimedAt && settledAt && !error);
    assert.match(cursor, /^[a-z0-9]{1,32}\.1$/);
    assert.deepEqual(rest, {
      taskId: id,
      queue: 'q',
      state: TaskState.SUCCEEDED,
      contentType: 'text/plain',
      attempt: 1,
      delivery: 1,
      clientId: 'w',
      metadata: { own: 'pair' },
      cancelRequested: false,
      parentId: '',
    });
  });

  it('ends when it has caught up, unless it follows', async () => {
    const clients = connect(await startScene());
    await openEcho(clients);
    await enqueueMany(clients, 20);
    await openObserver(clients, { start: BEGINNING, follow: true }).receive(20);
    const observer = openObserver(clients, { start: OLDEST });
    assert.equal((await observer.ended).code, status.OK);
    assert.deepEqual(positions(observer.events), range(1, 20));
    const empty = openObserver(clients, { start: NOW });
    assert.equal((await empty.ended).code, status.OK);
    assert.deepEqual([empty.events.length, positionOf(empty.cursors.at(-1)!)], [0, 20]);
  });

  it('starts now when nothing else is said', async () => {
    const clients = connect(await startScene());
    await openEcho(clients);
    await enqueueMany(clients, 5);
    await openObserver(clients, { start: BEGINNING, follow: true }).receive(5);
    const observers = [openObserver(clients, { follow: true }), openObserver(clients, { start: NOW, follow: true })];
    await until('both have begun', () => observers.every(({ cursors }) => cursors.length === 1));
    await enqueueMany(clients, 3);
    for (const observer of observers) assert.deepEqual(positions(await observer.receive(3)), [6, 7, 8]);
  });

  it('filters by queue and state, and still tells how far it has got', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { queues: ['a', 'b'], maxInFlight: 100 });
    await enqueue(clients, ...range(1, 10).map((n) => ({ queue: n % 2 === 0 ? 'a' : 'b' })));
    const names = (await worker.receive(10)).map(nameOf);
    await worker.report({
      succeeded: names.slice(0, 5),
      failed: names.slice(5).map((name) => ({ ...name, retry: Retry.NEVER })),
    });
    const all = openObserver(clients, { start: BEGINNING });
    await all.ended;
    const expect = (queue: string[], states: TaskState[]): number[] =>
      positions(
        all.events.filter(
          (event) =>
            (queue.length === 0 || queue.includes(event.queue)) &&
            (states.length === 0 || states.includes(event.state)),
        ),
      );
    for (const [queues, states] of [
      [['a'], []],
      [[], [TaskState.FAILED]],
      [['b'], [TaskState.SUCCEEDED, TaskState.CANCELLED]],
      [['none'], []],
      [['a', 'b'], [TaskState.EXPIRED]],
    ] as [string[], TaskState[]][]) {
      const observer = openObserver(clients, { start: BEGINNING, queues, states });
      await observer.ended;
      assert.deepEqual(positions(observer.events), expect(queues, states));
      assert.equal(positionOf(observer.cursors.at(-1)!), 10);
    }
  });

  it('shows every way a task can end', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients);
    await enqueue(clients, {}, {});
    const [first, second] = (await worker.receive(2)).map(nameOf);
    await worker.report({ succeeded: [first!], failed: [{ ...second!, retry: Retry.NEVER }] });
    const [cancelled] = await enqueue(clients, { queue: 'away' });
    await ask(clients, TaskService.method.cancelTasks, { ids: [cancelled!] });
    await enqueue(clients, { queue: 'away', expiry: { case: 'expiresAfterMs', value: 1 } });
    const events = await openObserver(clients, { start: BEGINNING, follow: true }).receive(4);
    assert.deepEqual(
      events.map(({ state }) => state),
      [TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED, TaskState.EXPIRED],
    );
  });

  it('goes on from the last cursor, each result exactly once', async () => {
    const clients = connect(await startScene());
    await openEcho(clients);
    const seen: number[] = [];
    let cursor = '';
    for (let round = 0; round < 10; round++) {
      const observer = openObserver(clients, { ...(cursor === '' ? { start: BEGINNING } : { cursor }), follow: true });
      await enqueueMany(clients, 30);
      await observer.receive(5 + round);
      await observer.cancel();
      seen.push(...positions(observer.events));
      cursor = observer.events.at(-1)!.cursor;
    }
    const last = openObserver(clients, { cursor, follow: true });
    await last.receive(300 - seen.length);
    assert.deepEqual([...seen, ...positions(last.events)], range(1, 300));
  });

  it('goes on over a restart of the server', async () => {
    const scene = await startScene({ isDurable: true });
    const seen: number[] = [];
    let cursor = '';
    for (let round = 0; round < 3; round++) {
      const clients = connect(scene);
      await openEcho(clients);
      const observer = openObserver(clients, { ...(cursor === '' ? { start: BEGINNING } : { cursor }), follow: true });
      await enqueueMany(clients, 200);
      await observer.receive(50);
      // Stopped in the middle of things.
      await scene.restart();
      await observer.ended;
      seen.push(...positions(observer.events));
      cursor = observer.events.at(-1)!.cursor;
    }
    const clients = connect(scene);
    await openEcho(clients);
    const last = openObserver(clients, { cursor, follow: true });
    await last.receive(600 - seen.length);
    assert.deepEqual([...seen, ...positions(last.events)], range(1, 600));
  });

  it('tells how many deleted results it passes, each once, and goes on', async () => {
    const clients = connect(await startScene());
    await openEcho(clients, ['a', 'b']);
    const all = openObserver(clients, { start: BEGINNING, follow: true });
    for (const n of range(1, 10)) {
      await enqueue(clients, { queue: n % 2 === 0 ? 'a' : 'b' });
      await all.receive(n);
    }
    const remove = (...places: number[]) =>
      ask(clients, TaskService.method.deleteTasks, { ids: places.map((n) => all.events[n - 1]!.taskId) });
    const watch = async (request: Parameters<typeof openObserver>[1]): Promise<[number[], [number, number][]]> => {
      const observer = openObserver(clients, { ...request });
      assert.equal((await observer.ended).code, status.OK);
      return [positions(observer.events), observer.gaps.map(({ count, before }) => [count, before])];
    };
    await remove(3, 4, 6, 9, 10);
    assert.deepEqual(await watch({ cursor: all.events[1]!.cursor }), [
      [5, 7, 8],
      [
        [2, 5],
        [1, 7],
        [2, 10],
      ],
    ]);
    assert.deepEqual(await watch({ start: BEGINNING, queues: ['a'] }), [
      [2, 8],
      [
        [3, 8],
        [2, 10],
      ],
    ]);
    assert.deepEqual(await watch({ start: OLDEST, queues: ['none'] }), [[], [[5, 10]]]);
    assert.deepEqual(await watch({ cursor: all.events[9]!.cursor }), [[], []]);
  });

  it('tells a follower at once that all the newest were deleted, and once over two streams', async () => {
    const clients = connect(await startScene());
    await openEcho(clients);
    const all = openObserver(clients, { start: BEGINNING, follow: true });
    for (const n of range(1, 6)) {
      await enqueue(clients, {});
      await all.receive(n);
    }
    const remove = (from: number, to: number) =>
      ask(clients, TaskService.method.deleteTasks, { ids: all.events.slice(from - 1, to).map(({ taskId }) => taskId) });
    await remove(3, 6);
    const first = openObserver(clients, { cursor: all.events[1]!.cursor, queues: ['other'], follow: true });
    await until('a gap', () => first.gaps.length === 1);
    assert.deepEqual(first.gaps, [{ count: 4, before: 6 }]);
    await first.cancel();
    const second = openObserver(clients, { cursor: first.cursors.at(-1)!, follow: true });
    await enqueue(clients, {});
    assert.deepEqual(positions(await second.receive(1)), [7]);
    assert.deepEqual([second.gaps, all.gaps], [[], []]);
    // Of who wants all from the beginning it is no gap but a refusal.
    await remove(1, 2);
    const late = openObserver(clients, { cursor: all.events[0]!.cursor });
    assert.deepEqual([(await late.ended).code, positions(late.events)], [status.OK, [7]]);
    assert.deepEqual(late.gaps, [{ count: 5, before: 7 }]);
    const refused = await openObserver(clients, { start: BEGINNING }).ended;
    assert.equal(refused.code, status.OUT_OF_RANGE);
    assert.match(refused.details, /^cursor: results before \S+\.6 are no longer kept$/);
  });

  it('refuses what is no cursor, and one that leads nowhere', async () => {
    const clients = connect(await startScene());
    await openEcho(clients);
    await enqueueMany(clients, 3);
    const [event] = await openObserver(clients, { start: BEGINNING, follow: true }).receive(3);
    const epoch = event!.cursor.split('.')[0]!;
    const cases: [Parameters<typeof openObserver>[1], status, string][] = [
      [{ cursor: 'nonsense' }, status.INVALID_ARGUMENT, 'cursor'],
      [{ cursor: `${epoch}.-1` }, status.INVALID_ARGUMENT, 'cursor'],
      [{ cursor: `${epoch}.01` }, status.INVALID_ARGUMENT, 'cursor'],
      [{ cursor: `${epoch}.${'9'.repeat(17)}` }, status.INVALID_ARGUMENT, 'cursor'],
      [{ cursor: event!.cursor, start: BEGINNING }, status.INVALID_ARGUMENT, 'cursor'],
      [{ start: 99 as ResultStart }, status.INVALID_ARGUMENT, 'start'],
      [{ start: NOW, queues: ['q', ''] }, status.INVALID_ARGUMENT, 'queues[1]'],
      [{ start: NOW, states: [TaskState.READY] }, status.INVALID_ARGUMENT, 'states[0]'],
      [{ start: NOW, states: [TaskState.FAILED, 99 as TaskState] }, status.INVALID_ARGUMENT, 'states[1]'],
      [{ cursor: `${epoch}x.1` }, status.OUT_OF_RANGE, 'cursor'],
      [{ cursor: `${epoch}.4` }, status.OUT_OF_RANGE, 'cursor'],
    ];
    for (const [request, code, field] of cases) {
      const end = await openObserver(clients, request).ended;
      assert.equal(end.code, code, end.details);
      assert.ok(end.details.startsWith(`${field}: `), end.details);
    }
  });

  it('says nothing when nothing happens', async () => {
    const clients = connect(await startScene());
    const observer = openObserver(clients, { start: BEGINNING, follow: true });
    await until('it has begun', () => observer.cursors.length === 1);
    await never('a message', () => observer.cursors.length > 1, 50);
  });
});
