import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import tls from 'node:tls';
import {
  type ConnectionOptions,
  createAdmin,
  createCaller,
  createObserver,
  createProducer,
  createWorker,
} from '../../client/index.ts';
import { openAuthority } from '../../server/tls/authority.ts';
import { silentLogger } from '../../shared/logger.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { createEcho } from '../scene/echo.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { connectTo, type Scene, startDurable } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const CLIENT_HELLO = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);

interface Raw {
  readonly socket: net.Socket;
  /** All that has come. */
  text: string;
  isClosed: boolean;
}

function dialRaw({ listening }: Scene): Raw {
  const raw: Raw = { socket: net.connect(listening.port, '127.0.0.1'), text: '', isClosed: false };
  raw.socket.on('error', () => undefined);
  raw.socket.on('data', (data) => {
    raw.text += data.toString('latin1');
  });
  raw.socket.on('close', () => {
    raw.isClosed = true;
  });
  atEnd(() => raw.socket.destroy());
  return raw;
}

/** A TLS client by hand; resolves with how its handshake went. */
async function shake(scene: Scene, options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket | string> {
  const socket = tls.connect({
    host: '127.0.0.1',
    port: scene.listening.port,
    ca: scene.tls.ca!,
    ALPNProtocols: ['h2'],
    ...options,
  });
  atEnd(() => socket.destroy());
  const failed = new Promise<string>((resolve) => socket.on('error', (error) => resolve(`${error}`)));
  return Promise.race([failed, once(socket, 'secureConnect').then(() => socket)]);
}

const identities = new Map<string, ReturnType<typeof createIdentity>>();

function createIdentity(names: readonly string[]) {
  const { cert, key, authority } = openAuthority({ file: undefined, now: Date.now }).identify(names);
  return { cert, key, pin: authority.pin };
}

/** One for these names, always the same. */
function makeIdentity(names: readonly string[]) {
  const known = identities.get(names.join()) ?? createIdentity(names);
  identities.set(names.join(), known);
  return known;
}

function clientsOf(scene: Scene, address = scene.address): ConnectionOptions {
  return { ...connectTo(address), tls: scene.tls };
}

/** The answer of a server to a question of an SDK client. */
async function ask(connection: ConnectionOptions, deadlineMs = 10_000): Promise<string> {
  const admin = createAdmin(connection);
  try {
    await admin.serverInfo({ deadlineMs });
    return 'OK';
  } catch (error) {
    return String(error);
  } finally {
    await admin.close();
  }
}

describe('a server that speaks TLS', () => {
  afterEach(closeScene);

  it('serves every kind of call, to it and to its clients, by the certificate and by the pin', async () => {
    const scene = await startDurable({ tls: 'auto', auth: 'off', pingIntervalMs: 2_000 });
    const byPin = { ...connectTo(scene.address), tls: { pin: scene.listening.tls!.pin } };
    for (const connection of [clientsOf(scene), clientsOf(scene, `localhost:${scene.listening.port}`), byPin]) {
      const worker = createWorker({
        ...connection,
        clientId: 'callee',
        queues: ['q'],
        handler: async (n: number) => n + 1,
      });
      worker.serve(Echo, createEcho());
      await worker.connected();
      const producer = createProducer<number>(connection);
      assert.equal(await producer.call('q', 1), 2);
      const caller = createCaller({ ...connection, clientId: 'callee' });
      const echo = caller.stub(Echo);
      const body = Buffer.alloc(300_000, 'x');
      await until(
        'it is served',
        async () => (await echo.unary({ body: Buffer.from('a') }).catch(() => undefined)) !== undefined,
      );
      assert.deepEqual(Buffer.from((await echo.unary({ body })).body), body);
      let count = 0;
      for await (const message of echo.down({ body, count: 5 })) count += message.body.byteLength;
      assert.equal(count, 5 * body.byteLength);
      const observer = createObserver(connection);
      for await (const result of observer.results({ queues: ['q'], from: 'oldest' })) {
        assert.equal(result.state, 'succeeded');
        break;
      }
      await Promise.all([observer.close(), caller.close(), producer.close(), worker.stop()]);
    }
  });

  it('closes who says nothing, begins a handshake and stops, or speaks no TLS, and serves others meanwhile', async () => {
    const scene = await startDurable({ tls: 'auto', auth: 'off', tlsHandshakeMs: 300, pingIntervalMs: 20_000 });
    const raws = Array.from({ length: 40 }, () => dialRaw(scene));
    const words = [Buffer.alloc(0), CLIENT_HELLO.subarray(0, 1), CLIENT_HELLO, Buffer.from([0, 1, 2, 3])];
    for (const [n, { socket }] of raws.entries()) socket.write(words[n % words.length]!);
    for (let n = 0; n < 5; n++) assert.equal(await ask(clientsOf(scene)), 'OK');
    await until('all are closed', () => raws.every(({ isClosed }) => isClosed));
    await until('none is counted', () => scene.connectionCount === 0);
    // A handshake that is over is not bounded by the time of one.
    const socket = await shake(scene);
    assert.ok(socket instanceof tls.TLSSocket && socket.authorized && socket.alpnProtocol === 'h2');
    const session = http2.connect('https://localhost', { createConnection: () => socket });
    session.on('error', () => undefined);
    await new Promise((resolve) => setTimeout(resolve, 900));
    assert.equal(session.destroyed, false);
    session.destroy();
  });

  it('counts connections in their handshake, the oldest of which gives way to one more', async () => {
    const scene = await startDurable({ tls: 'auto', auth: 'off', tlsHandshakeMs: 60_000, maxConnections: 3 });
    const raws = Array.from({ length: 3 }, () => dialRaw(scene));
    await until('they are taken', () => scene.connectionCount === 3);
    assert.ok((await shake(scene)) instanceof tls.TLSSocket);
    assert.deepEqual([raws.filter(({ isClosed }) => isClosed).length, scene.connectionCount], [1, 3]);
    assert.equal(await ask(clientsOf(scene)), 'OK');
  });

  it('takes many who come at once, a few in each turn', async () => {
    const scene = await startDurable({ tls: 'auto', auth: 'off' });
    const results = await Promise.all(Array.from({ length: 60 }, () => shake(scene)));
    assert.deepEqual(
      results.filter((one) => typeof one === 'string'),
      [],
    );
    for (const one of results) if (one instanceof tls.TLSSocket) one.destroy();
  });

  it('takes TLS 1.2 and later with HTTP/2 and HTTP/1.1, or without the latter', async () => {
    const scene = await startDurable({ tls: 'auto', auth: 'off' });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await shake(scene, { maxVersion });
      assert.ok(socket instanceof tls.TLSSocket);
      assert.equal(socket.getProtocol(), maxVersion);
    }
    const old = await shake(scene, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' });
    assert.match(String(old), /protocol version/);
    assert.match(String(await shake(scene, { ALPNProtocols: ['h3'] })), /no application protocol/);
    for (const ALPNProtocols of [['http/1.1', 'h2'], ['http/1.1']]) {
      const socket = await shake(scene, { ALPNProtocols });
      assert.ok(socket instanceof tls.TLSSocket);
      assert.equal(socket.alpnProtocol, ALPNProtocols.at(-1));
    }
    const without = await startDurable({ tls: 'auto', auth: 'off', http: false });
    assert.match(String(await shake(without, { ALPNProtocols: ['http/1.1'] })), /no application protocol/);
    const sent = await shake(scene);
    assert.ok(sent instanceof tls.TLSSocket);
    assert.equal(
      tls.rootCertificates.length > 0 && sent.getPeerCertificate(true).issuerCertificate !== undefined,
      true,
    );
  });

  it('is told to clients without TLS, of gRPC and of HTTP/1', async () => {
    const warnings: unknown[] = [];
    const logger = { ...silentLogger, warn: (what: unknown) => void warnings.push(what) };
    const scene = await startDurable({ tls: 'auto', auth: 'off' }, { logger });
    assert.match(await ask(connectTo(scene.address)), /it speaks TLS, and this client does not \(give `tls`\)/);
    const raw = dialRaw(scene);
    raw.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await until('it is closed', () => raw.isClosed);
    assert.match(raw.text, /^HTTP\/1\.1 400 [\s\S]*the server speaks TLS/);
    // One line a minute, whoever asks.
    assert.deepEqual(warnings, [{ reason: 'a client did not speak TLS', failures: 1 }]);
  });

  it('is what a client of TLS is told that a plain server is not', async () => {
    const scene = await startDurable();
    assert.match(await ask({ ...connectTo(scene.address), tls: {} }), /it does not speak TLS/);
  });

  it('ends a session whose records are garbage, and no other', async () => {
    const scene = await startDurable({ tls: 'auto', auth: 'off' });
    const producer = createProducer<number>(clientsOf(scene));
    await producer.enqueue('q', 1);
    const raw = net.connect(scene.listening.port, '127.0.0.1');
    const socket = tls.connect({ socket: raw, servername: 'localhost', ca: scene.tls.ca!, ALPNProtocols: ['h2'] });
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    raw.write(Buffer.alloc(100, 0x17));
    await once(
      raw.on('error', () => undefined),
      'close',
    );
    await producer.enqueue('q', 2);
    await producer.close();
  });
});

describe('a pin', () => {
  afterEach(closeScene);

  it('that is wrong has the client send no byte of its own', async () => {
    const scene = await startDurable({ tls: 'auto', auth: 'off' });
    const { pin } = scene.listening.tls!;
    let bytes = 0;
    let handshakes = 0;
    const [own] = await Promise.all([
      new Promise<tls.Server>((resolve) => {
        const { cert, key } = makeIdentity(['localhost']);
        const server = tls.createServer({ cert, key, ALPNProtocols: ['h2'] }, (socket) => {
          socket.on('error', () => undefined);
          socket.on('data', (data) => {
            bytes += data.byteLength;
          });
        });
        // It takes a client for gone that hangs up at once, so that is counted before.
        server.on('connection', (socket) => {
          handshakes += 1;
          atEnd(() => socket.destroy());
        });
        server.listen(0, '127.0.0.1', () => resolve(server));
      }),
    ]);
    atEnd(() => own.close());
    const address = `localhost:${(own.address() as net.AddressInfo).port}`;
    const token = 'secret-of-the-caller';
    assert.match(await ask({ ...connectTo(address), token, tls: { pin } }), /another authority than the pinned one/);
    assert.ok(handshakes > 0);
    assert.equal(bytes, 0);
    // The same client by the right pin sends its preface.
    await ask({ ...connectTo(address), token, tls: { pin: makeIdentity(['localhost']).pin } }, 500);
    assert.ok(bytes > 0);
  });

  it('is not met by an authority that is sent along and has signed nothing', async () => {
    const scene = await startDurable({ tls: 'auto', auth: 'off' });
    const { pin, ca } = scene.listening.tls!;
    let bytes = 0;
    const { cert, key } = makeIdentity(['localhost']);
    const [leaf] = /-----BEGIN[^-]*-----[^-]*-----END[^-]*-----\n/.exec(cert)!;
    const server = tls.createServer({ cert: leaf + ca, key, ALPNProtocols: ['h2'] }, (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        bytes += data.byteLength;
      });
    });
    server.on('connection', (socket) => atEnd(() => socket.destroy()));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    atEnd(() => void server.close());
    const address = `localhost:${(server.address() as net.AddressInfo).port}`;
    assert.match(await ask({ ...connectTo(address), tls: { pin } }), /not signed by the pinned authority/);
    assert.equal(bytes, 0);
  });

  it('holds for the name of the server, which may be another one than it is reached by', async () => {
    const scene = await startDurable({ tls: 'auto', auth: 'off', tlsName: ['tasks.test'] });
    const { pin } = scene.listening.tls!;
    assert.equal(await ask({ ...connectTo(scene.address), tls: { pin, serverName: 'tasks.test' } }), 'OK');
    assert.match(
      await ask({ ...connectTo(scene.address), tls: { pin, serverName: 'other.test' } }),
      /has a certificate for tasks\.test, .* and not for other\.test/,
    );
  });

  it('is refused where it is none, or beside an authority', () => {
    for (const wrong of [
      { pin: 'x' },
      { pin: `${'A'.repeat(43)}=` },
      { pin: 'A'.repeat(43), ca: Buffer.from(makeIdentity(['a']).cert) },
    ]) {
      assert.throws(() => createAdmin({ server: 'a:1', tls: wrong }), { code: 'INVALID_ARGUMENT', field: 'tls' });
    }
  });
});
