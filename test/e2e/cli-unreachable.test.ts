import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, it } from 'mocha';
import { serveDirectly } from '../scene/callers.ts';
import { ADDRESSED, NAMED } from '../scene/certificates.ts';
import { runHere } from '../scene/command.ts';
import { closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses } from '../scene/process.ts';

/** On a free port of 127.0.0.1. */
async function listen(server: Server): Promise<string> {
  servers.push(server);
  server.on('connection', (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const servers: Server[] = [];
const sockets: Socket[] = [];

async function failToReach(server: string, timeout: string, flags: readonly string[] = []): Promise<string> {
  const { code, stdout, stderr } = await runHere(
    ['queues', 'list', '--server', server, '--connect-timeout', timeout].concat(flags),
  );
  assert.deepEqual([code, stdout], [3, ''], stderr);
  return stderr;
}

describe('a server that cannot be reached', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  });

  it('refuses', async () => {
    assert.equal(
      await failToReach('127.0.0.1:1', '1s'),
      'contact: could not reach 127.0.0.1:1 within 1 s: connect ECONNREFUSED 127.0.0.1:1\n',
    );
  });

  it('has no address', async () => {
    const stderr = await failToReach('no-such-host.invalid:50051', '1ms');
    assert.match(stderr, /within 0\.001 s: (?:its name has no address \(DNS\)|no answer)\n$/);
  });

  it('speaks no gRPC', async () => {
    const address = await listen(createHttpServer((_, response) => response.end('hello')));
    assert.match(await failToReach(address, '500ms'), /0\.5 s: what listens there does not speak gRPC \(HTTP\/2\)\n$/);
  });

  it('hangs up', async () => {
    const address = await listen(createServer((socket) => socket.destroy()));
    assert.match(await failToReach(address, '500ms'), /: the connection was closed at once \(TLS, or no gRPC/);
  });

  it('speaks no TLS', async () => {
    const address = await listen(createHttpServer((_, response) => response.end('hello')));
    assert.match(
      await failToReach(address, '500ms', ['--tls']),
      /1:\d+: it does not speak TLS \(is it served without TLS\? Then leave out --tls, --tls-ca or --tls-pin\)\n$/,
    );
  });

  it('speaks TLS, which the command does not, or has a certificate that cannot be trusted: told at once', async () => {
    const folder = createFolder();
    const [authority, other] = [join(folder, 'ca.pem'), join(folder, 'other.pem')];
    writeFileSync(authority, ADDRESSED.cert);
    writeFileSync(other, NAMED.cert);
    const address = await listen(createTlsServer({ ...ADDRESSED, ALPNProtocols: ['h2'] }, () => undefined));
    const pin = 'A'.repeat(43);
    const rows: readonly (readonly [readonly string[], RegExp])[] = [
      [[], /it speaks TLS, and this client does not \(give --tls, --tls-ca or --tls-pin\)\n$/],
      [['--tls'], /no trusted authority has signed: CN=.*\(is that authority in --tls-ca\?\)\n$/],
      [['--tls-ca', other], /no trusted authority has signed: CN=.*\(is that authority in --tls-ca\?\)\n$/],
      [['--tls-pin', pin], /of another authority than the pinned one \(is it another server\?.*\)\n$/],
      [
        ['--tls-ca', authority, '--tls-server-name', 'other.test'],
        /has a certificate for 127\.0\.0\.1, .*, and not for other\.test \(.* in --tls-server-name\)\n$/,
      ],
    ];
    const beganAt = performance.now();
    for (const [flags, words] of rows) {
      const stderr = await failToReach(address, '10m', flags);
      assert.match(stderr, words);
      assert.ok(stderr.startsWith(`contact: could not reach ${address}: it `), stderr);
      assert.equal(await failToReach(address, '0s', flags), stderr);
    }
    const [task, copy] = ['019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01', join(folder, 'copy.db')];
    const commands = [
      ['tasks', 'show', task],
      ['tasks', 'watch', task],
      ['results', '--follow'],
      ['enqueue', 'q', 'x'],
      ['enqueue', 'q', 'x', '--broadcast'],
      ['enqueue', 'q', 'x', '--wait'],
      ['work', 'q', '--', 'true'],
      ['expose', '--to', '127.0.0.1:1'],
      ['call', 'a.B/C', '{}'],
      ['services', 'list'],
      ['clients', 'list'],
      ['backup', copy],
      ['whoami'],
      ['top', '--once'],
      ['health'],
    ];
    for (const command of commands) {
      const target = ['--server', address, '--tls-ca', other, '--connect-timeout', '10m'];
      // What a worker runs comes last.
      const dashes = command.indexOf('--');
      const args = dashes < 0 ? [...command, ...target] : command.toSpliced(dashes, 0, ...target);
      const { code, stderr } = await runHere(args);
      assert.match(stderr, /^contact: could not reach .*: it has a certificate that no trusted .* in --tls-ca\?\)\n$/);
      assert.equal(code, 3, command.join(' '));
    }
    assert.ok(performance.now() - beganAt < 90_000);
  });

  it('speaks TLS, and not HTTP/2', async () => {
    const authority = join(createFolder(), 'ca.pem');
    writeFileSync(authority, ADDRESSED.cert);
    const address = await listen(createTlsServer({ ...ADDRESSED, ALPNProtocols: ['http/1.1'] }));
    const stderr = await failToReach(address, '500ms', ['--tls', '--tls-ca', authority]);
    assert.match(stderr, /: it speaks TLS, but not HTTP\/2, which gRPC needs \(is that its port\?\)\n$/);
  });

  it('is behind a proxy that cannot be reached', async () => {
    process.env.http_proxy = 'http://127.0.0.1:1';
    try {
      assert.match(
        await failToReach('192.0.2.1:50051', '500ms'),
        /: no tunnel to the server, via proxy 127\.0\.0\.1:1\n$/,
      );
    } finally {
      delete process.env.http_proxy;
    }
  });

  it('takes the connection and never answers, which is told after two seconds', async () => {
    const address = await listen(createServer((socket) => void socket.on('error', () => undefined)));
    assert.deepEqual((await failToReach(address, '2500ms')).trimEnd().split('\n'), [
      `no answer from ${address} yet; trying for 2.5 s (--connect-timeout)`,
      `contact: could not reach ${address} within 2.5 s: no answer`,
    ]);
  });

  it('is told what is in its way after two seconds', async () => {
    const [notice = '', ...rest] = (await failToReach('127.0.0.1:1', '2600ms')).trimEnd().split('\n');
    assert.match(notice, /^no answer from 127\.0\.0\.1:1 yet: connect ECONNREFUSED 127\.0\.0\.1:1; trying for 2\.6 s/);
    assert.equal(rest.length, 1);
  });

  it('is told from one that answers and is no contact server', async () => {
    const server = await serveDirectly();
    for (const args of [
      ['services', 'list'],
      ['clients', 'show', 'a'],
    ]) {
      const { code, stderr } = await runHere([...args, '--server', server]);
      assert.equal(code, 1);
      assert.equal(stderr, `contact: ${server} does not know this request: it is no contact server, or an older one\n`);
    }
    await closeScene();
  });
});
