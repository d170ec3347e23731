import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { type Frame, type Pair, plainEnd } from '../../tunnel/frame.ts';
import { createCaller, startCallee } from '../scene/callers.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { dial, frame, open } from '../scene/http2.ts';
import { openServe } from '../scene/rawcallee.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const PATH = '/echo.Echo/Unary';
/** A message with a body of one byte. */
const REQUEST = frame(Buffer.from([10, 1, 65]));

type Headers = Readonly<Record<string, string | undefined>>;

/** What a call with these headers comes to: `OK`, the name of a code and its message, `HTTP 415`, or why the stream was reset. */
function call(address: string, headers: Headers, request = REQUEST): Promise<string> {
  const session = dial({ address });
  atEnd(() => session.destroy());
  const base = { ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc', te: 'trailers' };
  const all = Object.entries({ ...base, ...headers }).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const stream = session.request(Object.fromEntries(all), { endStream: false });
  return new Promise((resolve) => {
    let end: IncomingHttpHeaders = {};
    let reset = 'reset';
    stream.on('error', ({ message }) => {
      reset = /NGHTTP2_\w+/.exec(message)?.[0] ?? message;
    });
    const hear = (more: IncomingHttpHeaders): void => {
      end = { ...end, ...more };
    };
    stream.on('response', hear).on('trailers', hear).resume();
    stream.on('close', () => {
      const code = end['grpc-status'];
      const message = decodeURI(String(end['grpc-message'] ?? ''));
      if (code !== undefined) resolve(code === '0' ? 'OK' : `${status[Number(code)]} ${message}`);
      else resolve(end[':status'] === undefined ? reset : `HTTP ${end[':status']}`);
    });
    stream.end(request);
  });
}

const MALFORMED = 'INTERNAL grpc-timeout: expected 1 to 8 digits and one of H, M, S, m, u, n';
const LATE = 'DEADLINE_EXCEEDED the deadline has passed';
const UNKNOWN = 'metadata contact-wait: 10s waits for one that does';

/** Headers that differ from those of an ordinary call, and what it comes to. */
const CASES: readonly (readonly [what: string, headers: Headers, outcome: string | RegExp])[] = [
  ['the deadline 0S', { 'grpc-timeout': '0S' }, LATE],
  ['the deadline 00000000n', { 'grpc-timeout': '00000000n' }, LATE],
  ['the deadline 1n', { 'grpc-timeout': '1n' }, /^(OK|DEADLINE_EXCEEDED the deadline has passed)$/],
  ['a deadline of 99,999,999 hours', { 'grpc-timeout': '99999999H' }, 'OK'],
  ['a deadline beyond any timer', { 'grpc-timeout': '99999999S' }, 'OK'],
  ...['', 'abc', '123456789S', '-1S', '1.5S', '1s', '1 S', 'S'].map(
    (timeout) => [`the deadline ${JSON.stringify(timeout)}`, { 'grpc-timeout': timeout }, MALFORMED] as const,
  ),
  ['no te', { te: undefined }, 'OK'],
  ['the encoding identity', { 'grpc-encoding': 'identity' }, 'OK'],
  ...['application/grpc+proto', 'application/grpc;charset=utf-8', 'application/grpc ; a=b'].map(
    (type) => [type, { 'content-type': type }, 'OK'] as const,
  ),
  ...['application/grpc+json', 'application/grpc-web+proto', 'application/grpcx'].map(
    (type) => [`the content type ${type}`, { 'content-type': type }, 'HTTP 415'] as const,
  ),
  // What is not of gRPC is for the routes of HTTP, which have no such path.
  ...['application/json', '', undefined].map(
    (type) => [`the content type ${type}`, { 'content-type': type }, 'HTTP 404'] as const,
  ),
  ...['GET', 'HEAD', 'PUT', 'OPTIONS', 'PRI', 'BREW'].map(
    (method) => [method, { ':method': method }, `INTERNAL :method: expected POST, got ${method}`] as const,
  ),
  [
    'a GET of a browser',
    { ':method': 'GET', ':path': '/', 'content-type': undefined, te: undefined },
    /^HTTP (200|503)$/,
  ],
  ...['//echo.Echo/Unary', '/echo.Echo//Unary', '/echo.Echo/Unary/', '/echo.Echo/Unary?x=1', '/', '/echo.Echo'].map(
    (path) => [`the path ${path}`, { ':path': path }, `UNIMPLEMENTED no such method: ${path}`] as const,
  ),
  ...['/%65cho.Echo/Unary', '/echo.Echo/Una%72y'].map(
    (path) => [`the path ${path}`, { ':path': path }, `UNIMPLEMENTED no such method: ${path}`] as const,
  ),
  ['a path without a slash', { ':path': 'xecho.Echo/Unary' }, 'NGHTTP2_PROTOCOL_ERROR'],
  ['such a path in another scheme', { ':scheme': 'odd', ':path': 'xecho.Echo/Unary' }, /^UNIMPLEMENTED /],
  ['a path of 1 KB', { ':path': `/echo.Echo/${'x'.repeat(1_000)}` }, /^UNIMPLEMENTED no such method: .{256}$/],
  ['a path that is not ASCII', { ':path': '/écho.Écho/Ünary' }, /^UNIMPLEMENTED no such method: /],
  [
    'another method of the service',
    { ':path': '/echo.Echo/Nothing' },
    `UNIMPLEMENTED no such method: /echo.Echo/Nothing: clients have announced echo.Echo without this one; ${UNKNOWN}`,
  ],
  [
    'a service in other letters',
    { ':path': '/echo.echo/Unary' },
    `UNIMPLEMENTED no such method: /echo.echo/Unary: no client has announced echo.echo; ${UNKNOWN}`,
  ],
  [
    'a service that the server might have',
    { ':path': '/contact.v1.Nothing/X' },
    /^UNIMPLEMENTED .*contact\.v1\.Nothing\/X/,
  ],
  ['a method that its service might have', { ':path': '/grpc.health.v1.Health/X' }, /^UNIMPLEMENTED .*Health\/X/],
];

const ETAGS: readonly Pair[] = ['a', 'b'].map((value) => ({ key: 'etag', value }));
/** Answers that say a key twice which Node.js takes for one that may be said once. */
const REPEATED: Readonly<Record<string, Partial<Frame>>> = {
  headers: { headers: ETAGS, data: Buffer.alloc(0), end: plainEnd(0, '') },
  trailers: { headers: [], data: Buffer.alloc(0), end: plainEnd(0, '', ETAGS) },
  'trailers alone': { end: plainEnd(5, 'no', ETAGS) },
};

/** A connection that takes what is said twice. */
function dialLoosely(address: string): ClientHttp2Session {
  const session = connect(`http://${address}`, { strictSingleValueFields: false } as object);
  session.on('error', () => undefined);
  atEnd(() => session.destroy());
  return session;
}

describe('a call for a callee', () => {
  afterEach(closeScene);

  for (const [what, headers, outcome] of CASES) {
    it(`has an end with ${what}`, async () => {
      const { address } = await startScene();
      await startCallee(address);
      const told = await call(address, headers);
      if (typeof outcome === 'string') assert.equal(told, outcome);
      else assert.match(told, outcome);
      assert.equal(await call(address, {}), 'OK', 'the server goes on');
    });
  }

  it('leaves the server’s own services as they are', async () => {
    const { address } = await startScene();
    await openServe(address, 'raw', { methods: ['echo.Echo/Unary'] });
    const empty = frame(Buffer.alloc(0));
    assert.equal(await call(address, { ':path': '/grpc.health.v1.Health/Check' }, empty), 'OK');
    assert.equal(await call(address, { ':path': '/contact.v1.AdminService/ListClients' }, empty), 'OK');
    const late = { ':path': '/contact.v1.AdminService/ListClients', 'grpc-timeout': '0m' };
    assert.equal(await call(address, late, empty), LATE);
  });

  for (const mode of ['live', 'durable']) {
    it(`has metadata with blanks at the ends of its values, ${mode}`, async () => {
      const { address } = await startScene();
      await startCallee(address);
      const pairs = { 'x-begins': ' a', 'x-ends': 'a ', 'x-plain': 'a' };
      const { unary } = createCaller(address);
      const { bodies } = await unary('!do {"tell": true}', { metadata: { ...pairs, 'contact-mode': mode } });
      assert.deepEqual(bodies, [JSON.stringify(Object.entries(pairs))]);
    });
  }

  it('has blanks around neither the content type of its answer nor the name of its callee', async () => {
    const { address } = await startScene();
    await startCallee(address);
    const session = dial({ address });
    atEnd(() => session.destroy());
    const stream = open(session, PATH, { 'content-type': 'application/grpc ' });
    stream.end(REQUEST);
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    assert.equal(headers['content-type'], 'application/grpc');
    assert.match(await call(address, { 'contact-client': 'callee ' }), /^INVALID_ARGUMENT contact-client: /);
  });

  for (const [where, says] of Object.entries(REPEATED)) {
    it(`hears a key of HTTP twice that its callee says twice, in ${where}`, async () => {
      const { address } = await startScene();
      const callee = await openServe(address, 'raw', { methods: ['echo.Echo/Unary'] });
      const stream = open(dialLoosely(address), PATH);
      const heard: string[] = [];
      const hear = (_: unknown, __: unknown, raw: readonly string[]): void => {
        for (let at = 0; at < raw.length; at += 2) if (raw[at] === 'etag') heard.push(raw[at + 1]!);
      };
      stream.on('response', hear).on('trailers', hear).resume();
      stream.end(REQUEST);
      await until('it is opened', () => callee.opened.length === 1);
      const { call } = callee.opened[0]!;
      callee.say({ call, ...says });
      await once(stream, 'close');
      // Older versions of Node.js say them in one header.
      assert.deepEqual(
        heard.flatMap((value) => value.split(',')),
        ['a', 'b'],
      );
      assert.equal(stream.rstCode, 0);
    });
  }
});
