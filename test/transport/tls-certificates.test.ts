import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';
import { credentials } from '@grpc/grpc-js';
import {
  type ConnectionOptions,
  createAdmin,
  createProducer,
  createWorker,
  type TlsOptions,
} from '../../client/index.ts';
import { ContactService } from '../../gen/index.ts';
import { createClient } from '../../shared/grpc.ts';
import { silentLogger } from '../../shared/logger.ts';
import { startGuarded } from '../scene/access.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { PREFACE } from '../scene/flood.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { startProxy } from '../scene/proxy.ts';
import { connectTo, type Scene, startDurable } from '../scene/server.ts';
import { createTestAuthority, writePair } from '../scene/tlsfiles.ts';
import { until } from '../scene/until.ts';

function makeFolder(): string {
  const folder = createFolder();
  atEnd(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function enqueueBy(connection: ConnectionOptions): Promise<string> {
  const producer = createProducer<number>({ ...connection, patienceMs: 1_500 });
  try {
    await producer.enqueue('q', 1);
    return 'OK';
  } catch (error) {
    return String(error);
  } finally {
    await producer.close({ deadlineMs: 0 });
  }
}

/** What a connection by hand comes to: it stays, or is closed. */
function shake(scene: Scene, options: tls.ConnectionOptions): Promise<'open' | 'closed'> {
  return new Promise((resolve) => {
    const socket = tls.connect({
      host: '127.0.0.1',
      port: scene.listening.port,
      ALPNProtocols: ['h2'],
      ca: scene.tls.ca!,
      ...options,
    });
    atEnd(() => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('close', () => resolve('closed'));
    // A server answers the first bytes of HTTP/2, its preface and empty settings, with settings of its own, to whom it takes.
    socket.once('secureConnect', () =>
      socket.write(Buffer.concat([PREFACE, Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])])),
    );
    socket.once('data', () => resolve('open'));
  });
}

describe('certificates of clients', () => {
  const authority = createTestAuthority();
  let clientCa: string;
  afterEach(closeScene);

  beforeEach(() => {
    clientCa = join(makeFolder(), 'clients.pem');
    writeFileSync(clientCa, authority.cert);
  });

  it('say who it is, beside tokens, on one port', async () => {
    const warnings: unknown[] = [];
    const logger = { ...silentLogger, warn: (what: unknown) => void warnings.push(what) };
    const certificateGrants = ['robot-* role=producer queue=*', 'watcher role=observer queue=*'];
    let token = '';
    const keepOperatorToken = (text: string): void => {
      token = text;
    };
    const scene = await startGuarded(
      { tls: 'auto', tlsClientCa: clientCa, certificateGrants },
      { logger, keepOperatorToken },
    );
    const by = (options: TlsOptions = {}, given = {}): ConnectionOptions => ({
      ...connectTo(scene.address),
      tls: { ...scene.tls, ...options },
      ...given,
    });
    assert.equal(await enqueueBy(by(authority.sign('robot-7', { purpose: 'client' }))), 'OK');
    assert.equal(await enqueueBy(by({}, { token })), 'OK');
    assert.equal(await enqueueBy(by(authority.sign('nobody', { purpose: 'client' }), { token })), 'OK');
    assert.match(await enqueueBy(by()), /UNAUTHENTICATED|authenticat|credential|token/i);
    assert.match(await enqueueBy(by(authority.sign('nobody', { purpose: 'client' }))), /credential|token|authenticat/i);
    assert.match(await enqueueBy(by(authority.sign('watcher', { purpose: 'client' }))), /role producer/);
    // Who shows a certificate that is not valid is not taken for one who has none.
    const wrong = {
      'of another authority': createTestAuthority().sign('robot-7', { purpose: 'client' }),
      'of an authority of the same name': createTestAuthority('authority of a test').sign('robot-7', {
        purpose: 'client',
      }),
      'that has ended': authority.sign('robot-7', { purpose: 'client', days: -1 }),
      'of a server': authority.sign('robot-7', { purpose: 'server' }),
    };
    assert.equal(await shake(scene, {}), 'open');
    assert.equal(await shake(scene, authority.sign('robot-7', { purpose: 'client' })), 'open');
    for (const [what, pair] of Object.entries(wrong)) assert.equal(await shake(scene, pair), 'closed', what);
    assert.match(JSON.stringify(warnings), /the certificate of a client was refused/);
  });

  it('are needed where nobody is asked for a token', async () => {
    const scene = await startDurable({ tls: 'auto', auth: 'off', tlsClientCa: clientCa });
    assert.equal(await shake(scene, {}), 'closed');
    assert.equal(await shake(scene, authority.sign('anybody', { purpose: 'client' })), 'open');
    const connection = {
      ...connectTo(scene.address),
      tls: { ...scene.tls, ...authority.sign('a', { purpose: 'client' }) },
    };
    assert.equal(await enqueueBy(connection), 'OK');
  });
});

describe('a socket file', () => {
  afterEach(closeScene);

  it('is for operators where it is theirs, and not where the server listens on it for others', async () => {
    const folder = makeFolder();
    const [ours, others] = [join(folder, 'operators.sock'), join(folder, 'others.sock')];
    const scene = await startGuarded({ operatorSocket: ours, listen: ['127.0.0.1:0', `unix:${others}`] });
    assert.equal(scene.listening.operatorSocket, `unix:${ours}`);
    assert.deepEqual(scene.listening.addresses.slice(1), [`unix:${others}`]);
    assert.equal(await enqueueBy(connectTo(`unix:${ours}`)), 'OK');
    assert.match(await enqueueBy(connectTo(`unix:${others}`)), /credential|token|authenticat/i);
  });
});

const STREAMS = isFull ? 1_000 : 50;
const PER_CONNECTION = 50;

describe('a certificate that changes', () => {
  const authority = createTestAuthority();
  afterEach(closeScene);

  it('is shown to those who come, and ends no stream of those who are there', async () => {
    const folder = makeFolder();
    const files = writePair(folder, authority.sign('one', { names: ['localhost', 'one.test'] }));
    const scene = await startDurable({ ...files, auth: 'off', pingIntervalMs: 20_000, resumeWindowMs: 60_000 });
    const secure = credentials.createSsl(authority.cert);
    const ended: unknown[] = [];
    const registered = new Set<number>();
    const received = new Set<number>();
    for (let n = 0; n < STREAMS; n += PER_CONNECTION) {
      const options = { 'grpc.use_local_subchannel_pool': 1 };
      const client = createClient(ContactService, `localhost:${scene.listening.port}`, secure, options);
      atEnd(() => client.close());
      for (let at = n; at < n + PER_CONNECTION; at++) {
        const stream = client.getTask({ queues: [`q${at}`] });
        atEnd(() => stream.cancel());
        stream.on('data', ({ event }) => {
          if (event.case === 'registered') registered.add(at);
          if (event.case === 'tasks') received.add(at);
        });
        stream.on('error', (error) => ended.push(error));
        stream.on('end', () => ended.push('end'));
      }
    }
    await until('all are there', () => registered.size === STREAMS || ended.length > 0);

    const shown = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const options = { host: '127.0.0.1', port: scene.listening.port, servername: 'localhost', ca: authority.cert };
        const socket = tls.connect({ ...options, ALPNProtocols: ['h2'] }, () => {
          resolve(socket.getPeerX509Certificate()?.subjectAltName ?? '');
          socket.destroy();
        });
        socket.on('error', reject);
      });
    assert.match(await shown(), /one\.test/);
    writePair(folder, authority.sign('two', { names: ['localhost', 'two.test'] }));
    await until('the other is shown', async () => (await shown()).includes('two.test'));
    const producer = createProducer<number>({
      ...connectTo(`localhost:${scene.listening.port}`),
      tls: { ca: authority.cert },
    });
    await Promise.all(Array.from({ length: STREAMS }, (_, n) => producer.enqueue(`q${n}`, n)));
    await until('all are told of their tasks', () => received.size === STREAMS || ended.length > 0);
    assert.deepEqual(ended, []);
    await producer.close();
  });
});

describe('a reader of TLS that is stuck', () => {
  afterEach(closeScene);

  it('has its connection closed, with what the kernel holds of it', async () => {
    const scene = await startDurable({
      tls: 'auto',
      auth: 'off',
      maxPayloadBytes: 4 << 20,
      slowLineBytesPerSecond: 4 << 20,
    });
    const proxy = await startProxy(scene);
    const connection = { ...connectTo(proxy.address), tls: scene.tls };
    const worker = createWorker({
      ...connection,
      queues: ['q'],
      concurrency: 100,
      handler: () => new Promise(() => undefined),
    });
    await worker.connected();
    const admin = createAdmin({ ...connectTo(scene.address), tls: scene.tls });
    await admin.serverInfo();
    assert.equal(scene.connectionCount, 2);
    proxy.stall('toClient');
    const producer = createProducer<string>({ ...connectTo(scene.address), tls: scene.tls });
    for (let n = 0; n < 8; n++) await producer.enqueue('q', 'x'.repeat(2 << 20));
    await until('it is closed', () => scene.connectionCount === 2);
    await admin.serverInfo();
    await Promise.all([worker.stop({ deadlineMs: 0 }), producer.close(), admin.close()]);
  });
});
