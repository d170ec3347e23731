import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, runContact, startServer } from '../scene/process.ts';

describe('contact health', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  it('answers 0 of a server that serves, 1 of one that does not, 3 of one that is not there', async () => {
    const server = await startServer();
    const target = ['--server', server.address];
    const all = await runContact(['health', ...target]);
    assert.deepEqual([all.code, all.stdout, all.stderr], [0, 'serving\n', '']);
    const one = await runContact(['health', '--service', 'contact.v1.TaskService', '--json', ...target]);
    assert.deepEqual([one.code, one.stdout], [0, '{"serving":true,"service":"contact.v1.TaskService"}\n']);
    const unknown = await runContact(['health', '--service', 'nobody', ...target]);
    assert.deepEqual([unknown.code, unknown.stdout], [1, '']);
    assert.match(unknown.stderr, /^contact: service: no service nobody$/m);
    server.child.kill('SIGSTOP');
    const silent = await runContact(['health', '--timeout', '300ms', ...target]);
    assert.deepEqual([silent.code, silent.stdout], [3, '']);
    assert.match(silent.stderr, /^contact: could not reach \S+ within 0\.3 s: /m);
    server.child.kill('SIGCONT');
    await server.stop();
    assert.equal((await runContact(['health', ...target])).code, 3);
  });

  it('answers 1 of a server that refuses tasks for want of disk', async () => {
    const store = `sqlite:${createFolder()}/test.db`;
    const server = await startServer({ store, args: ['--min-free', String(Number.MAX_SAFE_INTEGER)] });
    const told = await runContact(['health', '--server', server.address]);
    assert.deepEqual([told.code, told.stdout], [1, 'not serving\n']);
    await server.stop();
  });
});
