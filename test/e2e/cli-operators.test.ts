import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { TaskFailure } from '../../client/index.ts';
import { silentLogger } from '../../client/options.ts';
import { createScene, type Scene } from '../scene/commandline.ts';
import { until } from '../scene/until.ts';

function parseLines(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** Cells of the line that begins with this word. */
function findRow(text: string, first: string): string[] {
  const line = text.split('\n').find((one) => one.startsWith(`${first} `));
  return (line ?? '').split(/ {2,}/);
}

describe('contact queues', function () {
  this.timeout(120_000);
  let scene: Scene;

  before(async () => {
    scene = await createScene();
  });
  after(() => scene.close());

  it('lists nothing where nothing is', async () => {
    assert.deepEqual(await scene.contact('queues', 'list'), { code: 0, stdout: '', stderr: '' });
  });

  it('lists what waits, and what nobody can take', async () => {
    await scene.producer.enqueue('a', 'x');
    await scene.producer.enqueue('a', 'x', { priority: 5 });
    await scene.producer.enqueue('a', 'x', { delayMs: 3_600_000 });
    const { stdout } = await scene.contact('queues', 'list');
    assert.match(
      stdout,
      /^queue +waiting +scheduled +running +failed +workers +unroutable +state +kept +oldest +waiting for\n/,
    );
    const row = findRow(stdout, 'a');
    assert.deepEqual(row.slice(0, 8), ['a', '2', '1', '0', '0', '0', '2', 'open']);
    assert.equal(row[8], '7 d / 1000000');
    assert.match(row[9] ?? '', /^5: \ds, 0: \ds$/);
    const [json] = parseLines((await scene.contact('queues', 'list', '--json')).stdout);
    assert.deepEqual([json?.queue, json?.ready, json?.unroutable, json?.paused], ['a', 2, 2, false]);
  });

  it('keeps settled tasks as long as it was told, or as the server says', async () => {
    const kept = async (): Promise<string | undefined> =>
      findRow((await scene.contact('queues', 'list')).stdout, 'a')[8];
    const retain = (...args: string[]) => scene.contact('queues', 'retain', 'a', ...args);
    assert.equal((await retain('--days', '30', '--max', '500')).stdout, 'a keeps settled tasks: 30 d / 500\n');
    assert.equal(await kept(), '30 d / 500 *');
    assert.equal((await retain('--forever', '--json')).stdout, '{"queue":"a","retention":{},"ownRetention":true}\n');
    assert.equal(await kept(), 'forever *');
    assert.equal((await retain('--default')).stdout, "a keeps settled tasks: by the server's default\n");
    assert.equal(await kept(), '7 d / 1000000');
    for (const wrong of [[], ['--days', '0'], ['--days', '3', '--forever'], ['--forever', '--default']])
      assert.equal((await retain(...wrong)).code, 2, wrong.join(' '));
    assert.equal((await scene.contact('queues', 'retain', 'nosuch', '--max', '1')).code, 1);
  });

  it('tells how near its limits are, the nearest first, and those of the server', async () => {
    const limit = (...args: string[]) => scene.contact('queues', 'limit', 'a', ...args);
    assert.equal((await limit('--max-running', '2')).stdout, 'a: any number may wait, at most 2 run\n');
    assert.equal((await limit('--none')).stdout, 'a: any number may wait, any number may run\n');
    const both = await limit('--max-waiting', '4', '--max-running', '2', '--json');
    assert.equal(both.stdout, '{"queue":"a","limits":{"maxWaiting":4,"maxRunning":2}}\n');
    assert.equal((await scene.contact('queues', 'limit', 'nosuch', '--max-waiting', '1')).code, 1);
    const { stdout } = await scene.contact('queues', 'limits');
    assert.match(stdout, /^queue +limit +used +max +near\na +max_waiting +3 +4 +75 %\n/);
    assert.match(stdout, /\na +max_running +0 +2 +0 %\n/);
    assert.match(stdout, /\n\(server\) +connections +\d+ +\d+ +0 %\n/);
    const one = await scene.contact('queues', 'limits', 'a', '--json');
    assert.deepEqual(parseLines(one.stdout), [
      { queue: 'a', limit: 'max_waiting', used: 3, max: 4 },
      { queue: 'a', limit: 'max_running', used: 0, max: 2 },
      { queue: 'a', limit: 'retain_max', used: 0, max: 1_000_000 },
    ]);
    assert.equal((await scene.contact('queues', 'limits', 'nosuch')).stdout, '');
    await scene.admin.setQueueLimits('a', { maxWaiting: 0, maxRunning: 0 });
  });

  it('is purged after a question', async () => {
    const unasked = await scene.contact('queues', 'purge', 'a');
    assert.equal(unasked.code, 2);
    const purge = scene.onTerminal('queues', 'purge', 'a');
    await purge.waitFor(/Cancel everything that waits in a\? \[y\/N\] $/);
    purge.type('y\n');
    assert.equal(await purge.ended, 0);
    assert.match(purge.text(), /3 tasks cancelled\n$/);
    assert.equal(
      (await scene.contact('queues', 'purge', 'a', '--yes', '--json')).stdout,
      '{"queue":"a","cancelled":0}\n',
    );
  });

  it('gives nothing out while it is paused', async () => {
    assert.equal((await scene.contact('queues', 'pause', 'b', '--create')).stdout, 'b paused\n');
    const worker = await scene.work({ queues: ['b'], handler: (payload) => payload });
    const { id } = await scene.producer.enqueue('b', 'x');
    assert.match((await scene.contact('tasks', 'show', id)).stdout, /the queue b to be resumed: it is paused/);
    assert.deepEqual(findRow((await scene.contact('queues', 'list')).stdout, 'b').slice(5, 8), ['1', '0', 'paused']);
    assert.equal((await scene.contact('queues', 'resume', 'b', '--json')).stdout, '{"queue":"b","paused":false}\n');
    await until(async () => (await scene.admin.describeTask(id)).settledAt !== undefined);
    await worker.stop();
  });

  it('is not found where it is not', async () => {
    for (const command of [['pause'], ['resume'], ['purge', '--yes']]) {
      const { code, stdout, stderr } = await scene.contact('queues', ...command, 'nosuch');
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /^contact: queue: no queue "nosuch"; it has no tasks, no workers and no settings$/m);
    }
  });

  it('says what is no name of a queue', async () => {
    const { code, stderr } = await scene.contact('queues', 'pause', 'not a queue');
    assert.equal(code, 2);
    assert.match(stderr, /^error: .* Expected .*, got "not a queue" with " "/);
  });
});

describe('contact clients', function () {
  this.timeout(120_000);
  let scene: Scene;

  before(async () => {
    scene = await createScene();
  });
  after(() => scene.close());

  it('lists those that are connected, and named ones that are away', async () => {
    const labels = { site: 'berlin', fast: '' };
    const handler = (payload: string) => payload;
    await scene.work({ queues: ['q', 'r'], clientId: 'robot-1', labels, concurrency: 3, handler });
    const drawn = await scene.work({ queues: ['q'], handler });
    const away = await scene.work({ queues: ['q'], clientId: 'robot-2', handler });
    await away.stop();
    const { stdout } = await scene.contact('clients', 'list');
    const [id, kind, state, since, receipt, ...rest] = findRow(stdout, 'robot-1');
    assert.deepEqual([id, kind, state], ['robot-1', 'named', 'connected']);
    assert.match(`${since} ${receipt}`, /^\ds \ds$/);
    assert.deepEqual(rest, ['0', '3', 'q,r', 'fast=,site=berlin']);
    assert.deepEqual(findRow(stdout, 'robot-2').slice(0, 3), ['robot-2', 'named', 'away']);
    assert.match(stdout, /ephemeral +connected/);
    const json = parseLines((await scene.contact('clients', 'list', '--json', '--connected')).stdout);
    assert.equal(json.length, 2);
    const robot = json.find(({ client }) => client === 'robot-1');
    assert.deepEqual([robot?.maxInFlight, robot?.labels, robot?.ephemeral], [3, labels, false]);
    await drawn.stop();
  });

  it('tells which client is slow, at what it is, and which one fails', async () => {
    const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    const quick = await scene.work({ queues: ['quick'], clientId: 'quick', handler: (payload: string) => payload });
    const slow = await scene.work({
      ...{ queues: ['slow'], clientId: 'slow', concurrency: 2 },
      handler: async (payload: string, { signal }) => {
        await (payload === 'stuck' ? new Promise((resolve) => signal.addEventListener('abort', resolve)) : pause(300));
        return payload;
      },
    });
    const failing = await scene.work({
      ...{ queues: ['failing'], clientId: 'failing', logger: silentLogger },
      handler: () => Promise.reject(new TaskFailure('no', { retry: 'never' })),
    });
    const { id: stuck } = await scene.producer.enqueue('slow', 'stuck');
    for (const queue of ['quick', 'slow', 'failing']) {
      const { id } = await scene.producer.enqueue(queue, 'x');
      await until(async () => (await scene.admin.describeTask(id)).settledAt !== undefined);
    }
    const listed = async (sort: string): Promise<[first: string, row: string[]]> => {
      const { stdout } = await scene.contact('clients', 'list', '--sort', sort);
      const first = stdout.split('\n')[1]!.split(' ')[0]!;
      return [first, findRow(stdout, first)];
    };
    const [slowest, row] = await listed('p99');
    assert.deepEqual([slowest, row.slice(5, 7)], ['slow', ['1', '2']]);
    assert.match(row.slice(7, 11).join('|'), /^[23]\d\dms\|[23]\d\dms\|0% of 1\|\d+s$/);
    assert.equal(row[11], stuck);
    const [worst, failed] = await listed('failed');
    assert.deepEqual([worst, failed.find((cell) => cell.includes('%'))], ['failing', '100% of 1']);
    assert.equal((await listed('oldest'))[0], 'slow');
    const [json] = parseLines((await scene.contact('clients', 'list', '--sort', 'oldest', '--json')).stdout);
    assert.equal((json?.oldestRunning as { id: string } | undefined)?.id, stuck);
    const { stdout: shown } = await scene.contact('clients', 'show', 'slow');
    assert.match(shown, /^run times: +half within [23]\d\dms, 99 of 100 within [23]\d\dms$/m);
    assert.match(shown, new RegExp(`^oldest: +\\d+s {2}${stuck}$`, 'm'));
    assert.match((await scene.contact('top', '--once')).stdout, /^client .* p50 +p99 +failed +oldest /m);
    assert.equal((await scene.contact('clients', 'list', '--sort', 'age')).code, 2);
    await scene.admin.cancelTasks({ ids: [stuck] });
    for (const worker of [quick, slow, failing]) await worker.stop();
  });

  it('drains a client until it is resumed', async () => {
    assert.equal((await scene.contact('clients', 'drain', 'robot-1')).stdout, 'robot-1 drains\n');
    assert.equal(findRow((await scene.contact('clients', 'list')).stdout, 'robot-1')[2], 'draining');
    const { id } = await scene.producer.enqueue('r', 'x');
    assert.equal(
      (await scene.contact('clients', 'resume', 'robot-1', '--json')).stdout,
      '{"client":"robot-1","draining":false}\n',
    );
    await until(async () => (await scene.admin.describeTask(id)).settledAt !== undefined);
  });

  it('disconnects a client once', async () => {
    assert.equal((await scene.contact('clients', 'disconnect', 'robot-1')).stdout, 'robot-1 disconnected\n');
    const isBack = async (): Promise<boolean> => {
      const { clients } = await scene.admin.listClients({ connectedOnly: true });
      return clients.some(({ id }) => id === 'robot-1');
    };
    await until(isBack);
  });

  it('knows no other client', async () => {
    for (const [command, message] of [
      ['drain', /no client stranger/],
      ['resume', /no client stranger/],
      ['disconnect', /stranger is not connected/],
    ] as const) {
      const { code, stderr } = await scene.contact('clients', command, 'stranger');
      assert.match(stderr, message);
      assert.equal(code, 1);
    }
  });
});
