import assert from 'node:assert/strict';
import { createAdmin, createProducer, createWorker, defineTask, type Middleware } from '../../client/index.ts';
import { AttemptEnd } from '../../gen/index.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const LONG_MS = 3_600_000;
const quick = defineTask<string, string>({ queue: 'quick', maxAttempts: 1 });
const calm = defineTask<string, string>({ queue: 'calm', maxAttempts: 1, timeoutMs: LONG_MS });
const plain = defineTask<string, string>({ queue: 'plain', maxAttempts: 1 });

describe('what a worker says for all of its queues', () => {
  afterEach(closeScene);

  it('is a timeout for tasks that have none: their own comes first, then that of their queue, then that of the worker', async () => {
    const { address } = await startScene();
    const producer = use(createProducer(connectTo(address)));
    const admin = use(createAdmin(connectTo(address)));
    const aborted: Record<string, string> = {};
    const handler = (payload: string, { queue, signal }: { queue: string; signal: AbortSignal }): Promise<string> =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          aborted[`${queue} ${payload}`] = (signal.reason as Error).message;
          resolve('late');
        });
      });
    useWorker(
      createWorker({
        ...connectTo(address),
        concurrency: 10,
        timeoutMs: 50,
        tasks: [
          quick.handle(handler, { timeoutMs: LONG_MS }),
          calm.handle(handler, { timeoutMs: 50 }),
          plain.handle(handler),
        ],
      }),
    );
    const ids = {
      'of the worker': (await plain.enqueue(producer, 'a')).id,
      'of its own': (await plain.enqueue(producer, 'b', { timeoutMs: LONG_MS })).id,
      'of the queue': (await quick.enqueue(producer, 'c')).id,
      'of its kind': (await calm.enqueue(producer, 'd')).id,
      'of its own, shorter': (await calm.enqueue(producer, 'e', { timeoutMs: 50 })).id,
    };
    const endOf = async (id: string) => (await admin.describeTask(id)).attempts[0]?.end;
    const isTimedOut = async (id: string): Promise<boolean> => (await endOf(id)) === AttemptEnd.TIMED_OUT;
    await until(
      'those of 50 ms',
      async () => (await isTimedOut(ids['of the worker'])) && isTimedOut(ids['of its own, shorter']),
    );
    assert.deepEqual(aborted, { 'plain a': 'TIMEOUT', 'calm e': 'TIMEOUT' });
    for (const name of ['of its own', 'of the queue', 'of its kind'] as const) {
      assert.equal(await endOf(ids[name]), AttemptEnd.UNSPECIFIED, name);
      await admin.cancelTasks({ ids: [ids[name]] });
    }
  });

  it('is middlewares around those of a queue, which are around its handler alone', async () => {
    const { address } = await startScene();
    const producer = use(createProducer(connectTo(address)));
    const named =
      (name: string): Middleware =>
      async (_payload, _context, next) =>
        `${name}(${await next()})`;
    useWorker(
      createWorker<string, string>({
        ...connectTo(address),
        use: [named('all')],
        queues: ['other'],
        handler: (payload) => payload,
        tasks: [plain.handle((payload) => payload, { use: [named('first'), named('second')] })],
      }),
    );
    assert.equal(await plain.call(producer, 'x'), 'all(first(second(x)))');
    assert.equal(await producer.call('other', 'y'), 'all(y)');
  });

  it('is refused by its name where it is wrong', () => {
    const options = { server: '127.0.0.1:1' };
    const handler = (): string => '';
    assert.throws(() => createWorker({ ...options, queues: ['q'], handler, timeoutMs: -1 }), { field: 'timeoutMs' });
    assert.throws(() => plain.handle(handler, { timeoutMs: 1.5 }), { field: 'timeoutMs' });
    assert.throws(() => plain.handle(handler, { use: [1 as never] }), { field: 'use[0]' });
    const many = Array.from({ length: 101 }, (): Middleware => (_payload, _context, next) => next());
    assert.throws(() => createWorker({ ...options, tasks: [plain.handle(handler, { use: many })] }), { field: 'use' });
  });
});
