import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { createAdmin, createProducer, createWorker, type TlsOptions } from '../../client/index.ts';
import { ADDRESSED, NAMED, type TestCertificate } from '../scene/certificates.ts';
import { runHere } from '../scene/command.ts';
import { closeScene, use } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { startNode } from '../scene/process.ts';
import { connectTo, startDurable } from '../scene/server.ts';

interface Tunnel {
  readonly port: number;
  /** By which name each connection asked for the certificate; false: by none. */
  readonly names: readonly unknown[];
  close(): Promise<void>;
}

/** TLS in front of a server that has none. */
async function openTunnel(target: string, certificate: TestCertificate, listen: object): Promise<Tunnel> {
  const names: unknown[] = [];
  const sockets = new Set<Socket>();
  const server = createTlsServer({ ...certificate, ALPNProtocols: ['h2'] }, (near) => {
    names.push((near as { servername?: unknown }).servername);
    const [host, port] = target.split(':') as [string, string];
    const far = connect(Number(port), host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(listen, resolve));
  const tunnel: Tunnel = {
    port: (server.address() as AddressInfo).port,
    names,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return use(tunnel);
}

const LOOPBACK = { host: '127.0.0.1', port: 0 };

function trust({ cert }: TestCertificate, options: TlsOptions = {}): TlsOptions {
  return { ca: Buffer.from(cert), ...options };
}

async function ask(server: string, tls: TlsOptions): Promise<string> {
  const admin = createAdmin({ ...connectTo(server), tls });
  try {
    await admin.serverInfo({ deadlineMs: 5_000 });
    return 'OK';
  } catch (error) {
    return String(error);
  } finally {
    await admin.close();
  }
}

describe('TLS of the SDK', () => {
  afterEach(closeScene);

  it('checks a server by the name that it was given, over an address and over a socket file', async () => {
    const { address } = await startDurable();
    const folder = createFolder();
    use({ close: () => rmSync(folder, { recursive: true }) });
    const path = join(folder, 'tls.sock');
    const tunnel = await openTunnel(address, NAMED, LOOPBACK);
    const overFile = await openTunnel(address, NAMED, { path });
    for (const server of [`127.0.0.1:${tunnel.port}`, `localhost:${tunnel.port}`, `unix:${path}`]) {
      assert.equal(await ask(server, trust(NAMED, { serverName: 'contact.test' })), 'OK', server);
      assert.match(await ask(server, trust(NAMED, { serverName: 'other.test' })), /other\.test/);
      assert.match(await ask(server, trust(NAMED)), /has a certificate for contact\.test, and not for /);
    }
    // Who does not trust what it is shown hangs up before the connection counts.
    assert.deepEqual(new Set([...tunnel.names, ...overFile.names]), new Set(['contact.test']));
    const connection = { ...connectTo(`unix:${path}`), tls: trust(NAMED, { serverName: 'contact.test' }) };
    const worker = createWorker({ ...connection, queues: ['q'], handler: async (n: number) => n + 1 });
    const producer = createProducer<number>(connection);
    assert.equal(await producer.call('q', 1), 2);
    await Promise.all([worker.stop(), producer.close()]);
  });

  it('is checked against an address, which is not asked for as a name', async () => {
    const { address } = await startDurable();
    const own = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
    const hosts = ['127.0.0.1', '::1'].filter((host) => own.some((one) => one.address === host));
    for (const host of hosts) {
      const tunnel = await openTunnel(address, ADDRESSED, { host, port: 0 });
      const server = `${host.includes(':') ? `[${host}]` : host}:${tunnel.port}`;
      assert.equal(await ask(server, trust(ADDRESSED)), 'OK', server);
      assert.equal(await ask(server, trust(ADDRESSED, { serverName: '127.0.0.1' })), 'OK');
      assert.match(await ask(server, trust(ADDRESSED, { serverName: '127.0.0.2' })), /127\.0\.0\.2/);
      assert.deepEqual(new Set(tunnel.names), new Set([false]));
    }
  });

  it('lets Node.js warn of nothing', async () => {
    const { address } = await startDurable();
    const tunnel = await openTunnel(address, ADDRESSED, LOOPBACK);
    const program = `
      import { createAdmin } from './client/index.ts';
      const tls = { ca: Buffer.from(process.env.TEST_CA) };
      const admin = createAdmin({ server: '127.0.0.1:${tunnel.port}', tls });
      console.log((await admin.serverInfo()).version);
      await admin.close();`;
    const args = ['--input-type=module', '--eval', program];
    const { code, stdout, stderr } = await startNode(args, { env: { TEST_CA: ADDRESSED.cert } }).ended;
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  });

  it('asks for the server by the name that it was given', async () => {
    const authorities: unknown[] = [];
    const server = createSecureServer({ ...NAMED }, (request, response) => {
      authorities.push(request.headers[':authority']);
      response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(LOOPBACK, resolve));
    use({ close: () => new Promise((resolve) => server.close(resolve)) });
    const { port } = server.address() as AddressInfo;
    await ask(`127.0.0.1:${port}`, trust(NAMED, { serverName: 'contact.test' }));
    assert.deepEqual(authorities, ['contact.test']);
  });

  it('is refused with a name that no host has', () => {
    for (const serverName of ['', 'a b', 'https://a', 'a:1', 'a\n', '.a'] as const) {
      assert.throws(() => createAdmin({ server: 'a:1', tls: { serverName } }), {
        code: 'INVALID_ARGUMENT',
        message: /^tls: expected serverName to be the name of a host/,
      });
    }
  });

  it('has a flag for the name', async () => {
    const { address } = await startDurable();
    const folder = createFolder();
    use({ close: () => rmSync(folder, { recursive: true }) });
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, NAMED.cert);
    const { port } = await openTunnel(address, NAMED, LOOPBACK);
    const list = ['tasks', 'list', '--server', `127.0.0.1:${port}`, '--tls-ca', ca, '--connect-timeout', '1s'];
    assert.equal((await runHere([...list, '--tls-server-name', 'contact.test'])).code, 0);
    assert.equal((await runHere(list)).code, 3);
    for (const name of ['', 'a b']) assert.equal((await runHere([...list, '--tls-server-name', name])).code, 2);
  });
});
