import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runHere } from '../scene/command.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, startServer } from '../scene/process.ts';

const TASK = '019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01';
const ANEW = /; an operator has to let this client in anew\n/;
const FLAGS = /; --token-file, --credential-file and --profile are for that\n/;

describe('a command whose caller is refused', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  it('says what to do and ends with 1, whether it asks once or reads a stream', async () => {
    const folder = createFolder();
    const server = await startServer({ store: `sqlite:${join(folder, 'contact.db')}`, args: ['--auth', 'on'] });
    const operator = ['--token-file', join(folder, 'contact.db.operator-token'), '--server', server.address];
    const draw = async (name: string, role: string): Promise<readonly string[]> => {
      const rights = role === 'worker' ? ['--client', 'w'] : [];
      const args = ['token', 'create', '--name', name, '--role', role, '--queue', 'q', ...rights, ...operator];
      const { code, stdout, stderr } = await runHere(args);
      assert.equal(code, 0, stderr);
      writeFileSync(join(folder, name), stdout, { mode: 0o600 });
      return ['--token-file', join(folder, name)];
    };
    const worker = await draw('worker', 'worker');
    const revoked = await draw('revoked', 'observer');
    const { stdout } = await runHere(['whoami', '--json', '--server', server.address, ...revoked]);
    assert.equal((await runHere(['token', 'revoke', JSON.parse(stdout).credentialId, ...operator])).code, 0);
    const commands = [
      ['tasks', 'show', TASK],
      ['tasks', 'watch', TASK],
      ['results', 'q'],
      ['backup', join(folder, 'copy.db')],
      ['services', 'list'],
      ['call', 'a.B/C', '{}'],
    ];
    for (const command of commands) {
      const refuse = async (credential: readonly string[], words: RegExp): Promise<void> => {
        const { code, stderr } = await runHere([...command, '--server', server.address, ...credential]);
        assert.match(stderr, words, command.join(' '));
        assert.doesNotMatch(stderr, /the options/);
        assert.equal(code, 1, `${command.join(' ')}: ${stderr}`);
      };
      await refuse([], FLAGS);
      await refuse(revoked, ANEW);
      if (command[0] !== 'services' && command[0] !== 'call')
        await refuse(worker, /role|may not|allow|operator|observer/);
    }
    await server.stop();
  });
});
