import assert from 'node:assert/strict';
import { createAdmin, createProducer, createWorker, type TaskContext } from '../../client/index.ts';
import { LogLevelSchema } from '../../gen/index.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { connectTo, type Scene, startDurable } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const levelOf = (level: number): string | undefined =>
  LogLevelSchema.values.find(({ number }) => number === level)?.localName;

describe('context.log()', () => {
  afterEach(closeScene);

  /** A worker whose handler waits until the test lets it go, and a task that it runs. */
  async function startTask(server: Scene) {
    const entered = Promise.withResolvers<TaskContext>();
    const gate = Promise.withResolvers<string>();
    const worker = useWorker(
      createWorker({
        ...connectTo(server.address),
        clientId: 'w',
        queues: ['q'],
        // Nothing goes by its pace, but at once, with the result or over a new session.
        progressIntervalMs: 60_000,
        handler: (_payload, context) => {
          entered.resolve(context);
          return gate.promise;
        },
      }),
    );
    const producer = use(createProducer(connectTo(server.address)));
    const { id } = await producer.enqueue('q', null, { maxAttempts: 1 });
    const admin = use(createAdmin(connectTo(server.address)));
    const logOf = async () => (await admin.describeTask(id)).attempts.at(-1)!.log;
    return { worker, context: await entered.promise, gate, admin, id, logOf };
  }

  it('is kept with the attempt while it runs, with its result, and over a restart of the server', async () => {
    const server = await startDurable();
    const { context, gate, logOf, admin, id } = await startTask(server);
    const { log } = context;
    log('first');
    log('second', 'warn');
    await until('both', async () => (await logOf()).length === 2);
    log('with the result', 'error');
    gate.resolve('done');
    await until('the end', async () => (await admin.describeTask(id)).settledAt !== undefined);
    log('too late');
    await server.restart();
    const lines = await logOf();
    assert.deepEqual(
      lines.map(({ number, level, text }) => [number, levelOf(level), text]),
      [
        [1, 'INFO', 'first'],
        [2, 'WARN', 'second'],
        [3, 'ERROR', 'with the result'],
      ],
    );
    assert.ok(lines.every(({ at }) => at !== undefined));
  });

  it('refuses what is no text and no level, in the turn of the caller', async () => {
    const { context, gate } = await startTask(await startDurable());
    assert.throws(() => context.log(7 as never), { code: 'INVALID_ARGUMENT', message: /^text: / });
    assert.throws(() => context.log('x', 'fatal' as never), { code: 'INVALID_ARGUMENT', message: /^level: / });
    gate.resolve('');
  });

  it('is said once the server is back: the newest hundred lines, and which they are', async () => {
    const server = await startDurable({ resumeWindowMs: 20_000 });
    const { worker, context, gate, logOf } = await startTask(server);
    context.log('before');
    await until('it', async () => (await logOf()).length === 1);
    const states: string[] = [];
    worker.status$.subscribe(({ state }) => states.push(state));
    await server.stop({ deadlineMs: 0 });
    await until('it is away', () => states.includes('reconnecting'));
    for (let n = 2; n <= 150; n += 1) context.log(`line ${n}`);
    gate.resolve('done');
    await server.start();
    const lines = await until('all', async () => {
      const found = await logOf();
      return found.at(-1)?.number === 150 && found;
    });
    assert.deepEqual(
      lines.map(({ number }) => number),
      Array.from({ length: 100 }, (_, at) => 51 + at),
    );
    assert.equal(lines.at(-1)!.text, 'line 150');
  });
});
