import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { createScene, type Scene } from '../scene/commandline.ts';
import { cleanUpProcesses, type ServerProcess, startContact, startServer } from '../scene/process.ts';
import { until } from '../scene/until.ts';

describe('contact bench', function () {
  this.timeout(120_000);
  let scene: Scene;

  before(async () => {
    scene = await createScene();
  });
  after(() => scene.close());

  async function findTraces(): Promise<unknown[]> {
    const [{ queues }, { tasks }] = await Promise.all([scene.admin.listQueues(), scene.admin.listTasks()]);
    return [...queues, ...tasks];
  }

  it('gives every task one result, tells how long it took, and leaves nothing', async () => {
    const { code, stdout } = await scene.contact('bench', '--tasks', '700', '--batch', '30', '--json');
    assert.equal(code, 0);
    const report = JSON.parse(stdout);
    assert.match(report.queue, /^bench-/);
    const { acknowledged, succeeded, failed, lost, duplicates } = report;
    assert.deepEqual([acknowledged, succeeded, failed, lost, duplicates], [700, 700, 0, 0, 0]);
    assert.ok(report.succeededPerSecond > 0 && report.acknowledgedPerSecond > 0);
    for (const { p50, p99, max } of [report.acknowledgeMs, report.pickUpMs, report.roundTripMs]) {
      assert.ok(0 < p50 && p50 <= p99 && p99 <= max, `${p50} ${p99} ${max}`);
    }
    assert.ok(report.roundTripMs.p50 >= report.pickUpMs.p50);
    assert.deepEqual(await findTraces(), []);
  });

  it('keeps to a rate and to its time', async () => {
    const { stdout } = await scene.contact('bench', '--rate', '200', '--seconds', '1', '--json');
    assert.equal(JSON.parse(stdout).succeeded, 200);
  });

  it('prints a table for people', async () => {
    const { stdout } = await scene.contact('bench', '--tasks', '10', '--workers', '2', '--concurrency', '3');
    assert.match(
      stdout,
      /^ +tasks +per second +p50 ms +p99 ms +max ms\nacknowledged +10 +\d+ +[\d.]+ +[\d.]+ +[\d.]+\n/,
    );
    assert.match(stdout, /^round trip +10 .*\nfailed +0\nlost +0\n$/m);
  });

  it('takes no queue that somebody has', async () => {
    const { id } = await scene.producer.enqueue('mine', 'x');
    const waiting = await scene.contact('bench', '--queue', 'mine', '--tasks', '1');
    assert.deepEqual([waiting.code, waiting.stdout], [1, '']);
    assert.match(waiting.stderr, /mine is in use/);
    assert.equal((await scene.admin.describeTask(id)).queue, 'mine');
    await scene.admin.cancelTasks({ ids: [id] });
    const worker = await scene.work({ queues: ['served'], handler: (payload) => payload });
    await scene.admin.deleteTasks([id]);
    assert.match((await scene.contact('bench', '--queue', 'served', '--tasks', '1')).stderr, /served is in use/);
    await worker.stop();
  });

  it('does not take what somebody else worked for its own', async () => {
    const bench = scene.contact('bench', '--queue', 'joint', '--seconds', '10');
    await until(async () => (await scene.admin.listQueues()).queues.some(({ name }) => name === 'joint'));
    await scene.work({ queues: ['joint'], handler: () => 'mine', concurrency: 100 });
    assert.match((await bench).stderr, /somebody else works in the queue/);
  });
});

describe('contact bench in processes', function () {
  this.timeout(120_000);
  let server: ServerProcess;

  before(async () => {
    server = await startServer();
  });
  cleanUpProcesses();

  it('has workers of their own with --fork', async () => {
    const bench = startContact(['bench', '--fork', '--workers', '2', '--tasks', '200', '--server', server.address]);
    const { code, stdout, stderr } = await bench.ended;
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^lost +0$/m);
  });

  it('cleans up on SIGINT', async () => {
    const env = { CONTACT_SERVER: server.address };
    const bench = startContact(['bench', '--fork', '--seconds', '60'], { env });
    const list = async (what: string): Promise<string> => (await startContact([what, 'list'], { env }).ended).stdout;
    for (;;) if (/bench-.*/.test(await list('queues'))) break;
    const { code, stdout, stderr } = await bench.stop('SIGINT');
    assert.deepEqual([code, stdout], [130, '']);
    assert.match(stderr, /^cleaning up/);
    assert.deepEqual([await list('queues'), await list('tasks')], ['', '']);
  });
});
