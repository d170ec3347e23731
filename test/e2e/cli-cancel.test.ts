import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { TaskState } from '../../client/index.ts';
import { createScene, type Scene } from '../scene/commandline.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, isRunning, startContact, type TestProcess } from '../scene/process.ts';
import { createProxy } from '../scene/proxy.ts';
import { until } from '../scene/until.ts';

/** What is promised, from the answer to the end of the command. */
const PROMISED_MS = 1_000;

describe('contact tasks cancel, of a running contact work', function () {
  this.timeout(120_000);
  let scene: Scene;

  /** A worker whose command says its process id and then sleeps for ten minutes. */
  async function startSleeper(queue: string, address: string): Promise<{ worker: TestProcess; readPid(): number }> {
    const file = join(createFolder(), 'pid');
    const command = ['sh', '-c', `echo $$ > ${file}; exec sleep 600`];
    const worker = startContact(['work', queue, '--server', address, '--', ...command]);
    await worker.waitFor(/connected to/);
    return { worker, readPid: () => (existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) || 0 : 0) };
  }

  before(async () => {
    scene = await createScene();
  });
  after(() => scene.close());
  cleanUpProcesses();

  it('ends the command within a second of the answer', async () => {
    const { worker, readPid } = await startSleeper('here', scene.address);
    const { id } = await scene.producer.enqueue('here', '');
    await until(() => readPid() > 0);
    const { code, stdout } = await scene.contact('tasks', 'cancel', id);
    const answeredAt = performance.now();
    assert.deepEqual([code, stdout], [0, `${id} cancel requested\n`]);
    await until(() => !isRunning(readPid()));
    assert.ok(performance.now() - answeredAt < PROMISED_MS);
    await until(async () => (await scene.admin.describeTask(id)).state === TaskState.CANCELLED);
    await worker.stop();
  });

  it('ends it within a second of the return of a worker that was cut off', async () => {
    const proxy = await createProxy(scene.address);
    const { worker, readPid } = await startSleeper('away', proxy.address);
    const { id } = await scene.producer.enqueue('away', '');
    await until(() => readPid() > 0);
    proxy.refuse();
    proxy.cut();
    await worker.waitFor(/lost /);
    assert.equal((await scene.contact('tasks', 'cancel', id)).stdout, `${id} cancel requested\n`);
    assert.equal(isRunning(readPid()), true);
    const accepted = proxy.accepted;
    proxy.accept();
    await until(() => proxy.accepted > accepted);
    const returnedAt = performance.now();
    await until(() => !isRunning(readPid()));
    assert.ok(performance.now() - returnedAt < PROMISED_MS);
    await until(async () => (await scene.admin.describeTask(id)).state === TaskState.CANCELLED);
    await worker.stop();
    await proxy.close();
  });
});
