import assert from 'node:assert/strict';
import { TaskState } from '../../gen/index.ts';
import { type Clients, connect, describeTask, enqueue } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { nameOf, openWorker, tell } from '../scene/worker.ts';

/** Long enough for two tests at a time on a busy machine. */
const EXPIRES_MS = 300;
const LONG_WINDOW_MS = 60_000;

const untilPast = (instant: number): Promise<unknown> => until('the expiry has passed', () => Date.now() > instant);

async function untilExpired(clients: Clients, id: string): Promise<void> {
  await until('it expired', async () => (await describeTask(clients, id)).state === TaskState.EXPIRED);
}

describe('the expiry of a task whose session was lost', () => {
  afterEach(closeScene);

  for (const isFull of [true, false]) {
    const kind = isFull ? 'a session' : 'a plain session';

    it(`waits for the window: a success within it counts, of ${kind}`, async () => {
      const clients = connect(await startScene({ resumeWindowMs: LONG_WINDOW_MS }));
      const worker = await openWorker(clients, { clientId: 'w', isFull });
      const expiresAt = Date.now() + EXPIRES_MS;
      const ids = await enqueue(clients, { expiry: { case: 'expiresAfterMs', value: EXPIRES_MS } });
      const [task] = await worker.receive(1);
      if (isFull) worker.send({ started: [nameOf(task!)] });
      await worker.cancel();
      await untilPast(expiresAt);
      assert.equal((await describeTask(clients, ids[0]!)).state, TaskState.RUNNING);
      assert.deepEqual(await tell(clients, 'w', { succeeded: [nameOf(task!)] }), ['STORED']);
      assert.equal((await describeTask(clients, ids[0]!)).state, TaskState.SUCCEEDED);
    });

    it(`comes with the end of the window: a success after it is STALE, of ${kind}`, async () => {
      const clients = connect(await startScene({ resumeWindowMs: EXPIRES_MS }));
      const worker = await openWorker(clients, { clientId: 'w', isFull });
      const ids = await enqueue(clients, { expiry: { case: 'expiresAfterMs', value: EXPIRES_MS } });
      const [task] = await worker.receive(1);
      if (isFull) worker.send({ started: [nameOf(task!)] });
      await worker.cancel();
      await untilExpired(clients, ids[0]!);
      assert.deepEqual(await tell(clients, 'w', { succeeded: [nameOf(task!)] }), ['STALE']);
      const { state, error } = await describeTask(clients, ids[0]!);
      assert.equal(state, TaskState.EXPIRED);
      assert.match(error!.message, /^its worker was lost, and nobody took it again in time/);
      const resume = { previousSession: worker.sessionId, holding: [nameOf(task!)] };
      const back = await openWorker(clients, { clientId: 'w', isFull, resume });
      assert.deepEqual(back.registered.closed.map(nameOf), [nameOf(task!)]);
    });
  }

  it('waits for the worker that has resumed', async () => {
    const clients = connect(await startScene({ resumeWindowMs: LONG_WINDOW_MS }));
    const worker = await openWorker(clients, { clientId: 'w' });
    const expiresAt = Date.now() + EXPIRES_MS;
    const ids = await enqueue(clients, { expiry: { case: 'expiresAfterMs', value: EXPIRES_MS } });
    const [task] = await worker.receive(1);
    await worker.cancel();
    await untilPast(expiresAt);
    const resume = { previousSession: worker.sessionId, holding: [nameOf(task!)] };
    const back = await openWorker(clients, { clientId: 'w', resume });
    assert.deepEqual(back.registered.closed, []);
    assert.deepEqual(await back.succeed(task!), ['STORED']);
    assert.equal((await describeTask(clients, ids[0]!)).state, TaskState.SUCCEEDED);
  });

  it('has no window to wait for when its client comes without its memory, or does not name it', async () => {
    for (const isNamed of [true, false]) {
      const clients = connect(await startScene({ resumeWindowMs: LONG_WINDOW_MS }));
      const worker = await openWorker(clients, { clientId: 'w' });
      const expiresAt = Date.now() + EXPIRES_MS;
      const ids = await enqueue(clients, { expiry: { case: 'expiresAfterMs', value: EXPIRES_MS } });
      const [task] = await worker.receive(1);
      await worker.cancel();
      await untilPast(expiresAt);
      const resume = { previousSession: worker.sessionId, holding: [] };
      const back = await openWorker(clients, { clientId: 'w', ...(isNamed ? {} : { resume }) });
      await untilExpired(clients, ids[0]!);
      assert.deepEqual(await back.succeed(task!), ['STALE']);
      assert.equal(back.tasks.length, 0);
    }
  });
});
