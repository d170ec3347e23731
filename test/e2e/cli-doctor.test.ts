import assert from 'node:assert/strict';
import { chmodSync, closeSync, openSync, readdirSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { createScene, type Scene } from '../scene/commandline.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, runContact, startServer } from '../scene/process.ts';
import { createTestAuthority, writePair } from '../scene/tlsfiles.ts';
import { until } from '../scene/until.ts';

interface Told {
  readonly check: string;
  readonly level: string;
  readonly message: string;
  readonly advice: string;
}

function parse(stdout: string): Told[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('contact doctor', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  describe('of a server', () => {
    let scene: Scene;
    before(async () => {
      scene = await createScene();
    });
    after(() => scene.close());

    it('finds what is wrong in what it sees, says what to do, and ends with 1', async () => {
      await scene.producer.enqueue('alone', 'x');
      await scene.producer.enqueue('later', 'x', { delayMs: 3_600_000 });
      await scene.admin.setQueueLimits('later', { maxWaiting: 1, maxRunning: 0 });
      await scene.admin.pauseQueue('paused', { create: true });
      await scene.work({ queues: ['served'], clientId: 'robot-7', handler: (payload) => payload });
      await scene.producer.enqueue('served', 'x', { clientId: 'nobody' });
      await scene.admin.drainClient('robot-7');
      const { code, stdout, stderr } = await scene.contact('doctor', '--json');
      assert.deepEqual([code, stderr], [1, '']);
      const found = parse(stdout).filter(({ level }) => level !== 'ok');
      assert.deepEqual(
        found.map(({ level, check, message }) => `${level} ${check}: ${message}`),
        [
          'note authentication: whoever reaches the server may do everything',
          'wrong workers: alone: 1 task waits, and nobody takes it',
          'wrong routes: served: 1 task waits for clients that are not connected, or labels that nobody has',
          'wrong limits: later: 1 of 1 tasks wait that may',
          'note paused: paused is paused, 0 tasks wait',
          'note drained: robot-7 is drained: it is given no tasks',
        ],
      );
      assert.ok(found.every(({ advice }) => advice !== ''));
      const text = await scene.contact('doctor');
      assert.match(
        text.stdout,
        /^WRONG {2}workers +alone: 1 task waits.*\n +start a worker: contact work alone -- COMMAND$/m,
      );
      assert.match(text.stdout, /^ok {5}server +127\.0\.0\.1:\d+ answers in \d+ ms$/m);
    });
  });

  it('ends with 0 of a server with which nothing is wrong, and with 3 of none', async () => {
    const store = join(createFolder(), 'test.db');
    const server = await startServer({ store: `sqlite:${store}` });
    const target = ['--server', server.address];
    const well = await runContact(['doctor', ...target, '--store', store, '--integrity']);
    assert.equal(well.code, 0, well.stdout);
    assert.match(well.stdout, /^ok {5}integrity +\S+test\.db is whole$/m);
    assert.match(well.stdout, /^ok {5}clock +both clocks tell the same time$/m);
    await server.stop();
    const none = await runContact(['doctor', ...target, '--timeout', '500ms']);
    assert.equal(none.code, 3);
    assert.match(none.stdout, /^WRONG {2}server +\S+ cannot be reached: /m);
  });

  it('tells of a certificate that is not trusted, and of one above it that is not sent', async () => {
    const folder = createFolder();
    const authority = createTestAuthority();
    const one = authority.sign('one', { names: ['127.0.0.1'] });
    const { tlsCert, tlsKey } = writePair(folder, one);
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, authority.cert);
    const server = await startServer({ args: ['--tls-cert', tlsCert, '--tls-key', tlsKey, '--auth', 'off'] });
    const doctor = async (flag: string, file: string) => {
      const { code, stdout } = await runContact(['doctor', '--json', '--server', server.address, flag, file]);
      const [found] = parse(stdout).filter(({ level, check }) => level !== 'ok' && /certificate|server/.test(check));
      return [code, found?.level, found?.message];
    };
    const missing = 'the certificate of CN=authority of a test, who has signed the last one that it sends';
    assert.deepEqual(await doctor('--tls-ca', ca), [0, 'note', `the server does not send ${missing}`]);
    const [code, level, what] = await doctor('--tls-ca', tlsCert);
    assert.deepEqual([code, level], [3, 'wrong']);
    assert.match(
      String(what),
      /^could not reach .*: CN=one is signed by CN=authority of a test \(is that .* --tls-ca\?/,
    );
    // The server takes it within a moment, and has its clients go on.
    writeFileSync(tlsCert, Buffer.concat([one.cert, authority.cert]));
    await until('the whole chain is sent', async () => (await doctor('--tls-ca', ca))[2] === undefined);
    await server.stop();
  });

  it('tells of authorities of clients that let nobody in, and of its own certificate that has ended', async () => {
    const folder = createFolder();
    const authority = createTestAuthority();
    const { tlsCert, tlsKey } = writePair(folder, authority.sign('one', { names: ['127.0.0.1'] }));
    const path = (name: string): string => join(folder, name);
    writeFileSync(path('clients.pem'), Buffer.concat([authority.cert, authority.sign('a leaf').cert]));
    writeFileSync(path('ca.pem'), authority.cert);
    for (const [name, days] of [
      ['good', 30],
      ['ended', -1],
    ] as const) {
      const { cert, key } = authority.sign('me', { purpose: 'client', days });
      writeFileSync(path(`${name}.pem`), cert);
      writeFileSync(path(`${name}.key`), key, { mode: 0o600 });
    }
    const tls = ['--tls-cert', tlsCert, '--tls-key', tlsKey, '--tls-client-ca', path('clients.pem')];
    const server = await startServer({ args: [...tls, '--auth', 'off'] });
    const doctor = async (name: string) => {
      const own = ['--tls-cert', path(`${name}.pem`), '--tls-key', path(`${name}.key`), '--tls-ca', path('ca.pem')];
      const { code, stdout } = await runContact(['doctor', '--json', '--server', server.address, ...own]);
      return { code, found: parse(stdout).filter(({ level }) => level === 'wrong') };
    };
    const good = await doctor('good');
    assert.deepEqual([good.code, good.found.length], [1, 1], JSON.stringify(good));
    assert.match(good.found[0]!.message, /^CN=a leaf in \S+clients\.pem is no authority/);
    const ended = await doctor('ended');
    assert.deepEqual([ended.code, ended.found.length], [3, 2]);
    assert.match(
      ended.found[0]!.message,
      /the certificate of this client, CN=me of .* has ended on .*: have it renewed/,
    );
    assert.match(ended.found[1]!.message, /^CN=me in \S+ended\.pem has ended on .*: servers refuse it$/);
    const { stderr } = await server.stop();
    // What a command has looked at is no handshake that failed.
    assert.doesNotMatch(stderr, /ECONNRESET/);
    assert.match(stderr, /the certificate of a client was refused: CERT_HAS_EXPIRED/);
  });

  it('tells of limits of all tasks and queues before they are reached, and which flag raises them', async () => {
    const server = await startServer({ args: ['--max-waiting-tasks', '5', '--max-queues', '5'] });
    const target = ['--server', server.address];
    const limits = async () => {
      const { code, stdout } = await runContact(['doctor', '--json', ...target]);
      const found = parse(stdout).filter(({ check }) => check === 'limits');
      return { code, found: found.map(({ level, message, advice }) => `${level}: ${message} (${advice})`) };
    };
    for (const queue of ['a', 'b', 'c']) assert.equal((await runContact(['enqueue', queue, 'x', ...target])).code, 0);
    assert.deepEqual((await limits()).found, []);
    assert.equal((await runContact(['enqueue', 'd', 'x', ...target])).code, 0);
    const { code, found } = await limits();
    assert.deepEqual([code, found.length], [1, 2], found.join('\n'));
    assert.match(
      found[0]!,
      /^wrong: 4 of 5 waiting tasks are used \(further tasks are refused: .* --max-waiting-tasks/,
    );
    assert.match(found[1]!, /^wrong: 4 of 5 queues are used \(tasks of further queues are refused: .* --max-queues\)$/);
    await server.stop();
  });

  it('says why a server refuses tasks', async () => {
    const store = `sqlite:${createFolder()}/test.db`;
    const server = await startServer({ store, args: ['--min-free', String(Number.MAX_SAFE_INTEGER)] });
    const { code, stdout } = await runContact(['doctor', '--server', server.address]);
    assert.equal(code, 1);
    assert.match(stdout, /^WRONG {2}tasks +new tasks are refused: store: too little disk is free for new tasks$/m);
    assert.match(stdout, /^WRONG {2}disk +.* are free on its disk$/m);
    await server.stop();
  });

  it('knows which files beside a store are for its owner alone, keys among them, and which anybody may read', async () => {
    const folder = createFolder();
    const file = join(folder, 'contact.db');
    const server = await startServer({ store: `sqlite:${file}`, args: ['--tls', 'auto'] });
    const made = readdirSync(folder);
    await server.stop();
    const endings = made.map((name) => name.slice('contact.db'.length)).filter((ending) => ending !== '.lock-journal');
    // A file that is new has to be told of in shared/storefiles.ts, and what it is worth in docs/threats.md.
    assert.deepEqual(endings.sort(), [
      ...['', '-shm', '-wal', '.ca-key.pem', '.ca.pem', '.lock', '.operator-token', '.origin', '.pid', '.sock'],
      '.tls.pem',
    ]);
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o644);
    const { code, stdout } = await runContact(['doctor', '--store', file, '--json']);
    const open = parse(stdout).filter(({ check }) => check === 'permissions');
    const named = open.map(({ advice }) => advice.replace(/.*contact\.db/, '')).sort();
    assert.equal(code, 1);
    for (const ending of ['', '.ca-key.pem', '.operator-token', '.tls.pem']) assert.ok(named.includes(ending), ending);
    for (const ending of ['.ca.pem', '.lock', '.pid', '.sock']) assert.ok(!named.includes(ending), ending);
  });

  it('looks at a store alone: damage, and who may read it', async () => {
    const folder = createFolder();
    const file = join(folder, 'test.db');
    const server = await startServer({ store: `sqlite:${file}` });
    const stored = await runContact(['enqueue', 'q', '-', '--server', server.address], { stdin: 'x'.repeat(200_000) });
    assert.equal(stored.code, 0);
    await server.stop();
    const token = join(folder, 'token');
    writeFileSync(token, 'x', { mode: 0o644 });
    chmodSync(token, 0o644);
    const well = await runContact(['doctor', '--store', `sqlite:${file}`, '--integrity', '--token-file', token]);
    assert.deepEqual([well.code, well.stderr], [1, '']);
    assert.match(well.stdout, /WRONG {2}permissions +\S+token is open to others \(644\)\n +chmod 600 \S+token/);
    assert.doesNotMatch(well.stdout, /server/);

    const handle = openSync(file, 'r+');
    const { size } = statSync(file);
    for (let at = 8_192; at < size; at += 4_096) writeSync(handle, Buffer.alloc(512, 0xff), 0, 512, at);
    closeSync(handle);
    const damaged = await runContact(['doctor', '--store', file, '--integrity']);
    assert.equal(damaged.code, 1);
    assert.match(damaged.stdout, /^WRONG {2}(integrity|store) /m);
    const missing = await runContact(['doctor', '--store', join(folder, 'nothing.db')]);
    assert.deepEqual([missing.code, /WRONG {2}store .*ENOENT/.test(missing.stdout)], [1, true]);
    assert.equal((await runContact(['doctor', '--store', 'memory:'])).code, 2);
    assert.equal((await runContact(['doctor', '--integrity'])).code, 2);
  });
});
