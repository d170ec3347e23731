import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createAccess,
  createAdmin,
  createCaller,
  createObserver,
  createProducer,
  createReflection,
  createWorker,
} from '../../client/index.ts';
import { ROOT } from '../../scripts/tool.ts';
import { atEnd, closeScene, use, useWorker } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { startProgram } from '../scene/program.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

describe('middlewares of a worker', () => {
  afterEach(closeScene);

  it('run around the handlers of all its queues, also one that is added later', async () => {
    const { address } = await startScene();
    const producer = use(createProducer(connectTo(address)));
    const worker = useWorker(
      createWorker({
        ...connectTo(address),
        queues: ['plain'],
        handler: () => 'plain',
        tasks: [{ queue: 'own', handler: () => 'own' }],
        use: [async (_payload, { queue }, next) => `${queue} ${await next()}`],
      }),
    );
    assert.equal(await producer.call('plain', 1), 'plain plain');
    assert.equal(await producer.call('own', 1), 'own own');
    worker.use(async (_payload, _context, next) => `${await next()} later`);
    assert.equal(await producer.call('own', 1), 'own own later');
  });
});

describe('await using', () => {
  afterEach(closeScene);

  it('closes what it was made for', async () => {
    const scene = await startScene();
    const connection = connectTo(scene.address);
    let worker: ReturnType<typeof createWorker>;
    {
      await using producer = createProducer(connection);
      await using admin = createAdmin(connection);
      await using _access = createAccess(connection);
      await using _observer = createObserver(connection);
      await using _caller = createCaller(connection);
      await using _reflection = createReflection(connection);
      await using disposed = createWorker({ ...connection, queues: ['q'], handler: () => 1 });
      worker = disposed;
      assert.equal(await producer.call('q', 1), 1);
      await admin.serverInfo();
    }
    await worker.finished;
    await until('no connection', () => scene.connectionCount === 0);
  });
});

describe('runWorker()', () => {
  afterEach(closeScene);

  /** A program that is nothing but a worker whose handler takes until a file is there. */
  function startWorkerProgram(address: string) {
    const folder = createFolder();
    const client = JSON.stringify(join(ROOT, 'client', 'index.ts'));
    writeFileSync(
      join(folder, 'worker.ts'),
      `import { setTimeout } from 'node:timers/promises';
       import { existsSync } from 'node:fs';
       import { runWorker } from ${client};
       const handler = async () => {
         console.log('begun');
         while (!existsSync('go')) await setTimeout(10);
         return 'done';
       };
       await runWorker({ server: '${address}', queues: ['q'], handler, logger: { info: console.log, warn: console.log } });
       console.log('ended by itself');`,
    );
    const program = startProgram(process.execPath, ['worker.ts'], { folder });
    atEnd(() => program.stop());
    return { program, go: () => writeFileSync(join(folder, 'go'), '') };
  }

  it('finishes what runs after SIGTERM, and answers', async () => {
    const { address } = await startScene();
    const producer = use(createProducer(connectTo(address)));
    const { program, go } = startWorkerProgram(address);
    const result = producer.call('q', 1);
    await program.waitForLine(/^begun$/);
    program.kill('SIGTERM');
    await program.waitForLine(/^SIGTERM: finishes what runs, for at most 20000 ms/);
    go();
    assert.equal(await result, 'done');
    await program.waitForLine(/^ended by itself$/);
    await program.succeed();
  });

  it('ends at once at the second signal', async () => {
    const { address } = await startScene();
    const producer = use(createProducer(connectTo(address)));
    const { program } = startWorkerProgram(address);
    await producer.enqueue('q', 1);
    await program.waitForLine(/^begun$/);
    program.kill('SIGINT');
    await program.waitForLine(/^SIGINT: /);
    program.kill('SIGTERM');
    assert.equal(await program.killedBy, 'SIGTERM');
  });

  it('names the option that is wrong', async () => {
    const { runWorker } = await import('../../client/index.ts');
    const options = { server: '127.0.0.1:1', queues: ['q'], handler: () => 1 };
    await assert.rejects(runWorker({ ...options, drainMs: -1 }), { field: 'drainMs' });
    await assert.rejects(runWorker({ ...options, queues: [] }), { field: 'queues' });
    assert.equal(process.listenerCount('SIGTERM'), 0);
  });
});
