import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, startProgram, startServer, type TestProcess } from '../scene/process.ts';
import { skipLoudly } from '../scene/skip.ts';

const UNIT = join(ROOT, 'examples', 'deploy', 'contact.service');
/** What systemd does with its end of the socket: a line for each datagram, at once. */
const RECEIVER = `
import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print("bound", flush=True)
while True:
    told = receiver.recv(4096).decode().replace("\\n", " ")
    if told != "BARRIER=1":
        print(told, flush=True)
`;

const has = (command: string): boolean => spawnSync(command, ['--version']).error === undefined;

describe('contact serve under systemd', function () {
  this.slow(5_000);
  cleanUpProcesses();

  async function receive(folder: string): Promise<{ socket: string; receiver: TestProcess }> {
    const socket = join(folder, 'notify');
    const receiver = startProgram('python3', ['-c', RECEIVER, socket]);
    await receiver.waitFor(/^bound$/m);
    return { socket, receiver };
  }

  it('tells when it is ready, lives, reloads and stops', async function () {
    for (const command of ['python3', 'systemd-notify']) if (!has(command)) skipLoudly(this, `needs ${command}`);
    const { socket, receiver } = await receive(createFolder());
    // `exec` keeps the pid, which systemd tells the process that it watches.
    const server = await startServer({ env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '400000' } });
    await receiver.waitFor(/^READY=1 STATUS=serving, pid \d+$/m);
    assert.match(receiver.stdout, new RegExp(`pid ${server.pid}$`, 'm'));
    await receiver.waitFor(/(?:^WATCHDOG=1\n){3}/m);
    process.kill(server.pid, 'SIGHUP');
    await receiver.waitFor(/^RELOADING=1 MONOTONIC_USEC=\d+\n(?:WATCHDOG=1\n)*READY=1/m);
    assert.equal((await server.stop()).code, 0);
    await receiver.waitFor(/^STOPPING=1 STATUS=stopping$/m);
    await receiver.stop('SIGKILL');
  });

  it('is not watched for a process that it is not, and needs nobody who listens', async function () {
    if (!has('systemd-notify')) skipLoudly(this, 'needs systemd-notify');
    const env = { NOTIFY_SOCKET: join(createFolder(), 'nobody'), WATCHDOG_USEC: '100000', WATCHDOG_PID: '1' };
    const server = await startServer({ env });
    const { code, stderr } = await server.stop();
    assert.equal(code, 0);
    assert.equal(stderr.match(/systemd cannot be told/g)?.length, 1, stderr);
  });

  it('has a unit that systemd takes, and that keeps from the system what it does not need', function () {
    if (!has('systemd-analyze')) skipLoudly(this, 'needs systemd-analyze');
    const folder = createFolder();
    const unit = join(folder, 'contact.service');
    copyFileSync(UNIT, unit);
    // The command is looked for where the unit says, and is not installed here.
    writeFileSync(unit, readFileSync(unit, 'utf8').replace('/usr/local/bin/contact', '/bin/true'));
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' });
    assert.equal(
      verified.stderr
        .split('\n')
        .filter((line) => line.includes('contact.service'))
        .join('\n'),
      '',
    );
    const judged = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', unit], {
      encoding: 'utf8',
    });
    const [, exposure = ''] = /Overall exposure level for contact\.service: ([\d.]+)/.exec(judged.stdout) ?? [];
    if (exposure === '') skipLoudly(this, `systemd-analyze security says ${judged.stderr.trim()}`);
    assert.ok(Number(exposure) <= 2, `exposure level ${exposure}`);
  });
});
