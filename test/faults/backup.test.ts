import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createObserver, createProducer, createWorker } from '../../client/index.ts';
import { runHere } from '../scene/command.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, startContact, startServer } from '../scene/process.ts';
import { connectTo } from '../scene/server.ts';
import { until } from '../scene/until.ts';

describe('a backup beside load', function () {
  this.timeout(120_000);
  cleanUpProcesses();
  afterEach(closeScene);

  it('has every task and result that was acknowledged before it, and is a store with another epoch', async () => {
    const folder = createFolder();
    const store = `sqlite:${join(folder, 'contact.db')}`;
    const backup = join(folder, 'backup.db');
    const server = await startServer({ store });
    const producer = use(createProducer<number>(connectTo(server.address)));
    let doneCount = 0;
    const handler = (n: number): number => {
      doneCount += 1;
      return n;
    };
    const worker = useWorker(createWorker({ ...connectTo(server.address), queues: ['q'], concurrency: 50, handler }));
    const stored: string[] = [];
    let isOver = false;
    const load = (async () => {
      for (let n = 0; !isOver; n += 50) {
        const batch = Array.from({ length: 50 }, (_, i) => ({ queue: 'q', payload: n + i }));
        stored.push(...(await producer.enqueueBatch(batch)).map(({ id }) => id));
      }
    })();
    await until('some results', () => doneCount > 500);
    const observer = use(createObserver(connectTo(server.address)));
    const before: string[] = [];
    let cursor = '';
    for await (const result of observer.results({ from: 'beginning', follow: false })) {
      before.push(result.taskId);
      ({ cursor } = result);
    }
    const acknowledged = [...stored];
    const made = await runHere(['backup', backup, '--server', server.address, '--json']);
    assert.deepEqual([made.code, JSON.parse(made.stdout)], [0, { file: backup, bytes: statSync(backup).size }]);
    isOver = true;
    await load;
    await worker.stop();
    await server.kill();

    const refused = await runHere(['restore', backup, '--store', store]);
    assert.deepEqual([refused.code, /say --force/.test(refused.stderr)], [1, true]);
    const restored = await runHere(['restore', backup, '--store', store, '--force', '--json']);
    const { taskCount, newestResult, epoch } = JSON.parse(restored.stdout);
    assert.ok(taskCount >= acknowledged.length && newestResult >= before.length, restored.stdout);
    const again = await startServer({ store });
    const reader = use(createObserver(connectTo(again.address)));
    await assert.rejects(reader.results({ from: cursor }).next(), { code: 'OUT_OF_RANGE' });
    const kept: string[] = [];
    for await (const result of reader.results({ from: 'beginning', follow: false })) {
      assert.ok(result.cursor.startsWith(`${epoch}.`));
      kept.push(result.taskId);
    }
    assert.deepEqual(kept.slice(0, before.length), before);
    // What was not done then is done now, and nothing is lost that was acknowledged before the backup.
    const second = useWorker(
      createWorker({ ...connectTo(again.address), queues: ['q'], concurrency: 50, handler: (n: number) => n }),
    );
    const results = new Set(kept);
    for await (const result of reader.results({ from: 'beginning' })) {
      results.add(result.taskId);
      if (acknowledged.every((id) => results.has(id))) break;
    }
    await second.stop();
    await again.stop();
  });

  it('leaves no file behind when its command is stopped, and none with its name', async () => {
    const folder = createFolder();
    const server = await startServer({ store: `sqlite:${join(folder, 'contact.db')}` });
    const producer = use(createProducer<string>(connectTo(server.address)));
    for (let n = 0; n < 60; n++) {
      await producer.enqueueBatch(Array.from({ length: 5 }, () => ({ queue: 'q', payload: 'x'.repeat(200_000) })));
    }
    const target = createFolder();
    const command = startContact(['backup', join(target, 'b.db'), '--server', server.address]);
    await until('a file that is being written', () => existsSync(join(target, 'b.db.partial')));
    const { code } = await command.stop('SIGINT');
    assert.notEqual(code, 0);
    assert.deepEqual(readdirSync(target), []);
    const full = await runHere(['backup', join(target, 'no', 'b.db'), '--server', server.address]);
    assert.deepEqual([full.code, full.stderr.startsWith('contact: cannot write ')], [1, true]);
    await server.stop();
  });
});
