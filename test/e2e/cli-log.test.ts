import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { createAdmin } from '../../client/index.ts';
import { TaskService } from '../../gen/index.ts';
import { ask, connect } from '../scene/clients.ts';
import { runHere } from '../scene/command.ts';
import { closeScene, use } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { CONTACT, cleanUpProcesses, runContact, startServer } from '../scene/process.ts';
import { connectTo } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const readLines = (path: string): Record<string, unknown>[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

/** A server whose stderr is what nobody reads. */
async function startUnheard(stderr: 'pipe' | number, args: readonly string[] = []) {
  const serve = [CONTACT, 'serve', '--listen', '127.0.0.1:0', '--store', 'memory:', ...args];
  const child: ChildProcess = spawn(process.execPath, serve, { stdio: ['ignore', 'pipe', stderr] });
  const [line] = await once(child.stdout!, 'data');
  return { child, address: /listening (\S+)/.exec(String(line))![1]! };
}

async function operate(address: string, count: number): Promise<void> {
  const admin = use(createAdmin(connectTo(address)));
  await admin.pauseQueue('q', { create: true });
  for (let n = 0; n < count; n += 100) {
    await Promise.all(Array.from({ length: 100 }, () => admin.pauseQueue('q')));
  }
}

describe('the log of contact serve', function () {
  this.timeout(120_000);
  cleanUpProcesses();
  afterEach(closeScene);

  it('stops nobody when its reader is stuck', async () => {
    const { child, address } = await startUnheard('pipe');
    await operate(address, 1_500);
    child.kill('SIGTERM');
    const [status] = await once(child, 'exit');
    assert.equal(status, 0);
  });

  it('stops nobody when its reader has gone, or its disk is full', async () => {
    for (const stderr of ['pipe', openSync('/dev/full', 'w')] as const) {
      const { child, address } = await startUnheard(stderr, ['--audit-log', '/dev/full']);
      child.stderr?.destroy();
      await operate(address, 100);
      child.kill('SIGTERM');
      const [status] = await once(child, 'exit');
      assert.equal(status, 0);
    }
  });

  it('has a file of its own for what operators do, for this user alone, which is opened anew on SIGHUP', async () => {
    const file = join(createFolder(), 'audit.log');
    const server = await startServer({ args: ['--audit-log', file, '--log-level', 'silent'] });
    const act = (...args: string[]) => runHere([...args, '--server', server.address]);
    await act('queues', 'pause', 'q', '--create');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    renameSync(file, `${file}.1`);
    server.child.kill('SIGHUP');
    await until('the new file', () => {
      try {
        return statSync(file).size === 0;
      } catch {
        return false;
      }
    });
    await act('queues', 'resume', 'q');
    assert.deepEqual(
      [`${file}.1`, file].map((path) => readLines(path).map(({ action, queue, outcome }) => [action, queue, outcome])),
      [[['PauseQueue', 'q', 'ok']], [['ResumeQueue', 'q', 'ok']]],
    );
    const { stderr } = await server.stop();
    assert.equal(stderr, '');
  });

  it('has a pace in that file too for what others ask for in vain, and a line with how many it left out', async () => {
    const folder = createFolder();
    const [file, socket] = [join(folder, 'audit.log'), join(folder, 'operators.sock')];
    const args = ['--auth', 'on', '--operator-socket', socket, '--audit-log', file, '--log-level', 'silent'];
    const server = await startServer({ args });
    const create = ['token', 'create', '--name', 'web', '--role', 'producer', '--queue', '*'];
    const { stdout: token } = await runHere([...create, '--server', `unix:${socket}`]);
    const clients = connect(server, {}, token.trim());
    const inVain = { filter: { queues: ['none'] } };
    for (let n = 0; n < 60; n++) await ask(clients, TaskService.method.cancelTasks, inVain);
    await server.stop();
    const lines = readLines(file);
    const told = lines.filter(({ action }) => action === 'CancelTasks').length;
    const left = lines.flatMap(({ unlogged }) => (unlogged ? [(unlogged as { operator: number }).operator] : []));
    assert.ok(told >= 20 && left.length > 0, `${told} lines, ${left} left out`);
    assert.equal(
      left.reduce((sum, one) => sum + one, told),
      60,
    );
    assert.ok(lines.every(({ audit }) => audit === true));
  });

  it('keeps a server from starting whose audit log cannot be opened', async () => {
    const folder = createFolder();
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const path of [join(folder, 'no', 'audit.log'), pipe]) {
      const { code, stderr } = await runContact(['serve', '--listen', '127.0.0.1:0', '--audit-log', path]);
      assert.equal(code, 1);
      assert.match(stderr, /^contact: .* cannot be opened for the audit log: E/);
    }
  });
});
