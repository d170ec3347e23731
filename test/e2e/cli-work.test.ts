import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import {
  type Admin,
  createAdmin,
  createProducer,
  type EnqueueOptions,
  type Producer,
  TaskFailed,
  TaskState,
} from '../../client/index.ts';
import { runHere } from '../scene/command.ts';
import { createFolder } from '../scene/folder.ts';
import {
  cleanUpProcesses,
  isRunning,
  type ServerProcess,
  startContact,
  startServer,
  type TestProcess,
} from '../scene/process.ts';
import { until } from '../scene/until.ts';

describe('contact work', function () {
  this.timeout(120_000);
  let server: ServerProcess;
  let producer: Producer<unknown>;
  let admin: Admin;
  let shell: TestProcess;

  /** Payloads of queue `shell` are scripts. */
  function call(script: string, options: EnqueueOptions = {}): Promise<string> {
    return producer
      .call<Uint8Array>('shell', script, { ...options, maxAttempts: 1 })
      .then((bytes) => Buffer.from(bytes).toString());
  }

  async function callToFail(script: string): Promise<TaskFailed> {
    const failed: unknown = await call(script).catch((error: unknown) => error);
    assert.ok(failed instanceof TaskFailed, String(failed));
    return failed;
  }

  async function startWorker(queue: string, ...command: string[]): Promise<TestProcess> {
    const options = ['--kill-after', '300ms', '--server', server.address];
    const worker = startContact(['work', queue, ...options, '--', ...command]);
    await worker.waitFor(/connected to/);
    return worker;
  }

  function isInState(id: string, state: TaskState): () => Promise<boolean> {
    return async () => (await admin.describeTask(id)).state === state;
  }

  before(async () => {
    server = await startServer({ args: ['--max-result', '100000', '--cancel-grace', '20s'] });
    producer = createProducer({
      server: server.address,
      codec: {
        contentType: 'text/plain',
        encode: (value: unknown) => Buffer.from(String(value)),
        decode: (bytes) => bytes.slice(),
      },
    });
    admin = createAdmin({ server: server.address });
    const options = ['--concurrency', '4', '--kill-after', '300ms', '--server', server.address];
    shell = startContact(['work', 'shell', ...options, '--', 'sh']);
    await shell.waitFor(/connected to/);
  });

  after(async () => {
    await producer.close();
    await admin.close();
    assert.equal((await shell.stop()).code, 0);
    assert.equal((await server.stop()).code, 0);
  });
  cleanUpProcesses();

  it('gives the payload on stdin and takes stdout as the result', async () => {
    assert.equal(await call('printf "a\\nb"'), 'a\nb');
  });

  it('tells the command its task', async () => {
    const line = await call('echo $CONTACT_QUEUE $CONTACT_ATTEMPT $CONTACT_TASK_ID');
    assert.match(line, /^shell 1 [0-9a-f-]{36}\n$/);
  });

  it('tells it the metadata, how many attempts there are, and what no variable can have', async () => {
    const script =
      'echo "$CONTACT_TASK_QUEUE $CONTACT_TASK_ATTEMPT/$CONTACT_TASK_MAX_ATTEMPTS $CONTACT_TASK_META_order"';
    const worker = await startWorker('told', 'sh', '-c', `${script}; echo "$CONTACT_TASK_METADATA"`);
    const metadata = { order: '$(id) `id` "7"', 'order-id': '8' };
    const result = await producer.call<Uint8Array>('told', '', { metadata, maxAttempts: 3 });
    const [line, json = ''] = Buffer.from(result).toString().split('\n');
    assert.equal(line, 'told 1/3 $(id) `id` "7"');
    assert.deepEqual(JSON.parse(json), metadata);
    assert.match(worker.stderr, /^metadata order-id: no variable can have it, CONTACT_TASK_METADATA has it$/m);
    await worker.stop();
  });

  it('does not mind a command that reads nothing of a large payload', async () => {
    const worker = await startWorker('deaf', 'echo', 'done');
    const result = await producer.call<Uint8Array>('deaf', 'x'.repeat(1_000_000), { maxAttempts: 1 });
    assert.equal(Buffer.from(result).toString(), 'done\n');
    await worker.stop();
  });

  it('fails a task whose command writes too much, without another try', async () => {
    const { error } = await callToFail('yes');
    assert.deepEqual(error, { code: 'TOO_LARGE', message: 'stdout is larger than 100000 bytes' });
  });

  it('fails a task with the end of stderr as its message', async () => {
    const { error } = await callToFail(`echo first >&2; printf '\\033[31mlast\\033[0m\\n' >&2; exit 7`);
    assert.deepEqual(error, { code: 'EXIT_7', message: 'first\nlast' });
    assert.deepEqual((await callToFail('exit 9')).error, { code: 'EXIT_9', message: 'exit code 9' });
  });

  it('names the signal that a command died of', async () => {
    const { error } = await callToFail('kill -SEGV $$');
    assert.deepEqual(error, { code: 'SIGSEGV', message: 'killed by SIGSEGV' });
  });

  it('leaves no child of a command that has exited', async () => {
    const pid = (await call('sleep 60 & echo $!')).trim();
    await until(() => !isRunning(Number(pid)));
  });

  for (const [what, trap] of [
    ['ends', ''],
    ['kills after a while', "trap '' TERM;"],
  ] as const) {
    it(`${what} a command and its children when the task is cancelled`, async () => {
      const file = join(createFolder(), 'pid');
      const { id } = await producer.enqueue('shell', `${trap} sleep 60 & echo $! > ${file}; wait`);
      await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
      const pid = readFileSync(file, 'utf8').trim();
      assert.equal(isRunning(Number(pid)), true);
      await admin.cancelTasks({ ids: [id] });
      await until(isInState(id, TaskState.CANCELLED));
      assert.equal(isRunning(Number(pid)), false);
    });
  }

  it('does not start with a command that is not there', async () => {
    const { code, stderr } = await runHere(['work', 'q', '--server', server.address, '--', 'no-such-command']);
    assert.equal(code, 1);
    assert.equal(stderr, 'contact: command not found: no-such-command\n');
  });

  it('fails a task clearly when the command has gone since', async () => {
    const file = join(createFolder(), 'command');
    writeFileSync(file, '#!/bin/sh\n', { mode: 0o755 });
    const worker = await startWorker('gone', file);
    rmSync(file);
    const failed: unknown = await producer.call('gone', '', { maxAttempts: 1 }).catch((error: unknown) => error);
    assert.ok(failed instanceof TaskFailed);
    assert.deepEqual(failed.error, { code: 'COMMAND_NOT_FOUND', message: `command not found: ${file}` });
    await worker.stop();
  });

  it('drains on SIGTERM: finishes what runs and takes nothing more', async () => {
    const worker = await startWorker('drain', 'sh');
    const file = join(createFolder(), 'go');
    const running = producer.call<Uint8Array>('drain', `until [ -e ${file} ]; do sleep 0.02; done; echo finished`);
    await until(async () => (await admin.listTasks({ queues: ['drain'], states: ['running'] })).tasks.length === 1);
    worker.child.kill('SIGTERM');
    await worker.waitFor(/draining/, 'stderr');
    const { id } = await producer.enqueue('drain', 'echo late');
    writeFileSync(file, '');
    assert.equal(Buffer.from(await running).toString(), 'finished\n');
    assert.equal((await worker.ended).code, 0);
    assert.equal((await admin.describeTask(id)).state, TaskState.READY);
  });

  it('gives what runs back on a second SIGTERM, which burns an attempt', async () => {
    const worker = await startWorker('back', 'sh');
    const file = join(createFolder(), 'pid');
    const { id } = await producer.enqueue('back', `echo $$ > ${file}; sleep 60; echo`);
    await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
    worker.child.kill('SIGTERM');
    await worker.waitFor(/draining/, 'stderr');
    assert.equal((await worker.stop()).code, 0);
    assert.equal((await admin.describeTask(id)).state, TaskState.READY);
    assert.equal((await admin.describeTask(id)).attempt, 1);
    assert.equal(isRunning(Number(readFileSync(file, 'utf8'))), false);
  });

  for (const [signal, times, exitCode] of [
    ['SIGHUP', 2, 0],
    ['SIGQUIT', 2, 0],
    ['SIGABRT', 1, 134],
    ['SIGUSR2', 1, 140],
    ['SIGALRM', 1, 142],
    ['SIGXCPU', 1, 152],
  ] as const) {
    it(`leaves no command running when ${signal} ends it`, async () => {
      const queue = signal.toLowerCase();
      const worker = await startWorker(queue, 'sh');
      const file = join(createFolder(), 'pids');
      // A command that would rather go on, and a child of its own.
      const script = `trap '' TERM HUP QUIT ABRT USR2 ALRM XCPU; sleep 60 & echo $$ $! > ${file}; wait; sleep 60`;
      await producer.enqueue(queue, script);
      await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
      const pids = readFileSync(file, 'utf8').trim().split(' ').map(Number);
      assert.ok(pids.length === 2 && pids.every(isRunning));
      worker.child.kill(signal);
      if (times === 2) {
        await worker.waitFor(/draining/, 'stderr');
        assert.ok(pids.every(isRunning));
        worker.child.kill(signal);
      }
      const ended = await worker.ended;
      assert.deepEqual([ended.code, ended.signal], [exitCode, null]);
      await until(() => !pids.some(isRunning));
    });
  }

  it('prints a line for each task with --json', async () => {
    const worker = startContact(['work', 'lines', '--json', '--server', server.address, '--', 'sh']);
    await producer.enqueue('lines', 'true');
    await producer.enqueue('lines', 'exit 1', { maxAttempts: 1 });
    await worker.waitFor(/^(?:.*\n){2}/, 'stdout');
    const lines = worker.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ state }) => state),
      ['succeeded', 'failed'],
    );
    assert.equal(lines[1].error.code, 'EXIT_1');
    await worker.stop();
  });
});
