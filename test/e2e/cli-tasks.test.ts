import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import { newTaskId } from '../../client/index.ts';
import { createScene, type Scene } from '../scene/commandline.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { until } from '../scene/until.ts';

describe('contact tasks', function () {
  this.timeout(120_000);
  let scene: Scene;

  /** Ids of tasks that wait. */
  async function enqueue(queue: string, count: number): Promise<string[]> {
    const tasks = Array.from({ length: count }, (_, place) => ({ queue, payload: String(place), maxAttempts: 1 }));
    return (await scene.producer.enqueueBatch(tasks)).map(({ id }) => id);
  }

  async function stateOf(id: string): Promise<string> {
    const { stdout } = await scene.contact('tasks', 'show', id, '--json');
    return JSON.parse(stdout).state;
  }

  before(async () => {
    scene = await createScene({ cancelGraceMs: 20_000 });
  });
  after(() => scene.close());
  cleanUpProcesses();

  describe('cancel', () => {
    it('cancels what is named and says why others are refused', async () => {
      const [first = '', second = ''] = await enqueue('named', 2);
      const stranger = newTaskId();
      assert.deepEqual(await scene.contact('tasks', 'cancel', first), {
        code: 0,
        stdout: `${first} cancelled\n`,
        stderr: '',
      });
      const { code, stdout, stderr } = await scene.contact('tasks', 'cancel', first, second, stranger);
      assert.equal(code, 1);
      assert.equal(stdout, `${second} cancelled\n`);
      assert.equal(stderr, `${first}: it is settled already\n${stranger}: there is no such task\n`);
    });

    it('takes ids and answers in JSON', async () => {
      const [id = ''] = await enqueue('named', 1);
      const stranger = newTaskId();
      const named = await scene.contact('tasks', 'cancel', id, stranger, '--json', '--reason', 'why not');
      assert.equal(named.code, 1);
      assert.deepEqual(JSON.parse(named.stdout), { id, state: 'cancelled' });
      const error = { code: 'NOT_FOUND', message: 'there is no such task', id: stranger };
      assert.deepEqual(JSON.parse(named.stderr), { error });
      assert.equal((await scene.admin.describeTask(id)).error?.message, 'why not');
    });

    it('takes more ids than fit into one request', async () => {
      const ids = [...(await enqueue('many', 1_000)), ...(await enqueue('many', 5))];
      const { code, stdout } = await scene.contact('tasks', 'cancel', ...ids);
      assert.equal(code, 0);
      assert.equal(stdout, ids.map((id) => `${id} cancelled\n`).join(''));
    });

    it('counts what it cancelled by conditions', async () => {
      const worker = await scene.work({ queues: ['mixed'], handler: (_, { signal }) => untilAborted(signal) });
      const ids = await enqueue('mixed', 3);
      await until(async () => (await stateOf(ids[0] ?? '')) === 'running');
      const byState = await scene.contact('tasks', 'cancel', '--queue', 'mixed', '--state', 'ready', '--yes', '--json');
      assert.deepEqual([byState.code, byState.stdout], [0, '{"total":2}\n']);
      const rest = await scene.contact('tasks', 'cancel', '--queue', 'mixed', '--after', '1h', '--yes');
      assert.deepEqual([rest.code, rest.stdout], [0, '1 task: 1 asked to stop\n']);
      await until(async () => (await stateOf(ids[0] ?? '')) === 'cancelled');
      const none = await scene.contact('tasks', 'cancel', '--queue', 'mixed', '--yes');
      assert.deepEqual([none.code, none.stdout], [0, '0 tasks cancelled or asked to stop\n']);
      await worker.stop();
    });

    it('looks at the time a task was created', async () => {
      const [id = ''] = await enqueue('young', 1);
      const old = await scene.contact('tasks', 'cancel', '--queue', 'young', '--before', '1h', '--yes');
      assert.equal(old.stdout, '0 tasks cancelled or asked to stop\n');
      assert.equal(await stateOf(id), 'ready');
    });

    it('asks on a terminal before it cancels by conditions', async () => {
      const [id = ''] = await enqueue('asked', 1);
      const question = /^Cancel all tasks of queue asked that are ready\? 1 task: 1 ready\. \[y\/N\] $/;
      const refused = scene.onTerminal('tasks', 'cancel', '--queue', 'asked', '--state', 'ready');
      await refused.waitFor(question);
      refused.type('\n');
      assert.equal(await refused.ended, 1);
      assert.match(refused.text(), /contact: nothing was done\n$/);
      assert.equal(await stateOf(id), 'ready');
      const agreed = scene.onTerminal('tasks', 'cancel', '--queue', 'asked', '--state', 'ready');
      await agreed.waitFor(question);
      agreed.type('yes\n');
      assert.equal(await agreed.ended, 0);
      assert.equal(await stateOf(id), 'cancelled');
    });

    it('tells what it would do, and does nothing, with --dry-run', async () => {
      const [id = ''] = await enqueue('tried', 2);
      const { code, stdout } = await scene.contact('tasks', 'cancel', '--queue', 'tried', '--dry-run');
      assert.deepEqual([code, stdout], [0, 'would cancel 2 tasks: 2 ready\n']);
      const asJson = await scene.contact('tasks', 'redrive', '--queue', 'tried', '--dry-run', '--json');
      assert.deepEqual(JSON.parse(asJson.stdout), { dryRun: true, total: 0, failed: 0 });
      assert.equal(await stateOf(id), 'ready');
    });

    it('finds tasks by their metadata, and counts them in place of a list', async () => {
      await scene.producer.enqueue('priced', 'x', { metadata: { order: '7' } });
      await scene.producer.enqueue('priced', 'x', { metadata: { order: '8' } });
      const counted = await scene.contact('tasks', 'list', '--queue', 'priced', '--meta', 'order=7', '--count');
      assert.equal(counted.stdout, '1 task: 1 ready\n');
      const cancelled = await scene.contact('tasks', 'cancel', '--meta', 'order=8', '--yes');
      assert.equal(cancelled.stdout, '1 task: 1 cancelled\n');
      const found = await scene.contact('results', '--error', 'CANCELLED', '--meta', 'order=8', '--json');
      assert.deepEqual(JSON.parse(found.stdout).metadata, { order: '8' });
      assert.equal((await scene.contact('results', '--error', 'TIMEOUT', '--meta', 'order=8')).stdout, '');
    });

    it('wants --yes where there is no terminal to ask on', async () => {
      const { code, stderr } = await scene.contact('tasks', 'cancel', '--queue', 'asked');
      assert.equal(code, 2);
      assert.match(stderr, /nobody to ask without a terminal: say --yes/);
    });
  });

  describe('retry', () => {
    /** Ids of tasks that failed. */
    async function fail(queue: string, count: number): Promise<string[]> {
      const worker = await scene.work({
        queues: [queue],
        handler: () => {
          throw new Error('not today');
        },
      });
      const ids = await enqueue(queue, count);
      for (const id of ids) await until(async () => (await stateOf(id)) === 'failed');
      await worker.stop();
      return ids;
    }

    it('redrives what is named and says why others are refused', async () => {
      const [failed = ''] = await fail('again', 1);
      const stranger = newTaskId();
      const { code, stdout, stderr } = await scene.contact('tasks', 'retry', failed, stranger);
      assert.deepEqual([code, stdout, stderr], [1, `${failed} ready again\n`, `${stranger}: there is no such task\n`]);
      const twice = await scene.contact('tasks', 'retry', failed);
      assert.deepEqual([twice.code, twice.stdout, twice.stderr], [1, '', `${failed}: it is ready\n`]);
    });

    it('redrives by conditions and counts', async () => {
      const ids = await fail('bulk', 3);
      assert.equal((await scene.contact('tasks', 'retry', '--queue', 'bulk', '--yes')).stdout, '3 tasks ready again\n');
      for (const id of ids) assert.equal(await stateOf(id), 'ready');
      const again = await scene.contact('tasks', 'retry', '--queue', 'bulk', '--state', 'failed', '--yes', '--json');
      assert.equal(again.stdout, '{"total":0}\n');
    });
  });

  describe('delete', () => {
    it('forgets settled tasks and says why others are refused', async () => {
      const [settled = '', waiting = ''] = await enqueue('gone', 2);
      await scene.contact('tasks', 'cancel', settled);
      const { code, stdout, stderr } = await scene.contact('tasks', 'delete', settled, waiting);
      assert.deepEqual([code, stdout, stderr], [1, `${settled} deleted\n`, `${waiting}: it is ready\n`]);
      assert.match((await scene.contact('tasks', 'show', settled)).stderr, /^contact: id: no task /);
    });

    it('asks before it forgets what meets conditions, and counts', async () => {
      const settled = await enqueue('forgotten', 3);
      await scene.admin.cancelTasks({ ids: settled });
      const [waiting = ''] = await enqueue('forgotten', 1);
      assert.equal((await scene.contact('tasks', 'delete', '--queue', 'forgotten')).code, 2);
      const removal = scene.onTerminal('tasks', 'delete', '--queue', 'forgotten');
      await removal.waitFor(
        /Delete all tasks of queue forgotten that are succeeded or failed or cancelled or expired\? 3 tasks: 3 cancelled\. \[y\/N\] $/,
      );
      removal.type('n\n');
      assert.equal(await removal.ended, 1);
      const { stdout } = await scene.contact('tasks', 'delete', '--queue', 'forgotten', '--yes');
      assert.equal(stdout, '3 tasks deleted\n');
      assert.equal(await stateOf(waiting), 'ready');
      assert.equal(
        (await scene.contact('tasks', 'delete', '--queue', 'forgotten', '--yes', '--json')).stdout,
        '{"total":0}\n',
      );
      assert.equal((await scene.contact('tasks', 'delete', '--state', 'ready', '--yes')).code, 2);
    });
  });

  describe('list and show', () => {
    it('say why a task is not running', async () => {
      const { id } = await scene.producer.enqueue('lonely', 'x', { clientId: 'robot-7' });
      const shown = await scene.contact('tasks', 'show', id);
      assert.match(shown.stdout, /^waiting for: +client robot-7, which is not connected and not remembered$/m);
      assert.match((await scene.contact('tasks', 'list', '--queue', 'lonely')).stdout, /client robot-7, which/);
    });

    it('show a broadcast with its children', async () => {
      const worker = await scene.work({ queues: ['all'], clientId: 'a', handler: () => 'done' });
      const idle = await scene.work({
        queues: ['all'],
        clientId: 'b',
        handler: (_, { signal }) => untilAborted(signal),
      });
      const { id } = await scene.producer.enqueue('all', 'x', { broadcast: {} });
      await until(async () => (await scene.admin.describeTask(id)).children?.succeeded === 1);
      const shown = await scene.contact('tasks', 'show', id);
      assert.match(shown.stdout, /^waiting for: +its children$/m);
      assert.match(shown.stdout, /^children: +2: 1 succeeded, 1 not settled$/m);
      const { stdout } = await scene.contact('tasks', 'list', '--parent', id, '--json');
      const children = stdout.trim().split('\n');
      assert.deepEqual(children.map((line) => JSON.parse(line).target.client).sort(), ['a', 'b']);
      assert.equal((await scene.contact('tasks', 'cancel', id)).stdout, `${id} cancel requested\n`);
      await until(async () => (await stateOf(id)) === 'cancelled');
      await Promise.all([worker.stop(), idle.stop()]);
    });
  });

  describe('watch', () => {
    afterEach(() => release());
    let release: (answer?: string) => void = () => undefined;

    it('tells state, start and progress until the task has succeeded', async () => {
      const { promise: released, resolve } = Promise.withResolvers<string>();
      release = (answer = '') => resolve(answer);
      const worker = await scene.work({
        queues: ['watched'],
        clientId: 'w',
        handler: (_, { progress }) => {
          progress(0.25, 'warming \u001b[31mup');
          return released;
        },
      });
      const { id } = await scene.producer.enqueue('watched', 'x', { delayMs: 300 });
      const watching = scene.onTerminal('tasks', 'watch', id);
      await watching.waitFor(/progress {2}25 % {2}warming \\x1b\[31mup\n/);
      release('42');
      assert.equal(await watching.ended, 0);
      const lines = watching.text().trim().split('\n');
      const [scheduled = '', ...rest] = lines.map((line) => line.slice(26));
      assert.match(scheduled, /^scheduled {2}waiting for its time/);
      assert.ok(rest.includes('running  attempt 1 of 5, client w'), watching.text());
      assert.ok(rest.includes('started  delivery 1'));
      assert.equal(rest.at(-1), 'succeeded  42');
      await worker.stop();
    });

    it('goes on over a restart of the server', async () => {
      const store = `sqlite:${join(createFolder(), 'contact.db')}`;
      const first = await createScene({ store });
      const { id } = await first.producer.enqueue('later', 'x');
      const watching = first.onTerminal('tasks', 'watch', id);
      await watching.waitFor(/ready {2}waiting for/);
      await first.close();
      const second = await createScene({ store, listen: first.address });
      await second.work({ queues: ['later'], handler: () => 'at last' });
      assert.equal(await watching.ended, 0);
      assert.match(watching.text(), /succeeded {2}at last\n$/);
      const lines = watching.text().trimEnd().split('\n');
      const told = lines.map((line) => line.slice(26)).filter((line) => line.startsWith('ready'));
      assert.equal(new Set(told).size, told.length, 'what is told again is not shown again');
      await second.close();
    });

    it('ends with 1 for a task that did not succeed, in JSON too', async () => {
      const [id = ''] = await enqueue('watched', 1);
      await scene.contact('tasks', 'cancel', id, '--reason', 'enough');
      const { code, stdout } = await scene.contact('tasks', 'watch', id, '--json');
      assert.equal(code, 1);
      const { task } = JSON.parse(stdout);
      assert.deepEqual([task.id, task.state, task.error.message], [id, 'cancelled', 'enough']);
      const people = await scene.contact('tasks', 'watch', id);
      assert.match(
        people.stdout,
        /^\S+ {2}cancel asked for by anonymous: enough\n\S+ {2}cancelled {2}CANCELLED: enough\n$/,
      );
      const shown = await scene.contact('tasks', 'show', id);
      assert.match(shown.stdout, /\n\nact +at +by +reason\ncancelled +20\S+Z +anonymous +enough\n$/);
      assert.deepEqual(
        task.acts.map(({ kind, by, reason }: Record<string, string>) => [kind, by, reason]),
        [['cancelled', 'anonymous', 'enough']],
      );
      assert.equal((await scene.contact('tasks', 'watch', newTaskId())).code, 1);
    });
  });
});

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
}
