import assert from 'node:assert/strict';
import { existsSync, lstatSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { runHere } from '../scene/command.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, runContact, startContact, startServer } from '../scene/process.ts';

/** Where it is when it is asked to end, by the file that is loaded then. */
const MOMENTS: Readonly<Record<string, RegExp>> = {
  'the program begins': /cli\/main\.ts/,
  'its command is loaded': /cli\/commands\/serve\.ts/,
  'the server is loaded': /server\/server\.ts/,
  'the store is loaded': /server\/store\/sqlite\/store\.ts/,
};
const FILES = Object.values(MOMENTS).map(({ source }) => source);

// It tells of those files alone: the socket to the test has room for some hundred lines that nobody has read yet, and
// a write that finds none fails.
const TELL_LOADS = `
import { registerHooks } from 'node:module';
import { writeSync } from 'node:fs';
registerHooks({
  load(url, context, next) {
    if (/${FILES.join('|')}/.test(url)) writeSync(2, 'loads ' + url + '\\n');
    return next(url, context);
  },
});`;

describe('contact serve', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  it('prints one line and ends with 0 on SIGTERM', async () => {
    const server = await startServer();
    const { code, stdout, stderr } = await server.stop();
    assert.equal(code, 0);
    assert.equal(stdout, `listening ${server.address}\n`);
    for (const line of stderr.trim().split('\n')) assert.equal(typeof JSON.parse(line).msg, 'string');
  });

  it('keeps its tasks from one process to the next, and a second process off the store', async () => {
    const path = join(createFolder(), 'contact.db');
    const store = `sqlite:${path}`;
    const first = await startServer({ store });
    const id = (await runHere(['enqueue', 'q', 'kept', '--server', first.address])).stdout.trim();
    const second = await runContact(['serve', '--listen', '127.0.0.1:0', '--store', store]);
    assert.equal(second.code, 1);
    assert.equal(second.stderr, `contact: store: ${path} is in use by process ${first.pid}\n`);
    await first.kill();
    const third = await startServer({ store });
    const shown = await runHere(['tasks', 'show', id, '--json', '--server', third.address]);
    assert.equal(JSON.parse(shown.stdout).payload, 'kept');
    await third.stop();
  });

  it('ends with 1, naming the file, when its lock or its database is removed', async () => {
    for (const ending of ['.lock', '']) {
      const path = join(createFolder(), 'contact.db');
      const server = await startServer({ store: `sqlite:${path}` });
      rmSync(path + ending);
      const { code, stderr } = await server.ended;
      assert.equal(code, 1);
      assert(stderr.trimEnd().split('\n').at(-1)!.startsWith(`contact: store: ${path}${ending} was removed`), stderr);
    }
  });

  it('keeps its log when it is stopped while the database is cut or gone, and does not begin anew', async () => {
    for (const [act, expected] of [
      [(path: string) => truncateSync(path), 'is empty but its log'],
      [(path: string) => rmSync(path), 'is gone but its log'],
    ] as const) {
      const path = join(createFolder(), 'contact.db');
      const store = `sqlite:${path}`;
      const server = await startServer({ store });
      await runHere(['enqueue', 'q', 'kept', '--server', server.address]);
      act(path);
      const { code, stderr } = await server.stop();
      assert.equal(code, 1, stderr);
      assert(stderr.includes(`contact: store: ${path} was `), stderr);
      const second = await runContact(['serve', '--listen', '127.0.0.1:0', '--store', store]);
      assert.equal(second.code, 1);
      assert(
        second.stderr.startsWith(`contact: store: ${path} ${expected} ${path}-wal is not: restore`),
        second.stderr,
      );
    }
  });

  it('says so when the address is in use', async () => {
    const server = await startServer();
    const second = await runContact(['serve', '--listen', server.address, '--store', 'memory:']);
    assert.equal(second.code, 1);
    assert.equal(second.stdout, '');
    assert.match(second.stderr, /cannot listen on 127\.0\.0\.1:\d+: the address is in use\n$/);
    await server.stop();
  });

  it('listens on a socket file, also after a SIGKILL, and its clients come back', async function () {
    this.timeout(120_000);
    const folder = createFolder();
    const address = `unix:${join(folder, 'contact.sock')}`;
    const store = `sqlite:${join(folder, 'contact.db')}`;
    const first = await startServer({ listen: address, store });
    assert.equal(first.address, address);
    assert.match(first.stderr, /"addresses":\["unix:/);
    const worker = startContact(['work', 'q', '--id', 'w', '--server', address, '--', 'cat']);
    await worker.waitFor(/connected to/);
    const one = await runHere(['enqueue', 'q', 'one', '--wait', '--server', address]);
    assert.deepEqual([one.code, one.stdout], [0, 'one']);
    const rival = await runContact(['serve', '--listen', address, '--store', 'memory:']);
    assert.equal(rival.code, 1);
    assert.match(rival.stderr, /^contact: listen: another process listens on \/.*contact\.sock$/m);

    await first.kill();
    assert.equal(lstatSync(join(folder, 'contact.sock')).isSocket(), true);
    const second = await startServer({ listen: address, store });
    const two = await runHere(['enqueue', 'q', 'two', '--wait', '--server', address]);
    assert.deepEqual([two.code, two.stdout], [0, 'two']);
    assert.equal((await worker.stop()).code, 0);
    assert.equal((await second.stop()).code, 0);
    assert.equal(existsSync(join(folder, 'contact.sock')), false);
    const gone = await runHere(['tasks', 'list', '--server', address, '--connect-timeout', '200ms']);
    assert.equal(gone.code, 3);
    assert.match(gone.stderr, /could not reach unix:\//);
  });

  it('listens on several addresses, and names each', async () => {
    const address = `unix:${join(createFolder(), 'a.sock')}`;
    const server = await startServer({ args: ['--listen', address] });
    const [first, second] = server.stdout
      .trim()
      .split('\n')
      .map((line) => line.replace('listening ', ''));
    assert.match(first!, /^127\.0\.0\.1:\d+$/);
    assert.equal(second, address);
    await runHere(['enqueue', 'q', 'x', '--server', first!]);
    const listed = await runHere(['tasks', 'list', '--json', '--server', address]);
    assert.equal(listed.stdout.trim().split('\n').length, 1);
    assert.equal((await server.stop()).code, 0);
  });

  it('ends at once on a second signal', async () => {
    const server = await startServer({ args: ['--shutdown-deadline', '60s'] });
    const worker = startContact(['work', 'q', '--server', server.address, '--', 'sleep', '30']);
    await worker.waitFor(/connected to/);
    await runHere(['enqueue', 'q', '', '--server', server.address]);
    const running = ['tasks', 'list', '--state', 'running', '--server', server.address];
    while (!(await runHere(running)).stdout.includes('running'));
    server.child.kill('SIGTERM');
    await server.waitFor(/stopping/, 'stderr');
    assert.equal((await server.stop('SIGINT')).code, 130);
    await worker.stop('SIGKILL');
  });

  it('ends with 0 on SIGTERM while it starts, wherever it is by then', async () => {
    for (const [moment, file] of Object.entries(MOMENTS)) {
      const store = `sqlite:${join(createFolder(), 'contact.db')}`;
      // It tells on stderr what it loads.
      const tell = `data:text/javascript,${encodeURIComponent(TELL_LOADS)}`;
      const options = { nodeArgs: ['--import', tell] };
      const server = startContact(['serve', '--listen', '127.0.0.1:0', '--store', store], options);
      await server.waitFor(new RegExp(`loads .*${file.source}`), 'stderr');
      const { code, signal, stderr } = await server.stop();
      assert.deepEqual([code, signal], [0, null], `${moment}: ${stderr}`);
    }
  });

  it('refuses an option that makes no sense', async () => {
    const { code, stderr } = await runContact(['serve', '--store', 'floppy:a', '--listen', '127.0.0.1:0']);
    assert.equal(code, 2);
    assert.match(stderr, /store/);
  });
});
