import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { createScene, type Scene } from '../scene/commandline.ts';

describe('contact acts', function () {
  this.timeout(120_000);
  let scene: Scene;
  let ids: readonly string[];

  before(async () => {
    scene = await createScene();
    ids = await Promise.all(['a', 'b'].map(async (payload) => (await scene.producer.enqueue('sums', payload)).id));
    await scene.contact('queues', 'pause', 'sums');
    await scene.contact('queues', 'limit', 'sums', '--max-waiting', '5');
    await scene.contact('queues', 'retain', 'sums', '--days', '3', '--max', '7');
    await scene.contact('queues', 'retain', 'sums', '--default');
    await scene.contact('tasks', 'cancel', ids[0]!, '--reason', 'not needed');
    await scene.contact('queues', 'delete', 'sums', '--with-tasks', '--yes');
  });
  after(() => scene.close());

  const cellsOf = (stdout: string): string[][] =>
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/));

  it('tells who did what, the newest first', async () => {
    const { code, stdout } = await scene.contact('acts', '--since', '24h');
    assert.equal(code, 0);
    const [headings, ...rows] = cellsOf(stdout);
    assert.deepEqual(headings, ['at', 'by', 'act', 'about', 'count', 'newest task', 'what']);
    assert.deepEqual(
      rows.map(([, ...row]) => row.filter((cell) => !ids.includes(cell))),
      [
        ['anonymous', 'queue deleted', 'sums', '1'],
        ['anonymous', 'tasks deleted', 'sums', '2'],
        // Both were cancelled within a minute; the newest of the reasons is told.
        ['anonymous', 'tasks cancelled', 'sums', '2', 'the queue was deleted'],
        ['anonymous', 'queue retained', 'sums', '1', "the server's default"],
        ['anonymous', 'queue retained', 'sums', '1', '3 d / 7'],
        ['anonymous', 'queue limited', 'sums', '1', 'waiting 5, running without limit'],
        ['anonymous', 'queue paused', 'sums', '1'],
      ],
    );
    for (const [at] of rows) assert.match(at ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  it('tells what is asked for: by queue, by principal, by kind, so many', async () => {
    const count = async (...args: string[]): Promise<number> =>
      cellsOf((await scene.contact('acts', ...args)).stdout).length - 1;
    assert.equal(await count('--kind', 'queue_paused', '--kind', 'queue_limited'), 2);
    assert.equal(await count('--limit', '3'), 3);
    assert.equal(await count('--queue', 'sums', '--by', 'anonymous'), 7);
    assert.equal((await scene.contact('acts', '--by', 'token:ops')).stdout, '');
    assert.equal((await scene.contact('acts', '--queue', 'other')).stdout, '');
    for (const wrong of [
      ['--kind', 'paused'],
      ['--since', 'yesterday'],
      ['--queue', 'a b'],
      ['--limit', '0'],
    ])
      assert.equal((await scene.contact('acts', ...wrong)).code, 2, wrong.join(' '));
  });

  it('gives a JSON object a line', async () => {
    const { stdout } = await scene.contact('acts', '--kind', 'tasks_cancelled', '--json');
    const { kind, by, queue, count, tasks, reason } = JSON.parse(stdout);
    assert.deepEqual(
      [kind, by, queue, count, reason],
      ['tasks_cancelled', 'anonymous', 'sums', 2, 'the queue was deleted'],
    );
    assert.deepEqual(tasks.toSorted(), ids.toSorted());
  });
});
