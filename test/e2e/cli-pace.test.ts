import assert from 'node:assert/strict';
import { createScene, type Scene } from '../scene/commandline.ts';
import { until } from '../scene/until.ts';

describe('contact queues show', function () {
  this.timeout(120_000);
  let scene: Scene;

  before(async () => {
    scene = await createScene();
  });
  after(() => scene.close());

  it('tells what came and went in the last minute, of this queue alone, and whether its backlog clears', async () => {
    const tasks = Array.from({ length: 6 }, (_, n) => String(n));
    for (const queue of ['sums', 'mails']) for (const task of tasks) await scene.producer.enqueue(queue, task);
    const show = async (): Promise<string> => (await scene.contact('queues', 'show', 'sums')).stdout;
    assert.match(
      await show(),
      /^pace: +6 enqueued and 0 settled in the last 1m\nwill clear: +not: it grew by 6 in the last 1m$/m,
    );
    await scene.work({ queues: ['sums'], clientId: 'robot', handler: async () => 'done' });
    await until('all are done', async () => (await scene.admin.countTasks({ queues: ['sums'] })).succeeded === 6);
    assert.match(await show(), /^pace: +6 enqueued and 6 settled in the last 1m\n(?!will clear)/m);
    const { stdout } = await scene.contact('queues', 'show', 'mails', '--json');
    assert.deepEqual(JSON.parse(stdout).pace, { spanMs: 60_000, enqueued: 6, settled: 0 });
  });
});
