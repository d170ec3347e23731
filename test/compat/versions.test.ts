import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, runContact, startNode, startServer } from '../scene/process.ts';
import { skipLoudly } from '../scene/skip.ts';

/** The last commit without credentials: what docs/upgrading.md promises is tried with it until 0.1.0 has its tag. */
const BASELINE = '7382036c314dc85775e1060e8e5bf911ae8b240e';
const TREES = ['bin', 'cli', 'client', 'gen', 'package.json', 'server', 'shared', 'tunnel', 'wire'];
const SEEN = {
  sum: 5,
  retried: 4,
  later: 'later',
  states: ['flaky succeeded', 'later cancelled', 'sums succeeded'],
  queues: ['flaky', 'later', 'sums'],
  clients: ['compat'],
  hasVersion: true,
};

describe('the minor version before', function () {
  this.slow(10_000);
  let old: string;

  before(function () {
    const archive = spawnSync('git', ['archive', BASELINE, ...TREES], { cwd: ROOT, maxBuffer: 2 ** 28 });
    if (archive.status !== 0) skipLoudly(this, `needs the history of the repository, with ${BASELINE.slice(0, 7)}`);
    old = join(createFolder(), 'old');
    mkdirSync(old);
    const unpacked = spawnSync('tar', ['-x'], { cwd: old, input: archive.stdout });
    assert.equal(unpacked.status, 0, String(unpacked.stderr));
    symlinkSync(join(ROOT, 'node_modules'), join(old, 'node_modules'));
  });
  cleanUpProcesses();

  async function runProgram(root: string, address: string): Promise<object> {
    const program = join(import.meta.dirname, 'program.ts');
    const { stdout, stderr, code } = await startNode([program, join(root, 'client', 'index.ts'), address]).ended;
    assert.equal(code, 0, stderr);
    const { cancelled: _, ...seen } = JSON.parse(stdout) as Record<string, unknown>;
    return seen;
  }

  async function startOld(store: string): Promise<{ address: string; stop(): Promise<unknown> }> {
    const command = join(old, 'bin', 'contact.js');
    const server = startNode([command, 'serve', '--listen', '127.0.0.1:0', '--store', store]);
    const [, address = ''] = await server.waitFor(/^listening (\S+)$/m, 'stdout');
    return { address, stop: () => server.stop() };
  }

  it('has clients that work with the server of today', async () => {
    const server = await startServer();
    assert.deepEqual(await runProgram(old, server.address), SEEN);
    await server.stop();
  });

  it('has a server that works with the clients of today', async () => {
    const server = await startOld('memory:');
    assert.deepEqual(await runProgram(ROOT, server.address), SEEN);
    await server.stop();
  });

  it('has left a store that the server of today takes up', async () => {
    const store = `sqlite:${join(createFolder(), 'contact.db')}`;
    const first = await startOld(store);
    const enqueued = await runContact(['enqueue', 'kept', 'hello', '--server', first.address]);
    assert.equal(enqueued.code, 0, enqueued.stderr);
    await first.stop();
    const server = await startServer({ store });
    const listed = await runContact(['tasks', 'list', '--queue', 'kept', '--json', '--server', server.address]);
    assert.equal(listed.stdout.trim().split('\n').length, 1, listed.stderr);
    assert.match(listed.stdout, /"queue":"kept"/);
    await server.stop();
  });
});
