import assert from 'node:assert/strict';
import { z } from 'zod';
import { createProducer, createWorker, defineTask, TaskFailed } from '../../client/index.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const sums = defineTask({
  queue: 'sums',
  input: z.object({ a: z.number(), b: z.number() }),
  output: z.number(),
  maxAttempts: 3,
});
const texts = defineTask<{ text: string }, string>({ queue: 'texts' });

describe('defined tasks', () => {
  afterEach(closeScene);

  it('are handled by one worker, each queue by its own handler', async () => {
    const { address } = await startScene();
    const producer = use(createProducer(connectTo(address)));
    useWorker(
      createWorker<string, string>({
        ...connectTo(address),
        queues: ['plain'],
        handler: (payload) => `plain ${payload}`,
        tasks: [sums.handle(({ a, b }) => a + b), texts.handle(({ text }) => text.toUpperCase())],
      }),
    );
    assert.equal(await sums.call(producer, { a: 1, b: 2 }), 3);
    assert.equal(await texts.call(producer, { text: 'loud' }), 'LOUD');
    assert.equal(await producer.call('plain', 'x'), 'plain x');
    const stored = await sums.enqueueMany(producer, [
      { a: 1, b: 1 },
      { a: 2, b: 2 },
    ]);
    assert.equal(stored.length, 2);
  });

  it('fail at once, whatever attempts are left, with the place that a schema refuses', async () => {
    const { address } = await startScene();
    const producer = use(createProducer(connectTo(address)));
    let calls = 0;
    const handler = sums.handle(({ a }) => {
      calls += 1;
      return String(a) as never;
    });
    useWorker(createWorker({ ...connectTo(address), tasks: [handler] }));
    const fails = async (calling: Promise<unknown>, code: string, message: RegExp): Promise<void> => {
      const error = await calling.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof TaskFailed);
      assert.equal(error.error?.code, code);
      assert.match(error.error.message, message);
    };
    await fails(producer.call('sums', { a: 'one' }, { maxAttempts: 3 }), 'INVALID_PAYLOAD', /^payload\.a: /);
    assert.equal(calls, 0);
    await fails(sums.call(producer, { a: 1, b: 2 }), 'INVALID_RESULT', /^result: /);
    assert.equal(calls, 1);
  });

  it('run at most as many of a queue as its handler says, and others beside them', async () => {
    const { address } = await startScene();
    const producer = use(createProducer(connectTo(address)));
    const gate = Promise.withResolvers<void>();
    let [running, peak] = [0, 0];
    const slow = texts.handle(
      async ({ text }) => {
        running += 1;
        peak = Math.max(peak, running);
        await gate.promise;
        running -= 1;
        return text;
      },
      { concurrency: 2 },
    );
    useWorker(createWorker({ ...connectTo(address), concurrency: 8, tasks: [slow, sums.handle(({ a, b }) => a + b)] }));
    const calls = Array.from({ length: 6 }, (_, n) => texts.call(producer, { text: String(n) }));
    await until('two run', () => running === 2);
    assert.equal(await sums.call(producer, { a: 1, b: 2 }), 3);
    assert.equal(running, 2);
    gate.resolve();
    assert.deepEqual((await Promise.all(calls)).toSorted(), ['0', '1', '2', '3', '4', '5']);
    assert.equal(peak, 2);
  });

  it('are refused by the worker when two handlers are for one queue', async () => {
    const options = { server: '127.0.0.1:1' };
    const handler = sums.handle(({ a }) => a);
    assert.throws(() => createWorker({ ...options, tasks: [handler, handler] }), { field: 'tasks[1].queue' });
    assert.throws(() => createWorker({ ...options, queues: ['sums'], handler: () => 1, tasks: [handler] }), {
      field: 'tasks[0].queue',
    });
    assert.throws(() => createWorker({ ...options, tasks: [{ queue: 'q' }] as never }), { field: 'tasks[0]' });
  });
});
