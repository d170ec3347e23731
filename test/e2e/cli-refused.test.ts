import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { file_echo } from '../echo/gen/echo_pb.ts';
import { runHere } from '../scene/command.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, startServer } from '../scene/process.ts';

const TASK = '019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01';
const ANEW = /; an operator has to let this client in anew \(a credential file is to be moved away first\)\n/;
const FLAGS =
  /; --token-file, --credential-file and --profile are for that\. A credential file that the server has lost, .*\n/;

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
    assert.equal((await runHere(['token', 'revoke', JSON.parse(stdout).credential, ...operator])).code, 0);
    const commands = [
      ['tasks', 'show', TASK],
      ['tasks', 'watch', TASK],
      ['results', 'q'],
      ['backup', join(folder, 'copy.db')],
      ['services', 'list'],
      ['call', 'a.B/C', '{}'],
      ['call', 'contact.v1.AdminService/ListQueues', '{}'],
      ['enqueue', 'q', 'x'],
      ['enqueue', 'q', 'x', '--broadcast'],
      ['enqueue', 'q', 'x', '--wait'],
      ['work', 'q', '--', 'true'],
      ['top', '--once'],
    ];
    for (const command of commands) {
      const refuse = async (credential: readonly string[], words: RegExp): Promise<void> => {
        // What a worker runs comes last.
        const flagsAt = command.includes('--') ? command.indexOf('--') : command.length;
        const args = command.toSpliced(flagsAt, 0, '--server', server.address, ...credential);
        const { code, stderr } = await runHere(args);
        assert.match(stderr, words, command.join(' '));
        assert.doesNotMatch(stderr, /the options/);
        assert.equal(code, 1, `${command.join(' ')}: ${stderr}`);
      };
      await refuse([], FLAGS);
      await refuse(revoked, ANEW);
      if (command[0] === 'call' && command[1] !== 'a.B/C')
        await refuse(worker, /PERMISSION_DENIED: .*\n {2}"contact whoami" tells what this credential may; an operator/);
      else if (command[0] !== 'call' && command[0] !== 'work')
        await refuse(worker, /role|may not|allow|operator|observer/);
    }
    const asWorker = (...args: string[]) => runHere([...args, '--server', server.address, ...worker]);
    const files = join(folder, 'echo.binpb');
    writeFileSync(
      files,
      toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file_echo.proto] })),
    );
    const denied = await asWorker('call', 'echo.Echo/Unary', '{}', '--descriptors', files);
    assert.equal(denied.code, 1);
    assert.match(denied.stderr, /PERMISSION_DENIED: .*is no method for this caller\n {2}"contact whoami"/);
    await server.stop();
  });
});
