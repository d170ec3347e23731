import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { TaskState } from '../../client/index.ts';
import { createScene, type Scene } from '../scene/commandline.ts';
import { cleanUpProcesses, startContact } from '../scene/process.ts';
import { until } from '../scene/until.ts';

describe('contact enqueue to clients', function () {
  this.timeout(120_000);
  let scene: Scene;

  before(async () => {
    scene = await createScene({ cancelGraceMs: 20_000 });
    for (const clientId of ['berlin-1', 'berlin-2', 'paris-1']) {
      const site = clientId.split('-')[0] ?? '';
      await scene.work({
        queues: ['ping'],
        clientId,
        labels: { site },
        handler: (payload, { signal }) => {
          if (payload === clientId) throw new Error('not me');
          return payload === 'sleep' && site === 'paris' ? untilAborted(signal) : `${payload} from ${clientId}`;
        },
      });
    }
  });
  after(() => scene.close());
  cleanUpProcesses();

  function broadcast(payload: string, ...args: string[]): ReturnType<Scene['contact']> {
    return scene.contact('enqueue', 'ping', payload, '--broadcast', '--attempts', '1', ...args);
  }

  it('prints a line for each client that matches, and a summary', async () => {
    const { code, stdout, stderr } = await broadcast('x', '--selector', 'site=berlin', '--wait');
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.pop(), '2 clients: 2 succeeded');
    assert.deepEqual(lines.sort(), ['berlin-1\tsucceeded\tx from berlin-1', 'berlin-2\tsucceeded\tx from berlin-2']);
    assert.deepEqual([code, stderr], [0, '']);
  });

  it('waits for as long as it may, also for more than 24 days', async () => {
    const { code, stdout, stderr } = await broadcast('x', '-l', 'site=berlin', '--wait', '--wait-timeout', '30d');
    assert.match(stdout, /\n2 clients: 2 succeeded\n$/);
    assert.deepEqual([code, stderr], [0, '']);
  });

  it('ends with 1 when a client did not succeed', async () => {
    const { code, stdout } = await broadcast('berlin-2', '-l', 'site=berlin', '--wait', '--json');
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const summary = lines.pop();
    assert.equal(code, 1);
    assert.equal(summary.state, 'failed');
    assert.deepEqual(summary.children, { total: 2, succeeded: 1, failed: 1, cancelled: 0, expired: 0 });
    const failed = lines.find(({ client }) => client === 'berlin-2');
    assert.deepEqual([failed.state, failed.result, failed.error.message], ['failed', undefined, 'not me']);
  });

  it('names the client of a child that nobody took in time', async () => {
    await scene.contact('clients', 'drain', 'paris-1');
    const { code, stdout } = await broadcast('x', '--wait', '--expires', '200ms', '-l', 'site=paris');
    assert.equal(code, 1);
    assert.match(stdout, /^paris-1\texpired\t.+\n1 client: 1 expired\n$/);
    await scene.contact('clients', 'resume', 'paris-1');
  });

  it('waits no longer than it may, and cancels what is left when asked', async () => {
    const waiting = ['--wait', '--wait-timeout', '300ms'];
    const given = await broadcast('sleep', ...waiting, '--cancel');
    assert.equal(given.code, 1);
    assert.match(given.stdout, /^(?:berlin-\d\tsucceeded\tsleep from berlin-\d\n){2}$/);
    const message = /^contact: broadcast (\S+): 2 of 3 clients were done when the waiting ended, the others are being/;
    const [, id = ''] = message.exec(given.stderr) ?? [];
    await until(async () => (await scene.admin.describeTask(id)).state === TaskState.CANCELLED);
  });

  it('prints all of a broadcast that was there already under its key', async () => {
    const first = await broadcast('x', '-l', 'site=berlin', '--key', 'once');
    const id = first.stdout.trim();
    await until(async () => (await scene.admin.describeTask(id)).state === TaskState.SUCCEEDED);
    const again = await broadcast('x', '-l', 'site=berlin', '--key', 'once', '--wait');
    assert.match(again.stdout, /^(?:berlin-\d\tsucceeded\tx from berlin-\d\n){2}2 clients: 2 succeeded\n$/);
  });

  it('is refused when nobody matches', async () => {
    const { code, stdout, stderr } = await broadcast('x', '-l', 'site=rome', '--wait');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^contact: broadcast: no client of the queue ping matches\n$/);
  });

  it('runs a task for an absent client when it comes', async () => {
    const id = (await scene.contact('enqueue', 'ping', 'hello', '--client', 'rome-1')).stdout.trim();
    assert.match((await scene.contact('tasks', 'show', id)).stdout, /client rome-1, which is not connected/);
    const waiting = scene.contact('enqueue', 'ping', 'anybody', '-l', 'site in (rome)', '--wait');
    const labels = { site: 'rome' };
    await scene.work({ queues: ['ping'], clientId: 'rome-1', labels, handler: (payload) => `${payload} from rome` });
    assert.equal((await waiting).stdout, 'anybody from rome');
    await until(async () => (await scene.admin.describeTask(id)).state === TaskState.SUCCEEDED);
  });

  it('gives up waiting for one task at its deadline, and cancels it when asked', async () => {
    for (const [args, state] of [
      [[], TaskState.READY],
      [['--cancel'], TaskState.CANCELLED],
    ] as const) {
      const { code, stderr } = await scene.contact(
        'enqueue',
        'nobody',
        'x',
        '--wait',
        '--wait-timeout',
        '100ms',
        ...args,
      );
      assert.equal(code, 1);
      const [, id = ''] = /^contact: task (\S+): no result within 0\.1 s\n$/m.exec(stderr) ?? [];
      assert.equal((await scene.admin.describeTask(id)).state, state);
    }
  });

  it('cancels the task when a signal ends the waiting and --cancel says so', async () => {
    await scene.admin.pauseQueue('interrupted', { create: true });
    const args = ['enqueue', 'interrupted', 'x', '--wait', '--cancel', '--server', scene.address];
    const waiting = startContact(args);
    const find = async () => (await scene.admin.listTasks({ queues: ['interrupted'] })).tasks[0];
    await until(async () => (await find()) !== undefined);
    const { code, stderr } = await waiting.stop('SIGINT');
    assert.equal(code, 130, stderr);
    const task = await find();
    assert.equal(task?.state, TaskState.CANCELLED);
    assert.match(stderr, new RegExp(`^task ${task?.id} is being cancelled: the waiting was ended by SIGINT\n`));
  });

  it('tells the ids of what it waited for when a signal ends the waiting', async () => {
    const forms = {
      task: { args: ['x'], stdin: '', count: 1 },
      lines: { args: ['--lines'], stdin: 'x\ny\n', count: 2 },
      broadcast: { args: ['x', '--broadcast', '--selector', 'site=tokyo'], stdin: '', count: 1 },
      keyed: { args: ['x', '--key', 'k'], stdin: '', count: 1 },
    };
    await scene.work({ queues: ['broadcast'], clientId: 'tokyo-1', labels: { site: 'tokyo' }, handler: sleep });
    for (const [queue, { args, stdin, count }] of Object.entries(forms)) {
      // A queue that an operator has set is none whose name is mistyped.
      await scene.admin.pauseQueue(queue, { create: true });
      const words = ['enqueue', queue, ...args, '--wait', '--server', scene.address];
      const waiting = startContact(words, { stdin });
      const find = async () =>
        (await scene.admin.listTasks({ queues: [queue] })).tasks.filter((task) => !task.parentId);
      await until(async () => (await find()).length === count);
      const { signal, stdout, stderr } = await waiting.stop('SIGINT');
      assert.deepEqual([signal, stdout], ['SIGINT', '']);
      const kind = queue === 'broadcast' ? queue : 'task';
      const names = (await find()).map(({ id }) => (queue === 'keyed' ? 'of queue keyed and key k' : id));
      const lines = names.map((name) => `${kind} ${name} goes on: the waiting was ended by SIGINT`);
      assert.deepEqual(stderr.trimEnd().split('\n').sort(), lines.sort());
    }
  });
});

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
}

const sleep = (_: string, { signal }: { readonly signal: AbortSignal }): Promise<never> => untilAborted(signal);
