import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { createContext } from '../../cli/context.ts';
import { createOutput } from '../../cli/output.ts';
import { createProgram } from '../../cli/program.ts';
import { TaskFailure } from '../../client/index.ts';
import { ROWS } from '../../scripts/json/rows.ts';
import { serveDirectly, startCallee } from '../scene/callers.ts';
import { createScene, type Scene } from '../scene/commandline.ts';
import { closeScene } from '../scene/end.ts';
import { describeEcho } from '../scene/exposed.ts';
import { createFolder } from '../scene/folder.ts';
import { showCredentials, showProfiles, writeOddAuthorities } from '../scene/jsoncredentials.ts';
import { type Args, createJsonJudge, createJsonRuns } from '../scene/jsonlines.ts';
import { cleanUpProcesses, type ServerProcess, startContact, startServer } from '../scene/process.ts';
import { until } from '../scene/until.ts';

/** What no situation of this test brings about. */
const UNSEEN: readonly string[] = [
  // Where the server names a time the SDK waits for it; only calls are told of it.
  'Error.retryAfterMs',
  // These are the fields of `Waiting`, and written by the same code; not every reason comes second here.
  ...['lastError', 'limit', 'progress', 'selector', 'since', 'until'].map((name) => `WaitingToo.${name}`),
];

const STRANGER = '019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01';

describe('--json', function () {
  this.timeout(240_000);
  const judge = createJsonJudge();
  let folder: string;
  let scene: Scene;

  before(async () => {
    folder = createFolder();
    scene = await createScene({ store: `sqlite:${join(folder, 'contact.db')}`, retainDays: 7, retainMax: 1_000 });
  });
  afterEach(closeScene);
  after(() => scene.close());
  cleanUpProcesses();

  const { run, one } = createJsonRuns(judge, () => ['--server', scene.address]);
  const enqueue = async (queue: string, ...args: string[]): Promise<string> => {
    const { id } = await one('enqueue', [queue, 'x', ...args]);
    return id as string;
  };
  const settled = (id: string) => until(async () => (await scene.admin.describeTask(id)).settledAt);

  it('has a row for each command that has the flag, and no other', async () => {
    const sink = new PassThrough();
    const program = await createProgram(createContext({ out: createOutput(sink), err: sink, rest: undefined }));
    const list = (command: Command, path: Args): string[] =>
      command.commands.flatMap((below) => {
        const words = [...path, below.name()];
        const isJson = below.options.some(({ long }) => long === '--json');
        return [...(isJson ? [words.join(' ')] : []), ...list(below, words)];
      });
    assert.deepEqual(list(program, []).toSorted(), Object.keys(ROWS).toSorted());
  });

  it('is the vocabulary of tasks that are settled', async () => {
    await scene.work({
      queues: ['sums'],
      clientId: 'adder',
      handler: async (payload, { progress, log, taskId, delivery }) => {
        if (payload === 'slow') {
          await progress(0.4, 'two of five');
          for (; !existsSync(join(folder, 'go')); await pause(20)) log('half of it', 'warn');
        }
        if (payload === 'fail') {
          const details = new Uint8Array([8, 5]);
          throw new TaskFailure(`no ${taskId}`, { code: 'MINE', retry: 'never', details, cause: new Error('why') });
        }
        return `${payload} ${delivery}`;
      },
    });
    await one('queues pause', ['sums', '--create']);
    const slow = await one('enqueue', ['sums', 'slow', '--timeout', '1h', '--key', 'k1', '--expires', '1h']);
    const watched = startContact(['tasks', 'watch', String(slow.id), '--json', '--server', scene.address]);
    await watched.waitFor(/"state":"ready"/);
    await one('queues resume', ['sums']);
    await watched.waitFor(/"progress":\{"id"/);
    await watched.waitFor(/"log":\{"id"/);
    writeFileSync(join(folder, 'go'), '');
    judge.check('tasks watch', await watched.ended);
    assert.equal((await one('enqueue', ['sums', 'fail', '--wait'])).state, 'failed');
    assert.equal((await one('enqueue', ['sums', 'y', '--wait'])).result, 'y 1');
    const failed = (await run('tasks list', ['--state', 'failed'])).lines[0]!;
    const shown = await one('tasks show', [String(failed.id)]);
    assert.equal((shown.error as { code: string }).code, 'MINE');
    assert.equal((await run('results', ['sums'])).lines.length, 3);
    await one('queues show', ['sums']);
    for (const by of ['error', 'client', 'queue']) await one('failures', ['--by', by]);
    assert.deepEqual(await one('tasks list', ['--count', '--queue', 'sums']), {
      total: 3,
      ...{ scheduled: 0, ready: 0, running: 0, succeeded: 2, failed: 1, cancelled: 0, expired: 0 },
    });
    await one('tasks retry', ['--queue', 'sums', '--dry-run']);
    assert.equal((await one('tasks retry', [String(failed.id)])).state, 'ready');
    await settled(String(failed.id));
    const refused = await run('tasks retry', [String(slow.id), STRANGER]);
    assert.deepEqual([refused.code, refused.lines], [1, []]);
    await run('tasks delete', [String(failed.id), STRANGER]);
    await one('tasks delete', ['--queue', 'sums', '--state', 'failed', '--yes']);
  });

  it('is the vocabulary of tasks that wait or run', async () => {
    const later = await enqueue('later', '--delay', '1h');
    await enqueue('addressed', '--client', 'nobody');
    const choosy = await enqueue('sums', '--selector', 'site=berlin');
    const berlin = { queues: ['other'], clientId: 'berlin', labels: { site: 'berlin' }, agent: 'test/1' };
    const worker = await scene.work({ ...berlin, handler: () => '' });
    worker.setStatus('fine');
    await enqueue('addressed', '--client', 'berlin');
    const retried = await enqueue('retried', '--attempts', '5');
    let isFailing = true;
    await scene.work({
      queues: ['retried'],
      clientId: 'failing',
      handler: () => {
        if (isFailing) throw new TaskFailure('not yet', { retry: { afterMs: 3_600_000 } });
        return '';
      },
    });
    await until(async () => (await scene.admin.describeTask(retried)).attempts[0]?.endedAt);
    isFailing = false;
    await scene.admin.setQueueLimits('limited', { maxWaiting: 10, maxRunning: 1 }, { create: true });
    await enqueue('limited');
    await enqueue('limited');
    await scene.work({
      queues: ['limited'],
      concurrency: 2,
      clientId: 'holding',
      handler: async (_, { progress, signal }) => {
        await progress(0.25, 'a quarter');
        return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    });
    await until(async () => (await run('tasks list', ['--state', 'running', '--queue', 'limited'])).lines.length === 1);
    const [running] = (await run('tasks list', ['--state', 'running', '--queue', 'limited'])).lines;
    await until(async () => {
      const { waiting } = await one('tasks show', [String(running!.id)]);
      return (waiting as { progress?: unknown }).progress;
    });
    for (const { id } of (await run('tasks list')).lines) await one('tasks show', [String(id)]);
    await run('queues list');
    await one('queues show', ['limited']);
    assert.ok((await run('queues history')).lines.some(({ queue }) => queue === undefined));
    await run('queues limits');
    await one('clients show', ['holding']);
    const { code, lines } = await run('tasks cancel', [later, String(running!.id), STRANGER, '--reason', 'not needed']);
    assert.deepEqual([code, lines.map(({ state }) => state)], [1, ['cancelled', 'running']]);
    await settled(String(running!.id));
    await one('tasks show', [later]);
    await one('tasks cancel', ['--queue', 'sums', '--yes']);
    await settled(choosy);
  });

  it('is the vocabulary of a broadcast', async () => {
    const { lines } = await run('enqueue', ['other', 'x', '--broadcast', '--wait']);
    assert.deepEqual(
      lines.map(({ client, state, children }) => [client, state, children]),
      [
        ['berlin', 'succeeded', undefined],
        [undefined, 'succeeded', { total: 1, succeeded: 1, failed: 0, cancelled: 0, expired: 0 }],
      ],
    );
    const shown = await Promise.all(lines.map(({ id }) => one('tasks show', [String(id)])));
    assert.equal(shown[0]!.parent, lines[1]!.id);
  });

  it('is the vocabulary of what changes queues and clients', async () => {
    await one('queues pause', ['paused', '--create']);
    await one('queues resume', ['paused']);
    await one('queues retain', ['paused', '--days', '1', '--max', '5', '--create']);
    await one('queues retain', ['paused', '--default']);
    await one('queues limit', ['paused', '--max-waiting', '5', '--max-running', '2', '--create']);
    await one('queues delete', ['other', '--dry-run']);
    await one('queues delete', ['paused', '--yes']);
    await one('queues purge', ['addressed', '--yes']);
    await one('clients drain', ['berlin']);
    await until(async () => (await one('clients show', ['berlin'])).status);
    await run('clients list');
    await one('clients resume', ['berlin']);
    await one('clients disconnect', ['berlin']);
    await run('acts');
    const refused = await run('clients disconnect', ['stranger']);
    assert.deepEqual([refused.code, refused.lines], [1, []]);
  });

  it('is the vocabulary of workers that the command line starts', async () => {
    const worker = startContact(['work', 'shells', '--id', 'shell', '--json', '--server', scene.address, '--', 'sh']);
    const { id: good } = await one('enqueue', ['shells', 'true']);
    const { id: bad } = await one('enqueue', ['shells', 'exit 3', '--attempts', '1']);
    await settled(String(good));
    await settled(String(bad));
    judge.check('work', await worker.stop());
    const away = (await run('clients list')).lines.find(({ client }) => client === 'shell');
    assert.equal(away!.connected, false);
    await one('clients show', ['shell']);
    await one('clients forget', ['shell']);
  });

  it('is the vocabulary of calls', async () => {
    await startCallee(scene.address);
    const body = (text: string): string => JSON.stringify({ body: Buffer.from(text).toString('base64') });
    await run('call', ['echo.Echo/Unary', body('hello')]);
    assert.equal((await run('call', ['echo.Echo/Unary', body('!status')])).code, 1);
    await run('call', ['echo.Echo/Unary', body('kept'), '--durable', '--detach']);
    await run('services list');
    await run('services list', ['echo.Echo']);
    await one('services describe', ['echo.Echo']);
    await one('services describe', ['echo.Echo/Unary', '--template']);
    await one('clients show', ['callee']);
    const address = await serveDirectly();
    const descriptors = join(folder, 'echo.binpb');
    writeFileSync(descriptors, describeEcho());
    const exposed = startContact([
      'expose',
      '--to',
      address,
      '--descriptors',
      descriptors,
      '--json',
      '--server',
      scene.address,
    ]);
    await exposed.waitFor(/"service":"echo.Echo"/);
    judge.check('expose', await exposed.stop());
  });

  it('is the vocabulary of a server and its store', async () => {
    await one('top');
    await one('health');
    await one('health', ['--service', 'contact.v1.TaskService']);
    await run('doctor');
    await one('bench', ['--tasks', '50']);
    const file = join(folder, 'copy.db');
    await one('backup', [file]);
    const restored = await one('restore', [file, '--store', `sqlite:${join(folder, 'restored.db')}`], []);
    assert.ok(Number(restored.taskCount) > 0);
    const full = await createScene({ store: `sqlite:${join(folder, 'full.db')}`, minFreeBytes: 2 ** 52 });
    await until(async () => (await one('top', [], ['--server', full.address])).server as { trouble?: string });
    await full.close();
  });

  it('is the vocabulary of profiles', () => showProfiles({ run, one }, folder));

  describe('of who may call', () => {
    let server: ServerProcess;

    before(async () => {
      const store = `sqlite:${join(folder, 'closed.db')}`;
      const clientCa = writeOddAuthorities(folder);
      server = await startServer({ store, args: ['--tls', 'auto', '--tls-name', 'localhost', ...clientCa] });
    });
    after(async () => void (await server?.stop()));

    it('is the vocabulary of credentials', () => showCredentials({ run, one }, { folder, server: server.address }));

    it('is the vocabulary of what goes wrong', async () => {
      const wrongPin = ['--server', server.address, '--tls-pin', 'A'.repeat(43)];
      const cases: readonly (readonly [code: number, name: string, args: Args, target?: Args])[] = [
        [3, 'tasks list', [], wrongPin],
        [3, 'tasks list', ['--connect-timeout', '100ms'], ['--server', '127.0.0.1:1']],
        [2, 'tasks list', ['--nonsense'], []],
        [2, 'tasks list', ['--limit', '0'], []],
        [2, 'enqueue', [], []],
        [2, 'enqueue', ['q', 'x', '--selector', '!!']],
        [1, 'tasks show', [STRANGER]],
        [1, 'whoami', [], ['--server', server.address, '--tls-ca', join(folder, 'closed.db.ca.pem')]],
      ];
      for (const [code, name, args, target] of cases) {
        const outcome = await run(name, args, target);
        assert.deepEqual([outcome.code, outcome.lines], [code, []], `${name} ${args.join(' ')}`);
      }
      const few = await createScene({ maxPayloadBytes: 1_024 });
      await few.work({ queues: ['q'], handler: () => '' });
      const lines = startContact(['enqueue', 'q', '--lines', '--json', '--server', few.address], {
        stdin: `short\n${'x'.repeat(2_000)}\nshort\n`,
      });
      const ended = await lines.ended;
      assert.equal(judge.check('enqueue', ended).length, 2);
      const { error } = JSON.parse(ended.stderr);
      assert.deepEqual([error.code, error.field, error.index], ['INVALID_ARGUMENT', 'PAYLOAD', 1]);
      await few.close();
    });
  });

  describe('as a whole', () => {
    it('has no type and no field that nobody prints', () => {
      assert.equal(judge.unseen().toSorted().join(' '), UNSEEN.toSorted().join(' '));
    });
  });
});
