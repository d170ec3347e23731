import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { TaskState } from '../../gen/index.ts';
import { newSessionId } from '../../shared/ids.ts';
import { type Clients, connect, describeTask, enqueue, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { closeOf, nameOf, openWorker, tell } from '../scene/worker.ts';

const untilReady = (clients: Clients, id: string): Promise<unknown> =>
  until('the window is over', async () => (await describeTask(clients, id)).state === TaskState.READY);

describe('a lost session', () => {
  afterEach(closeScene);

  it('keeps its tasks for the window, then another worker gets them', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 150 }));
    await enqueueMany(clients, 2);
    const lost = await openWorker(clients, { clientId: 'w' });
    await lost.receive(2);
    const rival = await openWorker(clients);
    const since = performance.now();
    await lost.cancel();
    const got = await rival.receive(2);
    assert.ok(performance.now() - since >= 145, 'within the window');
    assert.deepEqual(
      got.map(({ delivery }) => delivery),
      [2, 2],
    );
  });

  it('burns an attempt of what it had begun only', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 20 }));
    const [begun, unbegun] = await enqueueMany(clients, 2);
    const lost = await openWorker(clients, { clientId: 'w' });
    const [first] = await lost.receive(2);
    lost.send({ started: [nameOf(first!)] });
    // Its place in the stream is before this.
    assert.deepEqual(await lost.report({ released: [{ taskId: begun!, delivery: 9 }] }), ['STALE']);
    await lost.cancel();
    await untilReady(clients, begun!);
    await untilReady(clients, unbegun!);
    const counts = await Promise.all([begun!, unbegun!].map((id) => describeTask(clients, id)));
    assert.deepEqual(
      counts.map(({ attempt, lost: losses }) => [attempt, losses]),
      [
        [1, 1],
        [0, 0],
      ],
    );
  });

  it('fails a task whose only attempt it had begun', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 20 }));
    const [id] = await enqueue(clients, { maxAttempts: 1 });
    const lost = await openWorker(clients, { clientId: 'w' });
    const [task] = await lost.receive(1);
    lost.send({ started: [nameOf(task!)] });
    assert.deepEqual(await lost.report({ released: [{ taskId: id!, delivery: 9 }] }), ['STALE']);
    await lost.cancel();
    await until('it failed', async () => (await describeTask(clients, id!)).state === TaskState.FAILED);
    assert.equal((await describeTask(clients, id!)).error?.code, 'LOST');
  });

  it('fails a task whose only attempt nobody can say had not begun', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 20 }));
    const [id] = await enqueue(clients, { maxAttempts: 1 });
    const lost = await openWorker(clients, { clientId: 'w' });
    await lost.receive(1);
    await lost.cancel();
    await until('it failed', async () => (await describeTask(clients, id!)).state === TaskState.FAILED);
    assert.equal((await describeTask(clients, id!)).error?.code, 'LOST');
  });

  it('never holds a loss against what did not begin, adopted in between or not', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 20 }));
    const [id] = await enqueue(clients, { maxAttempts: 2 });
    const first = await openWorker(clients, { clientId: 'w' });
    const [task] = await first.receive(1);
    await first.cancel();
    await untilReady(clients, id!);
    const resume = { previousSession: first.sessionId, holding: [nameOf(task!)] };
    const second = await openWorker(clients, { clientId: 'w', resume });
    assert.equal((await describeTask(clients, id!)).state, TaskState.RUNNING);
    await second.cancel();
    await untilReady(clients, id!);
    const third = await openWorker(clients);
    assert.equal((await third.receive(1))[0]!.attempt, 1);
  });

  it('may still tell its result while nobody else has the task', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 20 }));
    const [id] = await enqueueMany(clients, 1);
    const lost = await openWorker(clients, { clientId: 'w' });
    const [task] = await lost.receive(1);
    await lost.cancel();
    await untilReady(clients, id!);
    const late = { succeeded: [{ ...nameOf(task!), result: Buffer.from('late') }] };
    assert.deepEqual(await tell(clients, 'w', late), ['STORED']);
    assert.deepEqual(await tell(clients, 'w', late), ['DUPLICATE']);
    const settled = await describeTask(clients, id!);
    assert.deepEqual([settled.state, settled.delivery, settled.attempt], [TaskState.SUCCEEDED, 1, 1]);
    const next = await openWorker(clients);
    await enqueueMany(clients, 1);
    assert.notEqual((await next.receive(1))[0]!.taskId, id);
  });

  it('comes too late when another has the task', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 20 }));
    const [id] = await enqueueMany(clients, 1);
    const lost = await openWorker(clients, { clientId: 'w' });
    const [task] = await lost.receive(1);
    await lost.cancel();
    const other = await openWorker(clients, { clientId: 'other' });
    const [theirs] = await other.receive(1);
    assert.deepEqual([theirs!.taskId, theirs!.delivery], [id, 2]);
    assert.deepEqual(await tell(clients, 'w', { succeeded: [nameOf(task!)] }), ['STALE']);
    assert.deepEqual(await other.succeed(theirs!), ['STORED']);
    assert.equal((await describeTask(clients, id!)).clientId, 'other');
  });

  it('gets its task back after the window by naming it', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 20 }));
    const [mine, taken] = await enqueueMany(clients, 2);
    const lost = await openWorker(clients, { clientId: 'w' });
    const [first, second] = await lost.receive(2);
    await lost.cancel();
    await untilReady(clients, mine!);
    await untilReady(clients, taken!);
    const other = await openWorker(clients, { maxInFlight: 1 });
    const [theirs] = await other.receive(1);
    const [kept, gone] = theirs!.taskId === mine ? [second!, first!] : [first!, second!];
    for (const previousSession of [lost.sessionId, newSessionId()]) {
      const resume = { previousSession, holding: [nameOf(kept), nameOf(gone)] };
      const back = await openWorker(clients, { clientId: 'w', maxInFlight: 1, resume });
      assert.equal(back.registered.resumed, false);
      assert.deepEqual(back.registered.closed.map(nameOf), [nameOf(gone)]);
      assert.equal((await describeTask(clients, kept.taskId)).state, TaskState.RUNNING);
      await back.cancel();
      await untilReady(clients, kept.taskId);
    }
    const last = await openWorker(clients, {
      clientId: 'w',
      resume: { previousSession: newSessionId(), holding: [nameOf(kept)] },
    });
    assert.deepEqual(await last.succeed(kept), ['STORED']);
    assert.deepEqual([(await describeTask(clients, kept.taskId)).delivery, last.tasks.length], [1, 0]);
  });

  it('does not reopen what a release or a failure has closed', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 20 }));
    await enqueue(clients, {}, { backoff: { baseMs: 60_000 } });
    const worker = await openWorker(clients, { clientId: 'w', maxInFlight: 2 });
    const [first, second] = await worker.receive(2);
    worker.send({ credit: 0 });
    await worker.report({ released: [nameOf(first!)], failed: [nameOf(second!)] });
    await worker.cancel();
    assert.deepEqual(await tell(clients, 'w', { succeeded: [nameOf(first!), nameOf(second!)] }), [
      'STALE',
      'DUPLICATE',
    ]);
    const resume = { previousSession: worker.sessionId, holding: [nameOf(first!), nameOf(second!)] };
    const back = await openWorker(clients, { clientId: 'w', queues: ['none'], resume });
    assert.deepEqual(back.registered.closed.map(nameOf), [nameOf(first!), nameOf(second!)]);
  });

  it('is replaced when its named client registers without a resume', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 60_000 }));
    await enqueueMany(clients, 2);
    const before = await openWorker(clients, { clientId: 'w' });
    await before.receive(2);
    const after = await openWorker(clients, { clientId: 'w' });
    const end = await before.ended;
    assert.equal(end.code, status.UNAVAILABLE);
    assert.equal(closeOf(end), 'REPLACED backoff');
    const again = await after.receive(2);
    assert.deepEqual(
      again.map(({ delivery, attempt }) => [delivery, attempt]),
      [
        [2, 1],
        [2, 1],
      ],
    );
    assert.deepEqual(await after.succeed(...again), ['STORED', 'STORED']);
  });

  it('is replaced within its window too', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 60_000 }));
    await enqueueMany(clients, 1);
    const before = await openWorker(clients, { clientId: 'w' });
    await before.receive(1);
    await before.cancel();
    const after = await openWorker(clients, { clientId: 'w' });
    assert.equal((await after.receive(1))[0]!.delivery, 2);
  });

  it('of a client with a drawn id stands beside others of that id', async () => {
    const clients = connect(await startScene());
    const one = await openWorker(clients, { clientId: 'drawn', ephemeral: true, maxInFlight: 1 });
    const other = await openWorker(clients, { clientId: 'drawn', ephemeral: true, maxInFlight: 1 });
    await enqueueMany(clients, 2);
    await Promise.all([one.receive(1), other.receive(1)]);
  });
});
