import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { runHere } from '../scene/command.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, startProgram, startServer } from '../scene/process.ts';
import { findPython, generateStubs, PYTHON_NEEDS } from '../scene/python.ts';

const WORKER = join(ROOT, 'test', 'python', 'token_worker.py');

describe('a worker in Python that has a token', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  it('works over TLS by bare stubs, until it is revoked', async function () {
    const python = findPython();
    if (python === undefined) {
      console.warn(`    SKIPPED: ${PYTHON_NEEDS}`);
      return this.skip();
    }
    const folder = createFolder();
    generateStubs(folder, ['contact.proto']);
    const store = join(folder, 'contact.db');
    const server = await startServer({ store: `sqlite:${store}`, args: ['--tls', 'auto'] });
    const operator = ['--server', `unix:${store}.sock`];
    const rights = ['--role', 'worker', '--queue', 'default', '--client', 'shout-1'];
    const made = await runHere(['token', 'create', '--name', 'shout', ...rights, '--json', ...operator]);
    const { token, id } = JSON.parse(made.stdout);
    const file = join(folder, 'worker.token');
    writeFileSync(file, `${token}\n`, { mode: 0o600 });
    const args = ['-u', WORKER, server.address, file, `${store}.ca.pem`];
    const worker = startProgram(python, args, { env: { PYTHONPATH: folder } });
    const { stdout, stderr } = await runHere(['enqueue', 'default', 'hello', '--wait', ...operator]);
    assert.equal(stdout, 'HELLO', stderr);
    await runHere(['token', 'revoke', id, ...operator]);
    await worker.waitFor(/^ended UNAUTHENTICATED this credential was revoked$/m, 'stdout');
    await worker.ended;
    await server.stop();
  });
});
