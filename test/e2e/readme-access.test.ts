import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBlock } from '../checks/readme.ts';
import { createFolder } from '../scene/folder.ts';
import { CONTACT, cleanUpProcesses, findPort, startProgram, type TestProcess } from '../scene/process.ts';

const NOBODY = 65_534;
const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];

/** Another user of this machine, nobody, if there may be one and the checkout is no secret to it. */
function findOther(): number | undefined {
  const [command = '', ...args] = [...asNobody, 'test', '-r', CONTACT, '-a', '-x', process.execPath];
  if (process.getuid?.() === 0 && spawnSync(command, args).status === 0) return NOBODY;
  console.warn(
    '      SKIPPED in part: no other user may run what is in this folder, so the worker runs as the same one',
  );
  return undefined;
}

describe('README.md, on the internet', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  it('runs its six commands as they stand, the worker as another user', async () => {
    const other = findOther();
    const lines = findBlock('sh', '--tls auto').text.trimEnd().split('\n');
    assert.equal(lines.length, 6, 'more than six commands');
    const [mask = '', serve = '', makeJoin = '', work = '', makeToken = '', enqueue = ''] = lines;
    const [folder, away] = [createFolder(), createFolder()];
    const port = String(await findPort());
    // A command of this name, as it is once it was installed.
    writeFileSync(join(folder, 'contact'), `#!/bin/sh\nexec "${process.execPath}" "${CONTACT}" "$@"\n`, {
      mode: 0o755,
    });
    copyFileSync(join(folder, 'contact'), join(away, 'contact'));

    /** A line of the README, in a shell; only its port is another one. */
    function run(line: string, home: string, under: readonly string[] = []): TestProcess {
      const script = `cd "${home}"; ${mask}; ${line.replaceAll('50051', port).replace(/ &$/, '')}`;
      const [command = 'bash', ...args] = [...under, 'bash', '-c', script];
      const env = {
        HOME: home,
        PATH: `${home}:${process.env.PATH}`,
        XDG_STATE_HOME: '',
        XDG_CONFIG_HOME: '',
        CONTACT_SERVER: `127.0.0.1:${port}`,
      };
      return startProgram(command, args, { env, isGroup: true });
    }
    async function succeed(line: string): Promise<string> {
      const { code, stdout, stderr } = await run(line, folder).ended;
      assert.deepEqual([code, /warn|others can read|ps\)/.test(stderr)], [0, false], `${line}\n${stderr}`);
      return stdout;
    }

    const server = run(serve, folder);
    await server.waitFor(new RegExp(`^listening \\[::1\\]:${port}$`, 'm'), 'stdout');
    await succeed(makeJoin);
    // It is handed over to the user of the worker.
    copyFileSync(join(folder, 'join.txt'), join(away, 'join.txt'));
    chmodSync(join(away, 'join.txt'), 0o600);
    if (other !== undefined) for (const path of [away, join(away, 'join.txt')]) chownSync(path, other, other);
    const as = other === undefined ? [] : asNobody;
    const worker = run(work, away, as);
    await succeed(makeToken);
    assert.equal(await Promise.race([succeed(enqueue), worker.ended.then(({ stderr }) => stderr)]), 'HELLO');

    const credential = join(away, '.local', 'state', 'contact', 'robot-7.json');
    assert.equal(statSync(credential).mode & 0o777, 0o600);
    if (other !== undefined) assert.equal(statSync(credential).uid, other);
    for (const name of readdirSync(folder).filter((one) => one !== 'contact'))
      assert.equal(statSync(join(folder, name)).mode & 0o077, 0, name);
    await worker.stop('SIGKILL');
    await server.stop('SIGKILL');
  });
});
