import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { TaskState } from '../../gen/index.ts';
import { newSessionId, newTaskId } from '../../shared/ids.ts';
import { connect, describeTask, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startProxy } from '../scene/proxy.ts';
import { startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';
import { closeOf, nameOf, openWorker, type RawWorker } from '../scene/worker.ts';

/** The resume of a session with everything it was pushed. */
const resumeOf = ({ sessionId, tasks }: RawWorker, from = 0) => ({
  previousSession: sessionId,
  holding: tasks.slice(from).map(nameOf),
});

describe('a session that comes back', () => {
  afterEach(closeScene);

  it('keeps what it runs and what it has finished', async () => {
    const scene = await startScene({ resumeWindowMs: 5_000 });
    const clients = connect(scene);
    const proxy = await startProxy(scene);
    await enqueueMany(clients, 4);
    const before = await openWorker(connect(proxy), { clientId: 'w', maxInFlight: 4 });
    const tasks = [...(await before.receive(4))];
    before.send({ started: tasks.map(nameOf) });
    assert.deepEqual(await before.succeed(tasks[0]!), ['STORED']);
    proxy.cut();
    await before.ended;

    const rival = await openWorker(clients);
    const after = await openWorker(connect(proxy), { clientId: 'w', resume: resumeOf(before, 1) });
    assert.equal(after.registered.resumed, true);
    assert.deepEqual(after.registered.closed, []);
    // The one that it does not know to be stored is told again.
    assert.deepEqual(await after.succeed(...tasks), ['DUPLICATE', 'STORED', 'STORED', 'STORED']);
    for (const { taskId } of tasks) {
      const { state, delivery, attempt, lost } = await describeTask(clients, taskId);
      assert.deepEqual(
        { state, delivery, attempt, lost },
        { state: TaskState.SUCCEEDED, delivery: 1, attempt: 1, lost: 0 },
      );
    }
    assert.deepEqual([rival.tasks.length, after.tasks.length], [0, 0]);
  });

  it('has its credit taken by what it holds', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 5_000 }));
    await enqueueMany(clients, 10);
    const before = await openWorker(clients, { clientId: 'w', maxInFlight: 3 });
    await before.receive(3);
    await before.cancel();
    const after = await openWorker(clients, { clientId: 'w', maxInFlight: 5, resume: resumeOf(before) });
    await after.receive(2);
    await never('more than credit allows', () => after.tasks.length > 2, 30);
    await after.succeed(before.tasks[0]!, before.tasks[1]!);
    await after.receive(4);
  });

  it('gives back at once what it does not name', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 60_000 }));
    await enqueueMany(clients, 3);
    const before = await openWorker(clients, { clientId: 'w' });
    const [first, second, third] = await before.receive(3);
    await before.cancel();
    const rival = await openWorker(clients);
    const resume = { previousSession: before.sessionId, holding: [nameOf(second!)] };
    const after = await openWorker(clients, { clientId: 'w', maxInFlight: 1, resume });
    const got = await rival.receive(2);
    assert.deepEqual(
      got.map(({ taskId, delivery, attempt }) => [taskId, delivery, attempt]),
      [first, third].map((task) => [task!.taskId, 2, 1]),
    );
    assert.deepEqual(await after.succeed(first!, second!), ['STALE', 'STORED']);
    assert.deepEqual(await rival.succeed(...got), ['STORED', 'STORED']);
  });

  it('burns an attempt of what it had started and does not name; the last one fails', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 60_000 }));
    const [once] = await enqueueMany(clients, 1, { maxAttempts: 1 });
    const [twice] = await enqueueMany(clients, 1, { maxAttempts: 2 });
    const before = await openWorker(clients, { clientId: 'w' });
    const tasks = await before.receive(2);
    // The answer says that the starts were heard.
    const sentinel = { taskId: newTaskId(), delivery: 1 };
    assert.deepEqual(await before.report({ started: tasks.map(nameOf), released: [sentinel] }), ['UNKNOWN']);
    await before.cancel();
    const resume = { previousSession: before.sessionId, holding: [] };
    const after = await openWorker(clients, { clientId: 'w', resume });
    const [again] = await after.receive(1);
    assert.deepEqual([again!.taskId, again!.delivery, again!.attempt], [twice, 2, 2]);
    const { state, error } = await describeTask(clients, once!);
    assert.deepEqual([state, error?.code], [TaskState.FAILED, 'LOST']);
  });

  it('fails what it does not name at its last attempt, unless it says that it names all it has', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 60_000 }));
    for (const complete of [false, true]) {
      const queues = [`complete ${complete}`.replace(' ', '-')];
      const [once] = await enqueueMany(clients, 1, { queue: queues[0]!, maxAttempts: 1 });
      const before = await openWorker(clients, { clientId: 'w', queues });
      await before.receive(1);
      await before.cancel();
      const resume = { previousSession: before.sessionId, holding: [], complete };
      const after = await openWorker(clients, { clientId: 'w', queues, resume });
      if (complete) assert.deepEqual((await after.receive(1))[0]!.attempt, 1);
      const { state, error } = await describeTask(clients, once!);
      assert.deepEqual([state, error?.code], complete ? [TaskState.RUNNING, undefined] : [TaskState.FAILED, 'LOST']);
      await after.cancel();
    }
  });

  it('ends the stream before it, if that is still open', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 1);
    const before = await openWorker(clients, { clientId: 'w' });
    await before.receive(1);
    const after = await openWorker(clients, { clientId: 'w', resume: resumeOf(before) });
    const end = await before.ended;
    assert.equal(end.code, status.FAILED_PRECONDITION);
    assert.equal(closeOf(end), 'RESUMED never');
    assert.equal(closeOf(await before.statusEnded), 'RESUMED never');
    assert.deepEqual(await after.succeed(before.tasks[0]!), ['STORED']);
  });

  it('may come back many times, also naming a session that the server resumed already', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 5_000 }));
    await enqueueMany(clients, 1);
    const first = await openWorker(clients, { clientId: 'w' });
    await first.receive(1);
    await first.cancel();
    const second = await openWorker(clients, { clientId: 'w', resume: resumeOf(first) });
    await second.cancel();
    // As one that never heard of the second.
    const third = await openWorker(clients, { clientId: 'w', resume: resumeOf(first) });
    assert.equal(third.registered.resumed, true);
    assert.deepEqual(await third.succeed(first.tasks[0]!), ['STORED']);
  });

  it('may be resumed twice by the same name while the first resume still seems to live', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 5_000 }));
    const first = await openWorker(clients, { clientId: 'w' });
    await first.cancel();
    const second = await openWorker(clients, { clientId: 'w', resume: resumeOf(first) });
    const third = await openWorker(clients, { clientId: 'w', resume: resumeOf(first) });
    assert.equal(closeOf(await second.ended), 'RESUMED never');
    await enqueueMany(clients, 3);
    await third.receive(3);
  });

  it('hears again of a cancel', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 5_000 }));
    const [id] = await enqueueMany(clients, 1);
    const before = await openWorker(clients, { clientId: 'w' });
    await before.receive(1);
    await before.cancel();
    await new Promise<void>((resolve, reject) => {
      clients.tasks.cancelTasks({ ids: [id!], reason: 'no more' }, (error) => (error ? reject(error) : resolve()));
    });
    const after = await openWorker(clients, { clientId: 'w', resume: resumeOf(before) });
    while (after.cancels.length === 0) await new Promise((resolve) => after.taskStream.once('data', resolve));
    assert.deepEqual(
      { ...nameOf(after.cancels[0]!), reason: after.cancels[0]!.reason },
      {
        ...nameOf(before.tasks[0]!),
        reason: 'no more',
      },
    );
    assert.deepEqual(await after.report({ stopped: [nameOf(before.tasks[0]!)] }), ['STORED']);
    assert.equal((await describeTask(clients, id!)).state, TaskState.CANCELLED);
  });

  it('is found again by a server that was started anew', async () => {
    const scene = await startScene({ isDurable: true, resumeWindowMs: 5_000 });
    const clients = connect(scene);
    await enqueueMany(clients, 3);
    const before = await openWorker(clients, { clientId: 'w', maxInFlight: 2 });
    await before.receive(2);
    const moving = before.ended;
    await scene.restart();
    assert.equal(closeOf(await moving), 'SERVER_SHUTDOWN now');
    assert.equal(before.messages.at(-1)!.event.case, 'moving');
    const fresh = connect(scene);
    const rival = await openWorker(fresh, { maxInFlight: 1 });
    const after = await openWorker(fresh, { clientId: 'w', maxInFlight: 2, resume: resumeOf(before) });
    assert.equal(after.registered.resumed, true);
    assert.deepEqual(await after.succeed(...before.tasks), ['STORED', 'STORED']);
    assert.equal((await rival.receive(1))[0]!.delivery, 1);
  });

  it('is charged after a restart of the server for what it says to have begun, and for all it had if it says nothing', async () => {
    const scene = await startScene({ isDurable: true, resumeWindowMs: 300 });
    for (const givesReceipts of [true, false]) {
      const clients = connect(scene);
      const clientId = givesReceipts ? 'speaks' : 'is-silent';
      const queues = [clientId];
      const ids = await enqueueMany(clients, 2, { queue: clientId });
      const before = await openWorker(clients, { clientId, queues });
      const [begun] = await before.receive(2);
      before.send({ started: [nameOf(begun!)] });
      await scene.restart();
      const fresh = connect(scene);
      const resume = resumeOf(before);
      const after = await openWorker(fresh, { clientId, queues: ['none'], resume, givesReceipts });
      if (givesReceipts) {
        // The answer says that the start was heard.
        const sentinel = { taskId: newTaskId(), delivery: 1 };
        assert.deepEqual(await after.report({ started: [nameOf(begun!)], released: [sentinel] }), ['UNKNOWN']);
      }
      await after.cancel();
      const burnt: number[][] = [];
      for (const id of ids) {
        await until('it is lost', async () => (await describeTask(fresh, id)).state === TaskState.READY);
        const { attempt, lost } = await describeTask(fresh, id);
        burnt.push([attempt, lost]);
      }
      assert.deepEqual(burnt, [[1, 1], givesReceipts ? [0, 0] : [1, 1]]);
    }
  });

  it('is no other client that knows its id', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 5_000 }));
    await enqueueMany(clients, 1);
    const before = await openWorker(clients, { clientId: 'w' });
    await before.receive(1);
    await before.cancel();
    const thief = await openWorker(clients, { clientId: 'thief', resume: resumeOf(before) });
    assert.equal(thief.registered.resumed, false);
    assert.deepEqual(thief.registered.closed.map(nameOf), before.tasks.map(nameOf));
    const after = await openWorker(clients, { clientId: 'w', resume: resumeOf(before) });
    assert.equal(after.registered.resumed, true);
    assert.deepEqual(await after.succeed(before.tasks[0]!), ['STORED']);
  });

  it('may not take the id of an open session', async () => {
    const clients = connect(await startScene());
    const one = await openWorker(clients, { clientId: 'a', isFull: false });
    await assert.rejects(openWorker(clients, { clientId: 'b', sessionId: one.sessionId, isFull: false }), {
      code: status.ALREADY_EXISTS,
    });
    await enqueueMany(clients, 1);
    await one.receive(1);
  });

  it('is new to a server that never knew it', async () => {
    const clients = connect(await startScene());
    const resume = { previousSession: newSessionId(), holding: [] };
    const worker = await openWorker(clients, { resume });
    assert.equal(worker.registered.resumed, false);
    await enqueueMany(clients, 1);
    await worker.receive(1);
  });
});
