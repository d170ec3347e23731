import assert from 'node:assert/strict';
import { join } from 'node:path';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { createAdmin, createProducer } from '../../client/index.ts';
import { atEnd, closeScene, use } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, findPort, startNode, type TestProcess } from '../scene/process.ts';
import { until } from '../scene/until.ts';

const STEP_MS = 1_000;

describe('the history of a killed server', function () {
  this.timeout(120_000);
  afterEach(closeScene);
  cleanUpProcesses();

  it('is there again but for the minute that was not kept yet, and has a gap where there was none', async () => {
    const address = `127.0.0.1:${await findPort()}`;
    const store = `sqlite:${join(createFolder(), 'contact.db')}`;
    const start = async (): Promise<TestProcess> => {
      const server = startNode([join(import.meta.dirname, 'historyserver.ts'), address, store]);
      atEnd(() => server.stop('SIGKILL'));
      await server.waitFor(/^listening /m, 'stdout');
      return server;
    };
    const server = await start();
    const producer = use(createProducer({ server: address }));
    const admin = use(createAdmin({ server: address, patienceMs: 10_000 }));
    const stepOf = (at: number): number => Math.floor(at / STEP_MS);

    const began = stepOf(Date.now());
    // More than are kept at a time, each with a task.
    for (let step = began; step < began + 9; step += 1) {
      await producer.enqueue('q', step);
      await until('the next step', () => Promise.resolve(stepOf(Date.now()) > step));
    }
    await server.stop('SIGKILL');
    const killed = stepOf(Date.now());
    await until('it was away for a step', () => Promise.resolve(stepOf(Date.now()) > killed + 1));
    await start();
    const back = stepOf(Date.now());
    await producer.enqueue('q', 'after');

    const { coveredMs, enqueuedAt } = await until('the step after the restart has ended', async () => {
      const answer = await admin.queueHistory({ queues: ['q'], since: new Date(began * STEP_MS) });
      const first = stepOf(timestampMs(answer.start!));
      const enqueued = answer.queues[0]?.enqueued ?? [];
      const at = (step: number): number => enqueued[step - first] ?? 0;
      const isTold = at(back) + at(back + 1) > 0;
      return isTold && { coveredMs: (step: number) => answer.coveredMs[step - first] ?? 0, enqueuedAt: at };
    });
    const kept = Array.from({ length: 9 }, (_, at) => began + at).filter((step) => coveredMs(step) > 0);
    assert.ok(kept.length >= 4, `${kept.length} of 9 steps`);
    // What is told of the time before is what happened then, a task each; at its ends one may be of the step beside it.
    assert.deepEqual(
      kept,
      kept.map((_, at) => began + at),
    );
    const tasks = kept.reduce((sum, step) => sum + enqueuedAt(step), 0);
    assert.ok(Math.abs(tasks - kept.length) <= 1, `${tasks} tasks of ${kept.length} steps`);
    assert.equal(coveredMs(killed + 1), 0);
    assert.equal(enqueuedAt(killed + 1), 0);
  });
});
