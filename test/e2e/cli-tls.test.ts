import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';
import { openAuthority } from '../../server/tls/authority.ts';
import { runHere } from '../scene/command.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, runContact, startServer } from '../scene/process.ts';
import { createTestAuthority } from '../scene/tlsfiles.ts';
import { until } from '../scene/until.ts';

function makeFiles(folder: string, name: string): { cert: string; key: string; ca: string } {
  const { cert, key, authority } = openAuthority({ file: undefined, now: Date.now }).identify([name, '127.0.0.1']);
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') };
  writeFileSync(files.ca, authority.ca!);
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
  return files;
}

/** The names of the certificate that a server shows to a new connection. */
function askNames(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2'] }, () => {
      resolve(socket.getPeerX509Certificate()?.subjectAltName ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

describe('contact serve with TLS', () => {
  cleanUpProcesses();

  it('--tls auto: by the socket file whoever may open it is an operator, by the port whoever has a token', async () => {
    const store = join(createFolder(), 'contact.db');
    const server = await startServer({ store: `sqlite:${store}`, args: ['--tls', 'auto', '--tls-name', 'tasks.test'] });
    const list = ['tasks', 'list', '--connect-timeout', '3s'];
    const token = `${store}.operator-token`;
    const bySocket = await runHere([...list, '--server', `unix:${store}.sock`]);
    assert.deepEqual([bySocket.code, bySocket.stderr], [0, '']);
    const byPort = [...list, '--server', server.address];
    const trusting = [...byPort, '--tls-ca', `${store}.ca.pem`];
    assert.equal((await runHere([...trusting, '--token-file', token])).code, 0);
    assert.equal((await runHere([...trusting, '--tls-server-name', 'tasks.test', '--token-file', token])).code, 0);
    const without = await runHere(trusting);
    assert.notEqual(without.code, 0);
    assert.match(without.stderr, /UNAUTHENTICATED|token/);
    assert.match((await runHere(byPort)).stderr, /it speaks TLS, and this client does not \(give --tls/);
    for (const ending of ['operator-token', 'sock', 'ca.pem', 'ca-key.pem', 'tls.pem']) {
      assert.equal(statSync(`${store}.${ending}`).mode & 0o777, 0o600, ending);
    }
    const text = readFileSync(token, 'utf8').trim();
    const { stdout, stderr } = await server.stop();
    assert.match(stderr, /contact\.db\.operator-token/);
    assert.ok(text.startsWith('ct_') && !`${stdout}${stderr}`.includes(text.slice(20)));
    assert.equal(existsSync(`${store}.sock`), false);

    // Another start makes no other token, and its certificate is of the same authority.
    rmSync(token);
    const ca = readFileSync(`${store}.ca.pem`, 'utf8');
    const again = await startServer({ store: `sqlite:${store}`, args: ['--tls', 'auto'] });
    assert.equal(existsSync(token), false);
    assert.equal(readFileSync(`${store}.ca.pem`, 'utf8'), ca);
    await again.stop();
  });

  it('reads its files again on SIGHUP and when they change, and keeps a pair that fits', async () => {
    const folder = createFolder();
    const { cert, key } = makeFiles(folder, 'one.test');
    const server = await startServer({ args: ['--tls-cert', cert, '--tls-key', key, '--auth', 'off'] });
    assert.match(await askNames(server.port), /one\.test/);
    const second = createFolder();
    const other = makeFiles(second, 'two.test');
    writeFileSync(cert, readFileSync(other.cert));
    await server.waitFor(/the private key is not that of the certificate/, 'stderr');
    assert.match(await askNames(server.port), /one\.test/);
    writeFileSync(key, readFileSync(other.key));
    await until('the other is shown', async () => (await askNames(server.port)).includes('two.test'));
    makeFiles(folder, 'three.test');
    server.child.kill('SIGHUP');
    await until('the third is shown', async () => (await askNames(server.port)).includes('three.test'));
    await server.stop();
    assert.ok(!server.stderr.includes('PRIVATE KEY'));
  });

  it('is refused, and --check says so, where options do not go together or a file is wrong', async () => {
    const folder = createFolder();
    const { cert, key } = makeFiles(folder, 'one.test');
    const other = makeFiles(createFolder(), 'two.test');
    const empty = join(folder, 'empty.pem');
    writeFileSync(empty, '');
    const wrong: [string[], RegExp][] = [
      [['--tls-cert', cert], /certificate and its key go together/],
      [['--tls', 'auto', '--tls-cert', cert, '--tls-key', key], /either made \(auto\) or given/],
      [['--tls-name', 'a.test'], /they are for auto/],
      [['--tls-client-ca', cert], /need TLS/],
      [['--tls-cert', cert, '--tls-key', other.key], /not that of the certificate/],
      [['--tls-cert', key, '--tls-key', key], /no certificate in PEM, but a private key/],
      [['--tls', 'auto', '--tls-client-ca', empty], /--tls-client-ca: \S+empty\.pem is empty/],
      [['--listen', '0.0.0.0:0', '--auth', 'off'], /anybody who reaches 0\.0\.0\.0:0 could do everything/],
    ];
    for (const [args, words] of wrong) {
      const serve = [
        'serve',
        '--store',
        'memory:',
        ...(args[0] === '--listen' ? [] : ['--listen', '127.0.0.1:0']),
        ...args,
      ];
      const checked = await runHere([...serve, '--check']);
      assert.equal(checked.code, 2, args.join(' '));
      assert.match(checked.stderr, words);
      // A process takes long to start; all of these are refused at the same place.
      if (!args.includes('--auth')) continue;
      const started = await runContact(serve);
      assert.notEqual(started.code, 0, args.join(' '));
      assert.match(started.stderr, words);
    }
  });

  it('is warned by --check of authorities of clients that let nobody in, whatever its own certificate is', async () => {
    const folder = createFolder();
    const { cert, key } = makeFiles(folder, 'one.test');
    const clientCa = join(folder, 'clients.pem');
    const authority = createTestAuthority();
    writeFileSync(clientCa, Buffer.concat([authority.cert, authority.sign('a leaf').cert]));
    const serve = ['serve', '--check', '--store', 'memory:', '--listen', '127.0.0.1:0', '--auth', 'off'];
    for (const own of [
      ['--tls', 'auto'],
      ['--tls-cert', cert, '--tls-key', key],
    ]) {
      const { code, stderr } = await runHere([...serve, ...own, '--tls-client-ca', clientCa]);
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        /^contact: --tls-client-ca: warning: CN=a leaf in \S+clients\.pem is no authority .*; put the/m,
      );
      assert.equal(stderr.split('warning').length, 2, stderr);
    }
  });

  it('refuses files of certificates that are none, and names the flag and the file', async () => {
    const folder = createFolder();
    const { cert, key } = makeFiles(folder, 'one.test');
    const cut = join(folder, 'cut.pem');
    writeFileSync(cut, readFileSync(cert).subarray(0, 300));
    for (const [flags, words] of [
      [['--tls-ca', cut], /^contact: --tls-ca: \S+cut\.pem has a certificate that is cut off\n/],
      [['--tls-cert', key, '--tls-key', key], /^contact: --tls-cert: \S+key\.pem has no .* PEM, but a private key\n/],
    ] as const) {
      const { code, stderr } = await runHere(['health', '--server', '127.0.0.1:1', ...flags]);
      assert.equal(code, 2);
      assert.match(stderr, words);
    }
  });
});
