import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ServerCredentials, status } from '@grpc/grpc-js';
import { createWorker, type TlsOptions } from '../../client/index.ts';
import { createCaller, serveDirectly, startCallee } from '../scene/callers.ts';
import { ADDRESSED, NAMED, type TestCertificate } from '../scene/certificates.ts';
import { createEcho } from '../scene/echo.ts';
import { atEnd, closeScene, useWorker } from '../scene/end.ts';
import { describeEcho, exposeEcho } from '../scene/exposed.ts';
import { createFolder } from '../scene/folder.ts';
import { dial, frame } from '../scene/http2.ts';
import { openReflection } from '../scene/reflection.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

function secretOf({ cert, key }: TestCertificate, asksForClients = false): ServerCredentials {
  const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
  return ServerCredentials.createSsl(Buffer.from(cert), [pair], asksForClients);
}

describe('a target', () => {
  afterEach(closeScene);

  it('may be a socket file', async () => {
    const listen = `unix:${join(createFolder(), 'target.sock')}`;
    const { address } = await startScene();
    await exposeEcho(address, await serveDirectly(createEcho(), { listen }));
    assert.deepEqual((await createCaller(address).unary('by file')).bodies, ['by file']);
  });

  const mine = { cert: Buffer.from(NAMED.cert), key: Buffer.from(NAMED.key) };
  for (const [what, certificate, tls] of [
    ['by its address', ADDRESSED, {}],
    ['by another name', NAMED, { serverName: 'contact.test' }],
    ['and shown a certificate', NAMED, { serverName: 'contact.test', ...mine }],
  ] as const) {
    it(`may be spoken to in TLS, ${what}`, async () => {
      const { address } = await startScene();
      const to = await serveDirectly(createEcho(), { secret: secretOf(certificate, 'cert' in tls) });
      await exposeEcho(address, to, { tls: { ca: Buffer.from(certificate.cert), ...tls } satisfies TlsOptions });
      assert.deepEqual((await createCaller(address).unary('sealed')).bodies, ['sealed']);
    });
  }

  it('is away in the words of whoever refuses: TLS where there is none, none where there is, a stranger', async () => {
    const { address } = await startScene();
    const worker = useWorker(createWorker(connectTo(address)));
    const secret = secretOf(ADDRESSED);
    const plain = await serveDirectly();
    const sealed = await serveDirectly(createEcho(), { secret });
    const expose = (to: string, tls?: TlsOptions) =>
      worker.expose({ to, descriptors: describeEcho(), deadlineMs: 300, ...(tls && { tls }) });
    await assert.rejects(expose(plain, { ca: Buffer.from(ADDRESSED.cert) }), {
      code: 'UNAVAILABLE',
      field: 'to',
      problem: `could not reach ${plain} within 300 ms: what listens there does not speak TLS`,
    });
    await assert.rejects(expose(sealed), /it has closed the connection \(does it speak TLS\?\)/);
    await assert.rejects(expose(sealed, { ca: Buffer.from(NAMED.cert) }), /self-signed certificate|unable to verify/);
  });

  it('is asked by reflection what it serves: another contact server, whose clients serve it', async () => {
    const inner = await startScene();
    await startCallee(inner.address);
    const { address } = await startScene();
    const worker = useWorker(createWorker(connectTo(address)));
    const { services } = await worker.expose({ to: inner.address });
    assert.deepEqual(
      services.map(({ name }) => name),
      ['echo.Echo'],
    );
    assert.deepEqual((await createCaller(address).unary('through both')).bodies, ['through both']);
    assert.ok((await openReflection(address).list()).includes('echo.Echo'), 'and contact describes it in its turn');
    await assert.rejects(worker.expose({ to: inner.address, services: ['contact.v1.TaskService'] }), {
      code: 'INVALID_ARGUMENT',
      message: 'services: contact.v1.TaskService: this name is the server’s own',
    });
    await assert.rejects(worker.expose({ to: inner.address, services: ['echo.Nothing'] }), {
      code: 'NOT_FOUND',
      field: 'services',
    });
  });

  it('without reflection has to be described', async () => {
    const { address } = await startScene();
    const worker = useWorker(createWorker(connectTo(address)));
    await assert.rejects(worker.expose({ to: await serveDirectly() }), {
      code: 'FAILED_PRECONDITION',
      field: 'descriptors',
    });
  });
});

describe('a target that is no good server of gRPC', () => {
  afterEach(closeScene);

  /** Answers each call as it is told; exposed. */
  async function start(answer: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void) {
    const sessions = new Set<ServerHttp2Session>();
    const server = createServer();
    server.on('session', (session) => sessions.add(session));
    server.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      answer(stream, headers);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(async () => {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    const { address } = await startScene();
    await exposeEcho(address, `127.0.0.1:${(server.address() as AddressInfo).port}`);
    return { address, sessions, ...createCaller(address) };
  }

  const GRPC = { ':status': 200, 'content-type': 'application/grpc' };
  function answerWith(stream: ServerHttp2Stream, trailers: Record<string, string | string[]>, body?: Buffer): void {
    stream.respond(GRPC, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end(body);
  }

  for (const [what, answer, expected] of [
    [
      'an answer of HTTP',
      (s) => s.respond({ ':status': 404, 'content-type': 'text/html' }, { endStream: true }),
      /^12 the target answers in HTTP and not in gRPC: 404 text\/html$/,
    ],
    ['no status', (s) => answerWith(s, {}), /^13 the target has ended the call without a status$/],
    ['a status that is none', (s) => answerWith(s, { 'grpc-status': '99' }), /^2 $/],
    ['a message that is no UTF-8', (s) => answerWith(s, { 'grpc-status': '5', 'grpc-message': '%zz' }), /^5 %zz$/],
    ['a refusal of the stream', (s) => s.close(7), /^14 the target has refused the call$/],
    ['a reset', (s) => s.close(2), /^13 the target has closed the call without a status \(HTTP\/2 code 2\)$/],
    [
      'half of a message',
      (s) => answerWith(s, { 'grpc-status': '0' }, Buffer.from([0, 0, 0, 0, 9, 1])),
      /^13 an answer ended before it was whole$/,
    ],
    [
      'a flag that nobody knows',
      (s) => answerWith(s, { 'grpc-status': '0' }, Buffer.from([9, 0, 0, 0, 0])),
      /^13 an answer has a flag that gRPC does not know$/,
    ],
    [
      'a message of 3 GB',
      (s) => answerWith(s, { 'grpc-status': '0' }, Buffer.from([0, 0xc0, 0, 0, 0])),
      /^8 an answer of 3221225472 bytes, at most \d+ are taken$/,
    ],
    [
      '100 trailers',
      (s) => answerWith(s, { 'grpc-status': '0', 'x-many': Array.from({ length: 100 }, () => 'x') }),
      /^13 metadata for trailers: 100 pairs/,
    ],
  ] as [string, (stream: ServerHttp2Stream) => void, RegExp][]) {
    it(`gives its caller a status all the same: ${what}`, async () => {
      const { unary } = await start(answer);
      // Three that break the protocol of a tunnel would end it: these are no faults of the tunnel.
      for (let count = 0; count < 4; count++) {
        const { code, details } = await unary('x');
        assert.match(`${code} ${details}`, expected);
      }
    });
  }

  for (const [what, headers] of [
    ['its caller goes', {}],
    ['its deadline passes', { 'grpc-timeout': '100m' }],
  ] as const) {
    it(`hears nothing of an upload that breaks off as if it were whole: ${what}`, async () => {
      const heard: string[] = [];
      let count = 0;
      const { address } = await start((stream) => {
        stream.once('data', () => (count += 1)).resume();
        stream.on('end', () => heard.push(stream.rstCode === 0 ? 'a good end' : `a reset, ${stream.rstCode}`));
      });
      const session = dial({ address });
      atEnd(() => session.destroy());
      const leaving = new AbortController();
      for (let at = 0; at < 10; at++) {
        const base = {
          ':method': 'POST',
          ':path': '/echo.Echo/Up',
          'content-type': 'application/grpc',
          te: 'trailers',
        };
        const stream = session.request({ ...base, ...headers }, { endStream: false, signal: leaving.signal });
        stream.on('error', () => undefined).resume();
        stream.write(frame(Buffer.from([16, 1])));
      }
      await until('the target has heard of all', () => count === 10);
      if (what === 'its caller goes') leaving.abort();
      await until('all have ended there', () => heard.length === 10);
      assert.deepEqual([...new Set(heard)], ['a reset, 8']);
    });
  }

  it('is given what its callers have compressed as it is', async () => {
    const seen: unknown[] = [];
    const { address } = await start((stream, headers) => {
      stream.once('data', ([flag]: Buffer) => {
        seen.push([headers['grpc-encoding'], flag]);
        answerWith(stream, { 'grpc-status': '5' });
      });
    });
    await createCaller(address, { 'grpc.default_compression_algorithm': 2 }).unary('x'.repeat(900));
    assert.deepEqual(seen, [['gzip', 1]]);
  });

  it('is connected to anew when it says that it goes, and what runs there is finished', async () => {
    let hold: ServerHttp2Stream | undefined;
    const { sessions, unary } = await start((stream) => {
      if (hold) answerWith(stream, { 'grpc-status': '5', 'grpc-message': 'of the new one' });
      else hold = stream;
    });
    const first = unary('first');
    while (!hold) await new Promise((resolve) => setTimeout(resolve, 2));
    const [session] = sessions;
    session!.goaway(0);
    // On whichever connection it comes, it is answered.
    assert.equal((await unary('second')).details, 'of the new one');
    answerWith(hold, { 'grpc-status': '5', 'grpc-message': 'of the old one' });
    assert.equal((await first).details, 'of the old one');
    assert.deepEqual([sessions.size, (await unary('third')).code], [2, status.NOT_FOUND]);
  });
});

describe('worker.serveRaw()', () => {
  afterEach(closeScene);

  it('answers by bytes that nobody decodes, of whatever kind the call is', async () => {
    const { address } = await startScene();
    const worker = useWorker(createWorker(connectTo(address)));
    const seen: string[] = [];
    worker.serveRaw(['echo.Echo/Unary', 'echo.Echo/Chat'], async function* (requests, { method }) {
      seen.push(method);
      yield* requests;
    });
    await worker.connected();
    const { unary } = createCaller(address);
    assert.deepEqual((await unary('raw', { metadata: { 'contact-wait': '10s' } })).bodies, ['raw']);
    assert.deepEqual(seen, ['echo.Echo/Unary']);
  });

  it('refuses what is no method, and no function', async () => {
    const { address } = await startScene();
    const worker = useWorker(createWorker(connectTo(address)));
    const handler = (requests: AsyncIterable<Uint8Array>) => requests;
    for (const methods of [[], ['Unary'], ['/echo.Echo/Unary']]) {
      assert.throws(() => worker.serveRaw(methods, handler), { code: 'INVALID_ARGUMENT', message: /^methods/ });
    }
    for (const name of ['contact.v1.Mine/Own', 'grpc.health.v1.Health/Check', 'Contact/getTask']) {
      const message = `methods: ${name}: this name is the server’s own`;
      assert.throws(() => worker.serveRaw([name], handler), { code: 'INVALID_ARGUMENT', message });
    }
    assert.throws(() => worker.serveRaw([`a.B/${'c'.repeat(252)}`], handler), /methods\[0\]: .*at most 255 characters/);
    assert.throws(() => worker.serveRaw(['a.B/C'], null as never), { field: 'handler' });
  });
});
