import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { describe, it } from 'mocha';
import { CONTACT, cleanUpProcesses, runContact, startServer } from '../scene/process.ts';

/** Every write to it fails with ENOSPC. */
const FULL = '/dev/full';

describe('contact and a disk that is full', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  it('answers 1 when its output cannot be written, and says why', async () => {
    const server = await startServer();
    const target = ['--server', server.address];
    await runContact(['enqueue', 'sums', 'x', ...target]);
    for (const args of [
      ['tasks', 'list', ...target],
      ['tasks', 'list', '--json', ...target],
      ['queues', 'list', ...target],
      ['enqueue', 'sums', 'y', ...target],
      ['--help'],
      ['--version'],
    ]) {
      const stdio = ['ignore', openSync(FULL, 'w'), 'pipe'] as const;
      const { status, stderr } = spawnSync(process.execPath, [CONTACT, ...args], { stdio: [...stdio] });
      assert.equal(status, 1, args.join(' '));
      assert.match(String(stderr), /cannot write to stdout: ENOSPC/, args.join(' '));
    }
    await server.stop();
  });

  it('serves without a log', async () => {
    const child = spawn(process.execPath, [CONTACT, 'serve', '--listen', '127.0.0.1:0', '--store', 'memory:'], {
      stdio: ['ignore', 'pipe', openSync(FULL, 'w')],
    });
    const [line] = await once(child.stdout!, 'data');
    const [, address = ''] = /listening (\S+)/.exec(String(line)) ?? [];
    const { code } = await runContact(['enqueue', 'sums', 'x', '--server', address]);
    assert.equal(code, 0);
    child.kill('SIGTERM');
    const [status] = await once(child, 'exit');
    assert.equal(status, 0);
  });

  it('stores no task for an input that cannot be read', async () => {
    const server = await startServer();
    for (const flags of [[], ['--lines']]) {
      const stdio = [openSync('/tmp', 'r'), 'pipe', 'pipe'] as const;
      const args = ['enqueue', 'sums', ...(flags.length > 0 ? [] : ['-']), ...flags, '--server', server.address];
      const { status, stderr } = spawnSync(process.execPath, [CONTACT, ...args], { stdio: [...stdio] });
      assert.equal(status, 2);
      assert.match(String(stderr), /^contact: stdin is a directory, not a file$/m);
    }
    const { stdout } = await runContact(['tasks', 'list', '--server', server.address]);
    assert.equal(stdout, '');
    await server.stop();
  });
});
