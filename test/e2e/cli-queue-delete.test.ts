import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { createScene, type Scene } from '../scene/commandline.ts';
import { until } from '../scene/until.ts';

describe('contact queues delete', function () {
  this.timeout(120_000);
  let scene: Scene;

  before(async () => {
    scene = await createScene();
  });
  after(() => scene.close());

  const listQueues = async (): Promise<string[]> => (await scene.admin.listQueues()).queues.map(({ name }) => name);

  it('says what it would do, and refuses a queue with tasks that wait unless that is said', async () => {
    await scene.producer.enqueue('a', 'x');
    await scene.producer.enqueue('a', 'x', { delayMs: 3_600_000 });
    assert.deepEqual(await scene.contact('queues', 'delete', 'a', '--dry-run'), {
      code: 0,
      stdout: 'would refuse a, as it has 2 tasks that wait; with --with-tasks it would cancel 2 tasks\n',
      stderr: '',
    });
    const plan = await scene.contact('queues', 'delete', 'a', '--with-tasks', '--dry-run');
    assert.equal(plan.stdout, 'would delete a: cancel 2 tasks\n');
    const json = await scene.contact('queues', 'delete', 'a', '--dry-run', '--json');
    const counts = { waitingCount: 2, runningCount: 0, settledCount: 0 };
    assert.deepEqual(JSON.parse(json.stdout), { queue: 'a', dryRun: true, refused: true, ...counts });
    const { code, stdout, stderr } = await scene.contact('queues', 'delete', 'a', '--yes');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^contact: a has 2 tasks that wait: --with-tasks cancels what waits and runs$/m);
    assert.deepEqual(await listQueues(), ['a']);
  });

  it('asks, with the counts, and nothing is left of it', async () => {
    assert.equal((await scene.contact('queues', 'delete', 'a', '--with-tasks')).code, 2);
    const asked = scene.onTerminal('queues', 'delete', 'a', '--with-tasks');
    await asked.waitFor(/Delete the queue a\? It has 2 tasks that wait\. \[y\/N\] $/);
    asked.type('y\n');
    assert.equal(await asked.ended, 0);
    assert.match(asked.text(), /a deleted: 2 cancelled, 2 forgotten\n$/);
    assert.deepEqual(await listQueues(), []);
    const { code, stderr } = await scene.contact('queues', 'delete', 'a', '--yes');
    assert.equal(code, 1);
    assert.match(stderr, /no queue "a"/);
  });

  it('waits for what runs, which is asked to stop', async () => {
    const worker = await scene.work({
      queues: ['b'],
      handler: (_payload, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)),
    });
    const { id } = await scene.producer.enqueue('b', 'x');
    await until(async () => (await scene.admin.describeTask(id)).delivery === 1);
    const { code, stdout } = await scene.contact('queues', 'delete', 'b', '--with-tasks', '--yes', '--json');
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), {
      ...{ queue: 'b', cancelled: 0, askedToStop: 1, forgotten: 1, deleted: true },
      ...{ waitingCount: 0, runningCount: 0, settledCount: 0 },
    });
    await worker.stop();
  });

  it('takes what is settled, and the settings, without asking more', async () => {
    const worker = await scene.work({ queues: ['c'], handler: (payload: string) => payload });
    await scene.producer.call('c', 'x');
    await worker.stop();
    await scene.admin.setQueueLimits('c', { maxWaiting: 1, maxRunning: 1 });
    const plan = await scene.contact('queues', 'delete', 'c', '--dry-run');
    assert.equal(plan.stdout, 'would delete c: forget 1 task with its result\n');
    assert.equal((await scene.contact('queues', 'delete', 'c', '--yes')).stdout, 'c deleted: 1 forgotten\n');
    assert.deepEqual(await listQueues(), []);
  });

  it('ends after the step that is under way when it is stopped, and tells what is left', async () => {
    const tasks = Array.from({ length: 1_000 }, () => ({ queue: 'd', payload: 'x' }));
    for (let n = 0; n < 5; n += 1) await scene.producer.enqueueBatch(tasks);
    const deleting = scene.contact('queues', 'delete', 'd', '--with-tasks', '--yes');
    await until(async () => (await scene.admin.countTasks({ queues: ['d'] })).cancelled > 0);
    process.emit('SIGINT', 'SIGINT');
    const { code, stdout, stderr } = await deleting;
    assert.equal(code, 130);
    assert.match(stdout, /^d not deleted: \d,000 cancelled/);
    assert.match(stderr, /^contact: stopped: d has .*\d,000 that are settled$/m);
    assert.equal((await scene.contact('queues', 'delete', 'd', '--with-tasks', '--yes')).code, 0);
  });
});
