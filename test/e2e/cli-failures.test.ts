import assert from 'node:assert/strict';
import { TaskFailure } from '../../client/index.ts';
import { createScene, type Scene } from '../scene/commandline.ts';
import { until } from '../scene/until.ts';

describe('contact failures', function () {
  this.timeout(120_000);
  let scene: Scene;

  before(async () => {
    scene = await createScene();
  });
  after(() => scene.close());

  it('prints nothing where nothing failed', async () => {
    assert.deepEqual(await scene.contact('failures'), { code: 0, stdout: '', stderr: '' });
  });

  it('tells what failed, those that are alike together, by error, client or queue', async () => {
    const ids: string[] = [];
    for (const [queue, number] of [
      ['sums', 7],
      ['sums', 4711],
      ['mails', 3],
    ] as const)
      ids.push((await scene.producer.enqueue(queue, String(number))).id);
    await scene.work({
      queues: ['sums', 'mails'],
      clientId: 'robot',
      handler: (payload) => {
        throw new TaskFailure(`no order ${payload}`, { code: 'GONE', retry: 'never' });
      },
    });
    await until('they have failed', async () => (await scene.admin.countTasks({ states: ['failed'] })).failed === 3);

    const { stdout } = await scene.contact('failures');
    assert.match(stdout, /^failures +final +last +code +error +task\n +3 +3 +\ds +GONE +no order # +[0-9a-f-]{36}\n$/);
    const byQueue = await scene.contact('failures', '--by', 'queue');
    assert.match(
      byQueue.stdout,
      /^.*queue.*\n +2 +2 +\ds +sums +GONE: no order \d+ .*\n +1 +1 +\ds +mails +GONE: no order 3 /,
    );
    assert.match((await scene.contact('failures', '--by', 'client')).stdout, /\n +3 +3 +\ds +robot +GONE: /);
    const [group] = (await scene.contact('failures', 'sums', '--json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual([group.error, group.count, group.finalCount], [{ code: 'GONE', message: 'no order #' }, 2, 2]);
    assert.deepEqual(group.tasks.toSorted(), ids.slice(0, 2).toSorted());
    assert.equal((await scene.contact('failures', '--since', '2030-01-01T00:00:00Z')).stdout, '');
    const cut = await scene.contact('failures', '--by', 'queue', '--limit', '1');
    assert.equal(cut.stderr, '1 failure more in 1 group more (--limit)\n');
  });
});
