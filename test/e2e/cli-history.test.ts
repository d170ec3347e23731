import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { createProducer } from '../../client/index.ts';
import { ALL, EVERY_ROLE, startGuarded } from '../scene/access.ts';
import { runHere } from '../scene/command.ts';
import { createScene, type Scene } from '../scene/commandline.ts';
import { closeScene, use } from '../scene/end.ts';
import { connectTo } from '../scene/server.ts';
import { until } from '../scene/until.ts';

describe('contact queues history', function () {
  this.timeout(60_000);
  let scene: Scene;

  before(async () => {
    scene = await createScene({}, { historyStepMs: 1_000 });
    await scene.work({ queues: ['sums'], handler: (payload) => payload });
    await scene.producer.enqueueBatch(['sums', 'sums', 'mails'].map((queue) => ({ queue, payload: 'x' })));
  });
  afterEach(closeScene);
  after(() => scene.close());

  /** The lines of a plot, once it ends with this. */
  const plot = (args: readonly string[], end: RegExp): Promise<string[]> =>
    until(`the plot has ${end}`, async () => {
      const { code, stdout, stderr } = await scene.contact('queues', 'history', ...args);
      assert.deepEqual([code, stderr], [0, '']);
      return end.test(stdout) && stdout.split('\n');
    });

  it('plots all queues together, as many steps as the screen has columns for', async () => {
    const [heading, ...lines] = await plot([], /^waiting +.* 1$/m);
    assert.match(heading!, /^all queues {2}\d\d:\d\d:\d\d to \d\d:\d\d:\d\d UTC, a bar for 2m$/);
    assert.deepEqual(lines.map((line) => line.split('  ')[0]).filter(Boolean), [
      ...['enqueued/s', 'succeeded/s', 'failed/s', 'other/s', 'waiting', 'running', 'oldest'],
      ...['wait p50', 'wait p99', 'run p50', 'run p99'],
    ]);
    // Two minutes a bar: what was before this server is a gap.
    assert.match(lines[0]!, /^enqueued\/s {2,}\S{1,2} {2}max [\d.]+ {2,}last [\d.]+$/);
  });

  it('plots the queues that are named, and says of which there is nothing', async () => {
    const end = (queue: string): RegExp => new RegExp(`^${queue} [^]*^waiting +.* max 1 +last 1$`, 'm');
    const [heading] = await plot(['mails', '--since', '10s', '--step', '1s'], end('mails'));
    assert.match(heading!, /^mails .*a bar for 1s$/);
    const { code, stderr } = await scene.contact('queues', 'history', 'mails', 'nothing');
    assert.deepEqual([code, stderr], [0, 'no history of "nothing": nothing happened there, or others did more\n']);
  });

  it('gives each queue and all of them as a JSON object, with null for what nobody knows', async () => {
    await plot(['sums', '--since', '5s'], /^succeeded\/s .*[▂-█]/m);
    const { stdout } = await scene.contact('queues', 'history', '--json');
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ queue }) => queue),
      [undefined, 'mails', 'sums'],
    );
    const [total, mails, sums] = lines;
    const sum = (values: (number | null)[]): number => values.reduce<number>((all, value) => all + (value ?? 0), 0);
    assert.deepEqual(
      [total, mails, sums].map(({ enqueued }) => sum(enqueued)),
      [3, 1, 2],
    );
    assert.deepEqual([total.stepMs, total.coveredMs.length, total.enqueued[0]], [1_000, 360, null]);
    assert.ok(mails.oldestReadyMs.at(-1) > 0 && sums.oldestReadyMs.at(-1) === null);
    const isThere = (ms: number | null): boolean => ms !== null;
    assert.deepEqual([sums.run.p99Ms.some(isThere), mails.run.p99Ms.some(isThere)], [true, false]);
  });

  it('plots each of their own to those who may not see all', async () => {
    const guarded = await startGuarded({}, { historyStepMs: 1_000 });
    const { text: token } = await guarded.access.token({ ...ALL, roles: EVERY_ROLE, queues: ['a*'] });
    const producer = use(createProducer({ ...connectTo(guarded.address), token: guarded.operator }));
    await producer.enqueueBatch(['a1', 'b', 'a2'].map((queue) => ({ queue, payload: 1 })));
    const { code, stdout, stderr } = await runHere([
      ...['queues', 'history', '--server', guarded.address],
      ...['--token', token],
    ]);
    assert.deepEqual([code, stdout.match(/^\S.*UTC/gm)?.map((line) => line.split('  ')[0])], [0, ['a1', 'a2']], stderr);
  });

  it('refuses a step that makes none, naming the option', async () => {
    const { code, stderr } = await scene.contact('queues', 'history', '--step', '1500ms');
    assert.equal(code, 2);
    assert.match(stderr, /--step.*whole seconds/);
    assert.equal((await scene.contact('queues', 'history', '--step', '2h')).code, 2);
  });
});
