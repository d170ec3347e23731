import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import { firstValueFrom } from 'rxjs';
import { filter } from 'rxjs/operators';
import { createCredentialFile } from '../../client/credential/credentialfile.ts';
import { drawSecret } from '../../client/credential/secret.ts';
import {
  type ConnectionOptions,
  ContactError,
  createAdmin,
  createCaller,
  createObserver,
  createProducer,
  createWorker,
  type TlsOptions,
} from '../../client/index.ts';
import { generateKeys, issueCertificate } from '../../server/tls/certificate.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { connectTo, startDurable, startScene } from '../scene/server.ts';
import { createTestAuthority, type Signed } from '../scene/tlsfiles.ts';

const DAY_MS = 86_400_000;
const AUTHORITY = createTestAuthority();
const GOOD = AUTHORITY.sign('good', { names: ['127.0.0.1'] });
const ENDED = AUTHORITY.sign('ended', { names: ['127.0.0.1'], days: -1 });
const EARLY = AUTHORITY.sign('early', { names: ['127.0.0.1'], daysAhead: 1 });
const TRUST: TlsOptions = { ca: AUTHORITY.cert };

/** On a free port of 127.0.0.1, until the end of the test. */
async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  use({
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server of TLS that shows this certificate, in front of another where `to` says so. */
async function front({ cert, key }: Signed, to?: string) {
  const sockets = new Set<Socket>();
  const server: TlsServer = createTlsServer({ cert, key, ALPNProtocols: ['h2'] }, (near) => {
    near.on('error', () => undefined);
    if (to === undefined) return;
    const [host, port] = to.split(':') as [string, string];
    const far = connect(Number(port), host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const address = await listen(server);
  return use({
    address,
    close,
    /** Breaks all connections, and shows another certificate to those to come. */
    show(other: Signed) {
      server.setSecureContext({ cert: other.cert, key: other.key });
      close();
    },
  });
}

/** Every way in which a program waits for a server, until each has failed. */
async function failAll(options: ConnectionOptions): Promise<readonly unknown[]> {
  const failed = (promise: Promise<unknown>) => promise.then(() => 'OK').catch((error: unknown) => error);
  const worker = useWorker(createWorker({ ...options, queues: ['q'], handler: () => 1 }));
  const serving = useWorker(createWorker(options));
  serving.serveRaw(['a.B/C'], async function* () {});
  const patient = { ...options, enqueueDeadlineMs: 0 };
  const producer = use(createProducer<number>(patient));
  const observer = use(createObserver(options));
  const admin = use(createAdmin({ ...options, patienceMs: 60_000 }));
  const caller = use(createCaller(options));
  const read = async (): Promise<void> => {
    for await (const _ of observer.results());
  };
  const watch = async (): Promise<void> => {
    for await (const _ of admin.watchTask('019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01'));
  };
  return Promise.all([
    failed(worker.finished),
    failed(worker.connected()),
    failed(serving.finished),
    failed(producer.enqueue('q', 1)),
    failed(producer.call('q', 1, { deadlineMs: 60_000 })),
    failed(producer.connected()),
    failed(read()),
    failed(watch()),
    failed(admin.listQueues()),
    failed(caller.stub(Echo).unary({}, { waitMs: 60_000 })),
    failed(caller.keep(Echo.method.unary, {})),
  ]);
}

/** The error of one call of a program that does not wait. */
async function ask(server: string, tls: TlsOptions | undefined): Promise<ContactError> {
  const admin = use(createAdmin({ ...connectTo(server), ...(tls && { tls }) }));
  const error = await admin.serverInfo({ deadlineMs: 30_000 }).catch((failure: unknown) => failure);
  assert.ok(error instanceof ContactError, String(error));
  assert.equal(error.code, 'UNAVAILABLE');
  assert.ok(error.message.startsWith(`could not reach ${server}: it `), error.message);
  return error;
}

describe('TLS that cannot come about', function () {
  this.timeout(60_000);
  afterEach(closeScene);

  it('ends all that waits for the server at once, with the same error', async () => {
    const { address } = await front(createTestAuthority().sign('other', { names: ['127.0.0.1'] }));
    const errors = await failAll({ ...connectTo(address), tls: TRUST });
    for (const [place, error] of errors.entries()) {
      assert.ok(error instanceof ContactError, `${place}: ${error}`);
      assert.equal(error.code, 'UNAVAILABLE', `${place}: ${error}`);
      assert.deepEqual(error.advice, { reason: 'TLS_AUTHORITY', retry: 'never' }, `${place}: ${error}`);
      assert.equal(
        error.message,
        `could not reach ${address}: it has a certificate that no trusted authority has signed: CN=other is signed by CN=authority of a test (is that authority in \`tls.ca\`? If it is one between others, the server lacks its certificate (fullchain.pem of certbot))`,
      );
    }
  });

  it('is told by what is wrong', async () => {
    const plain = await listen(createPlainServer((_, response) => response.end('hello')));
    const contact = await startDurable({ tls: 'auto', auth: 'off' });
    const [good, ended, early] = [await front(GOOD), await front(ENDED), await front(EARLY)];
    const old = createTlsServer({ cert: GOOD.cert, key: GOOD.key, ALPNProtocols: ['http/1.1'] });
    const picky = createTlsServer({ ...GOOD, ca: AUTHORITY.cert, requestCert: true, ALPNProtocols: ['h2'] });
    const pin = 'A'.repeat(43);
    const rows: readonly (readonly [string, TlsOptions | undefined, string, string, RegExp])[] = [
      [good.address, { pin }, 'TLS_PIN', 'never', /another authority than the pinned one/],
      [good.address, {}, 'TLS_AUTHORITY', 'never', /CN=good is signed by CN=authority of a test/],
      [
        good.address,
        { ...TRUST, serverName: 'a.test' },
        'TLS_NAME',
        'never',
        /a certificate for 127\.0\.0\.1, and not for a\.test/,
      ],
      [ended.address, TRUST, 'TLS_TIME', 'backoff', /has ended: CN=ended on \d{4}-\d\d-\d\dT.*Z \(whoever runs it/],
      [early.address, TRUST, 'TLS_TIME', 'backoff', /not valid yet: CN=early begins on \d{4}-.*Z \(is the clock/],
      [good.address, undefined, 'TLS_NEEDED', 'never', /speaks TLS, and this client does not \(give `tls`\)/],
      [contact.address, undefined, 'TLS_NEEDED', 'never', /speaks TLS, and this client does not/],
      [plain, TRUST, 'TLS_NOT_SPOKEN', 'never', /does not speak TLS/],
      [await listen(old), TRUST, 'TLS_HTTP2', 'never', /speaks TLS, but not HTTP\/2/],
      [
        await listen(picky),
        TRUST,
        'TLS_CLIENT_CERTIFICATE',
        'never',
        /wants one: ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQ/,
      ],
    ];
    for (const [server, tls, reason, retry, words] of rows) {
      const error = await ask(server, tls);
      assert.match(error.message, words);
      assert.deepEqual(error.advice, { reason, retry }, error.message);
    }
  });

  it('by an authority of the client that is not of the present is told so, with its name', async () => {
    const keys = generateKeys();
    const authority = (from: number, to: number): Buffer => {
      const span = { validFrom: Date.now() + from * DAY_MS, validTo: Date.now() + to * DAY_MS };
      return Buffer.from(issueCertificate({ commonName: 'old one', keys, isAuthority: true, ...span }));
    };
    const own = generateKeys();
    const cert = issueCertificate({
      ...{ commonName: 'one', keys: own, issuer: { commonName: 'old one', keys }, names: ['127.0.0.1'] },
      ...{ validFrom: Date.now() - DAY_MS, validTo: Date.now() + DAY_MS },
    });
    const key = Buffer.from(own.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const way = /signed by CN=old one, which in `tls\.ca`/;
    for (const sent of [Buffer.alloc(0), authority(-1, 90)]) {
      const { address } = await front({ cert: Buffer.concat([Buffer.from(cert), sent]), key });
      const over = await ask(address, { ca: authority(-9, -1) });
      assert.match(over.message, new RegExp(`${way.source} has ended on .*Z \\(put the next certificate`));
      const early = await ask(address, { ca: authority(1, 9) });
      assert.match(early.message, new RegExp(`${way.source} begins on .*Z only \\(is the clock`));
      assert.deepEqual(over.advice, { reason: 'TLS_TIME', retry: 'backoff' });
    }
  });

  it('for the certificate of the client is told from what that is, of a server that hangs up', async () => {
    const clients = createTestAuthority('authority of clients');
    const clientCa = join(createFolder(), 'clients.pem');
    writeFileSync(clientCa, clients.cert);
    const { address, tls } = await startDurable({ tls: 'auto', auth: 'off', tlsClientCa: clientCa });
    const of = (days: number, daysAhead = -10) => clients.sign('robot', { purpose: 'client', days, daysAhead });
    const stranger = createTestAuthority('another').sign('robot', { purpose: 'client' });
    const whose = 'the certificate of this client, CN=robot of CN=authority of clients,';
    for (const [shown, words] of [
      [{}, 'it may want a certificate of this client: `tls.cert` and `tls.key` are for that'],
      [of(-1), `${whose} has ended on`],
      [of(9, 1), `${whose} begins on`],
      [stranger, 'it may not know who has signed the certificate of this client (CN=robot of CN=another)'],
    ] as const) {
      const error = await ask(address, { ...tls, ...shown });
      assert.ok(error.message.includes(`ended the connection as soon as it was encrypted (${words}`), error.message);
      assert.deepEqual(error.advice, { reason: 'TLS_CLIENT_CERTIFICATE', retry: 'backoff' });
    }
    const admin = use(createAdmin({ ...connectTo(address), tls: { ...tls, ...of(9) } }));
    assert.equal((await admin.serverInfo()).authenticated, false);
  });

  it('at one address has a client go on to the next, and at all of them ends it', async () => {
    const contact = await startDurable({ tls: 'auto', auth: 'off' });
    const [other, another] = [await front(GOOD), await front(GOOD)];
    const { pin } = contact.listening.tls!;
    const open = (...addresses: string[]) => {
      const credentialFile = join(createFolder(), 'robot-7');
      createCredentialFile(credentialFile, { ...drawSecret(), pin, clientId: 'robot-7', isEnrolled: true, addresses });
      const { clock: _, server: __, ...options } = connectTo('127.0.0.1:1');
      return use(createAdmin({ ...options, credentialFile, patienceMs: 60_000 }));
    };
    assert.ok((await open(other.address, contact.address).serverInfo()).version);
    await assert.rejects(open(other.address, another.address).listQueues(), {
      advice: { reason: 'TLS_PIN', retry: 'never' },
    });
  });

  it('is not what a server is taken for that hangs up, or that is plain and full', async () => {
    const server = createPlainServer();
    server.on('connection', (socket) => socket.destroy());
    const address = await listen(server);
    for (const tls of [undefined, TRUST]) {
      const admin = use(createAdmin({ ...connectTo(address), ...(tls && { tls }) }));
      const error = await admin.serverInfo().catch((failure: unknown) => failure);
      assert.ok(error instanceof ContactError);
      assert.deepEqual([error.code, error.advice], ['UNAVAILABLE', undefined]);
    }
  });

  it('is waited for where the certificate is not of the present, and where the server has worked before', async () => {
    const scene = await startScene();
    const { address, show } = await front(ENDED, scene.address);
    const options = { ...connectTo(address), tls: TRUST };
    const worker = useWorker(createWorker({ ...options, queues: ['q'], handler: (n: number) => n + 1 }));
    const producer = use(createProducer<number>(options));
    const called = producer.call('q', 1, { deadlineMs: 50_000 });
    const away = (reason: string) =>
      firstValueFrom(
        worker.status$.pipe(filter((told) => told.state === 'reconnecting' && told.error?.advice?.reason === reason)),
      );
    await away('TLS_TIME');
    show(GOOD);
    assert.equal(await called, 2);
    // A certificate of somebody else, as while the server is set up anew.
    show(createTestAuthority().sign('other', { names: ['127.0.0.1'] }));
    await away('TLS_AUTHORITY');
    const again = producer.call('q', 2, { deadlineMs: 50_000 });
    show(GOOD);
    assert.equal(await again, 3);
  });
});
