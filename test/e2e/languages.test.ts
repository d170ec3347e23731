import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import {
  type Admin,
  bytes,
  createAdmin,
  createProducer,
  type EnqueueOptions,
  type Producer,
  type Task,
  TaskState,
} from '../../client/index.ts';
import { silentLogger } from '../../client/options.ts';
import { AttemptEnd, type WatchTaskResponse } from '../../gen/index.ts';
import { atEnd, closeScene, use } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { buildWorkers, LANGUAGES, startLine, type WorkerKind } from '../scene/languages.ts';
import { cleanUpProcesses, type ServerProcess, startProgram, startServer, type TestProcess } from '../scene/process.ts';
import { type FaultProxy, startProxy } from '../scene/proxy.ts';
import { skipLoudly } from '../scene/skip.ts';
import { never, until } from '../scene/until.ts';

/** Intervals of a fraction of the real ones; small payloads, so that a silent line is soon overdue. */
const ARGS = ['--ping-interval', '500ms', '--max-payload', '8192', '--resume-window', '20s', '--log-level', 'warn'];
/** More than the longest build takes on two busy cores. */
const BUILD_MS = 480_000;

for (const language of LANGUAGES) {
  describe(`examples/${language.name}`, function () {
    this.timeout(isFull ? 300_000 : 120_000);
    let folder: string;
    let server: ServerProcess;
    let producer: Producer<Uint8Array | string>;
    let admin: Admin;
    let proxy: FaultProxy;

    before(async function () {
      this.timeout(BUILD_MS);
      if (!language.isInstalled()) skipLoudly(this, language.needs);
      folder = createFolder();
      await buildWorkers(language, folder);
    });

    beforeEach(async () => {
      server = await startServer({ store: `sqlite:${createFolder()}/contact.db`, args: ARGS });
      atEnd(() => server.stop('SIGKILL'));
      proxy = await startProxy(server);
      const connection = { server: server.address, logger: silentLogger, backoff: { baseMs: 20, capMs: 200 } };
      producer = use(createProducer({ ...connection, codec: bytes }));
      admin = use(createAdmin({ ...connection, patienceMs: 20_000 }));
    });
    afterEach(closeScene);
    cleanUpProcesses();

    async function start(worker: WorkerKind, client: string, queue: string): Promise<TestProcess> {
      // An assignment before `exec` is for what it runs, so that the line is the process that a signal reaches.
      const line = startLine(language, worker).replace(/^((?:\w+=\S+ +)*)/, '$1exec ');
      const program = startProgram('sh', ['-c', `cd "$0" && ${line} "$@"`, folder, proxy.address, client, queue]);
      atEnd(() => program.stop('SIGKILL'));
      await program.waitFor(/registered/);
      return program;
    }

    async function restart(signal: NodeJS.Signals): Promise<void> {
      const { address } = server;
      const store = server.child.spawnargs[server.child.spawnargs.indexOf('--store') + 1]!;
      await server.stop(signal);
      server = await startServer({ store, listen: address, args: ARGS });
    }

    const enqueue = async (queue: string, text: string, options: EnqueueOptions = {}): Promise<string> =>
      (await producer.enqueue(queue, text, options)).id;

    const settle = (id: string): Promise<Task> =>
      until(`${id} is settled`, async () => {
        const task = await admin.describeTask(id);
        return task.settledAt && task;
      });

    const isRunning = (id: string) => async (): Promise<boolean> => {
      const { waiting, state } = await admin.describeTask(id);
      return state === TaskState.RUNNING && waiting?.since !== undefined;
    };

    const textOf = ({ result }: Task): string => Buffer.from(result).toString();
    const endsOf = ({ attempts }: Task): [number, AttemptEnd][] => attempts.map(({ delivery, end }) => [delivery, end]);

    describe('plain_worker', () => {
      it('answers, tells a failure, and obeys the server about when to come again', async () => {
        await start('plain', 'p', 'texts');
        const [good, bad] = [await enqueue('texts', 'hello'), await enqueue('texts', 'fail', { maxAttempts: 1 })];
        assert.equal(textOf(await settle(good)), 'HELLO');
        const failed = await settle(bad);
        assert.deepEqual([failed.state, failed.error?.message], [TaskState.FAILED, 'it was told to fail']);
      });

      it('loses no task to servers that are killed, and tells each result once', async () => {
        const program = await start('plain', 'p', 'texts');
        const texts = Array.from({ length: 90 }, (_, n) => `text ${n}`);
        const calls = texts.map((text) => producer.call<Uint8Array>('texts', text, { deadlineMs: 100_000 }));
        const answers = Promise.all(calls.map(async (call) => Buffer.from(await call).toString()));
        answers.catch(() => {});
        for (const kills of [1, 2, 3]) {
          await until(
            `kill ${kills}`,
            () => (program.stdout.match(/^told \w*(STORED|DUPLICATE)/gm) ?? []).length >= 20 * kills,
          );
          await restart('SIGKILL');
        }
        assert.deepEqual(
          await answers,
          texts.map((text) => text.toUpperCase()),
        );
        assert.match(program.stdout, /^lost /m);
      });

      it('comes back over a line that was reset, and over one that was cut without a word', async () => {
        const program = await start('plain', 'p', 'texts');
        proxy.cut();
        assert.equal(textOf(await settle(await enqueue('texts', 'again'))), 'AGAIN');
        if (!isFull) return;
        proxy.swallow('toServer');
        proxy.swallow('toClient');
        proxy.accept();
        const id = await enqueue('texts', 'much later');
        assert.equal(textOf(await settle(id)), 'MUCH LATER');
        assert.match(program.stdout, /^lost /m);
      });
    });

    describe('full_worker', () => {
      it('tells its start, its progress and a log, and the result', async () => {
        await start('full', 'f', 'works');
        const id = await enqueue('works', '1000 hello');
        const told: WatchTaskResponse['event'][] = [];
        for await (const { event } of admin.watchTask(id)) told.push(event);
        const kinds = new Set(told.map((event) => event.case));
        for (const kind of ['task', 'progress'] as const) assert.ok(kinds.has(kind), `${[...kinds]}`);
        const task = await settle(id);
        assert.equal(textOf(task), 'HELLO');
        const [attempt] = task.attempts;
        assert.deepEqual(
          attempt!.log.map(({ number, text }) => [number, text]),
          [[1, 'hello has taken 1000 ms']],
        );
      });

      it('reads more than the server sends without receipts', async () => {
        await start('full', 'f', 'works');
        const ids: string[] = [];
        for (let n = 0; n < 200; n += 1) ids.push(await enqueue('works', `0 ${'x'.repeat(8_000)}`));
        for (const id of ids) assert.equal((await settle(id)).state, TaskState.SUCCEEDED);
      });

      it('stops what is cancelled, and what has taken too long, and goes on with others', async () => {
        const program = await start('full', 'f', 'works');
        const id = await enqueue('works', '600000 cancelled');
        await until('it runs', isRunning(id));
        await admin.cancelTasks({ ids: [id] }, 'nobody wants it');
        assert.equal((await settle(id)).state, TaskState.CANCELLED);
        await program.waitFor(/stopped nobody wants it/);
        const late = await Promise.all(
          [1, 2, 3, 4].map(() => enqueue('works', '600000 late', { timeoutMs: 300, maxAttempts: 1 })),
        );
        for (const one of late) assert.deepEqual(endsOf(await settle(one)), [[1, AttemptEnd.TIMED_OUT]]);
        assert.equal(textOf(await settle(await enqueue('works', '0 next'))), 'NEXT');
      });

      it('fails with words, and goes on from its checkpoint at the next attempt', async () => {
        await start('full', 'f', 'works');
        const { attempts, error } = await settle(
          await enqueue('works', '1000 fail', { maxAttempts: 2, backoff: { baseMs: 1, capMs: 1 } }),
        );
        assert.equal(error!.message, 'it was told to fail');
        const took = attempts.map(({ startedAt, endedAt }) => Number(endedAt!.seconds - startedAt!.seconds));
        assert.ok(took[1]! <= took[0]!, `${took}`);
        const [first, second] = attempts.map(({ log }) => log.at(-1)!.level);
        assert.ok(second! > first!, 'the second attempt says as a warning that it went on');
      });

      it('finishes what it has while it is drained, and takes more when that is over', async () => {
        const program = await start('full', 'f', 'works');
        const first = await enqueue('works', '1500 first');
        await until('it runs', isRunning(first));
        await admin.drainClient('f');
        await program.waitFor(/drain/);
        const second = await enqueue('works', '0 second');
        assert.equal(textOf(await settle(first)), 'FIRST');
        await never('a drained worker takes one', isRunning(second), 300);
        await admin.resumeClient('f');
        assert.equal(textOf(await settle(second)), 'SECOND');
      });

      it('keeps its task over a server that moves, and over one that is killed', async () => {
        const program = await start('full', 'f', 'works');
        for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
          const id = await enqueue('works', `4000 over ${signal}`, { maxAttempts: 1 });
          await until('it runs', isRunning(id));
          await restart(signal);
          const task = await settle(id);
          assert.deepEqual([textOf(task), endsOf(task)], [`OVER ${signal}`, [[1, AttemptEnd.SUCCEEDED]]]);
        }
        assert.match(program.stdout, /^moving/m);
        assert.match(program.stdout, /^registered resumed/m);
      });

      it('keeps its task over a line that is reset, and over one that is cut without a word', async () => {
        const program = await start('full', 'f', 'works');
        const breaks = {
          reset: () => proxy.cut(),
          silent: () => {
            proxy.swallow('toServer');
            proxy.swallow('toClient');
            proxy.accept();
          },
        };
        for (const [name, cut] of Object.entries(breaks)) {
          const id = await enqueue('works', `6000 ${name}`, { maxAttempts: 1 });
          await until('it runs', isRunning(id));
          cut();
          const task = await settle(id);
          assert.deepEqual([textOf(task), endsOf(task)], [name.toUpperCase(), [[1, AttemptEnd.SUCCEEDED]]]);
          // What was logged while it was away is there too.
          assert.equal(task.attempts[0]!.log.length, 1);
        }
        assert.equal((program.stdout.match(/^registered resumed/gm) ?? []).length >= 2, true, program.stdout);
      });

      it('leaves when it is told to: takes nothing more, finishes what runs, and ends with 0', async () => {
        const program = await start('full', 'f', 'works');
        const running = await enqueue('works', '1500 bye');
        await until('it runs', isRunning(running));
        program.child.kill('SIGTERM');
        await until('it takes nothing more', async () => {
          const { client } = await admin.describeClient('f');
          return client?.maxInFlight === 0;
        });
        const left = await enqueue('works', '0 left');
        const { code } = await program.ended;
        assert.equal(code, 0, program.stdout + program.stderr);
        assert.equal(textOf(await settle(running)), 'BYE');
        const { state, delivery } = await admin.describeTask(left);
        assert.deepEqual([state, delivery], [TaskState.READY, 0]);
      });
    });
  });
}
