import assert from 'node:assert/strict';
import { connect, enqueue, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { nameOf, openWorker, type RawWorker, type StatusInit } from '../scene/worker.ts';

describe('what a session gives back with nothing done', () => {
  afterEach(closeScene);

  /** Gives back everything that comes, one message each; answers how often. */
  function giveAllBack(worker: RawWorker, write: (task: ReturnType<typeof nameOf>) => StatusInit): () => number {
    let count = 0;
    worker.taskStream.on('data', () => {
      const tasks = worker.tasks.slice(count);
      count = worker.tasks.length;
      for (const task of tasks) worker.send(write(nameOf(task)));
    });
    return () => worker.tasks.length;
  }

  async function comesBack(list: 'untouched' | 'released' | 'stopped'): Promise<void> {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { maxInFlight: 1 });
    const given = giveAllBack(worker, (task) => ({ [list]: [task] }));
    const startedAt = performance.now();
    await enqueue(clients, { maxAttempts: 100 });
    await until('it came four times', () => given() >= 4);
    // 100, 200 and 400 ms, less what timers round.
    assert.ok(performance.now() - startedAt >= 690, `${performance.now() - startedAt} ms`);
  }

  it('comes back to it after a pause that doubles', () => comesBack('untouched'));
  it('comes back after such a pause also as released or stopped', () =>
    Promise.all([comesBack('released'), comesBack('stopped')]));

  it('goes to another session at once', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { maxInFlight: 10 });
    const [id] = await enqueue(clients, {});
    const [first] = await worker.receive(1);
    const other = await openWorker(clients, { maxInFlight: 1 });
    assert.deepEqual(await worker.report({ untouched: [nameOf(first!)] }), ['STORED']);
    const [again] = await other.receive(1);
    assert.deepEqual([again!.taskId, again!.attempt, worker.tasks.length], [id, 1, 1]);
  });

  it('does not keep a session from its next task once it has finished one', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients, { maxInFlight: 2 });
    await enqueueMany(clients, 8);
    let seen = 0;
    for (let round = 1; round <= 6; round += 1) {
      const tasks = (await worker.receive(seen + 2)).slice(seen, seen + 2);
      seen += 2;
      worker.send({ untouched: [nameOf(tasks[0]!)] });
      worker.send({ succeeded: [{ ...nameOf(tasks[1]!), result: new Uint8Array() }] });
    }
    // With pauses that nothing ends these were 6.3 s.
    await until('all were seen', () => worker.tasks.length >= 12, 3_000);
  });
});
