import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { Server, status } from '@grpc/grpc-js';
import { AdminService, EnqueueTasksRequestSchema, health, TaskService } from '../../gen/index.ts';
import { OPEN_GATE } from '../../server/transport/gate.ts';
import { guardHeaders } from '../../server/transport/headers.ts';
import { methodPath } from '../../shared/grpc.ts';
import { silentLogger } from '../../shared/logger.ts';
import { ask, connect, enqueue, refusalOf } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { type Scene, startScene } from '../scene/server.ts';
import { openWorker, statusOf } from '../scene/worker.ts';

const { check } = health.Health.method;
const LIST = methodPath(TaskService.method.listTasks);
const ENQUEUE = methodPath(TaskService.method.enqueueTasks);

function dial({ address }: Scene): ClientHttp2Session {
  const session = connectHttp2(`http://${address}`);
  session.on('error', () => undefined);
  atEnd(() => session.destroy());
  return session;
}

interface Reply {
  readonly code: status;
  readonly message: string;
  readonly headers: IncomingHttpHeaders;
}

/** One call with headers of our own; answers how it ended. */
function call(
  session: ClientHttp2Session,
  headers: Record<string, string | string[]>,
  frame: Buffer = Buffer.alloc(5),
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const base = { ':method': 'POST', ':path': LIST, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request({ ...base, ...headers });
    let first: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    stream.on('response', (got) => {
      first = got;
    });
    stream.on('trailers', (got) => {
      trailers = got;
    });
    stream.on('error', reject);
    stream.on('close', () => {
      const end = { ...first, ...trailers };
      resolve({ code: Number(end['grpc-status']), message: String(end['grpc-message'] ?? ''), headers: first });
    });
    stream.resume();
    stream.end(frame);
  });
}

function frameOf(message: Uint8Array, isCompressed: boolean): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(isCompressed ? 1 : 0, 0);
  head.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([head, message]);
}

describe('Status texts', () => {
  afterEach(closeScene);

  for (const [what, letter] of [
    ['plain', 'x'],
    ['odd', '\u4e16'],
    ['paired', '\u{1f600}'],
    ['percent', '%'],
  ] as const) {
    it(`are cut, and neighbours on the connection live: ${what} characters`, async () => {
      const clients = connect(await startScene());
      const worker = await openWorker(clients);
      const refusal = await refusalOf(ask(clients, check, { service: letter.repeat(10_000) }));
      assert.match(refusal, /^NOT_FOUND service: no service .*\.\.\.$/);
      assert.ok(refusal.length < 1_100 && encodeURI(refusal).length < 4_200);
      await enqueue(clients, {});
      await worker.receive(1);
    });
  }

  it('weighs each value of a header that comes several times', async () => {
    const session = dial(await startScene());
    const part = 'x'.repeat(8_000);
    assert.equal((await call(session, { 'set-cookie': [part] })).code, status.OK);
    assert.equal((await call(session, { 'set-cookie': [part, part, part] })).code, status.RESOURCE_EXHAUSTED);
  });

  it('are cut where no method has the path', async () => {
    const scene = await startScene();
    const session = dial(scene);
    for (const path of [`/${'x'.repeat(20_000)}/y`, `/contact.v1.TaskService/${'%'.repeat(20_000)}`, '/', '/a/b?c']) {
      const { code, message } = await call(session, { ':path': path });
      assert.equal(code, status.UNIMPLEMENTED);
      assert.ok(message.length < 1_000);
    }
    assert.equal((await call(session, { ':path': '/contact.v1.TaskService/Nothing' })).code, status.UNIMPLEMENTED);
    assert.equal((await call(session, {})).code, status.OK);
  });

  it('are all that a reflection with a long name is answered', async () => {
    const clients = connect(await startScene());
    const stream = clients.reflection.serverReflectionInfo();
    const ended = statusOf(stream.on('data', () => undefined));
    stream.write({ messageRequest: { case: 'fileContainingSymbol', value: 'x'.repeat(20_000) } });
    const { code, details } = await ended;
    assert.equal(code, status.INVALID_ARGUMENT);
    assert.match(details, /^message_request: /);
  });

  it('do not quote a timeout or an encoding at length', async () => {
    const session = dial(await startScene());
    for (const header of ['grpc-timeout', 'grpc-encoding']) {
      const { code, message } = await call(session, { [header]: '%'.repeat(10_000) });
      assert.notEqual(code, status.OK);
      assert.ok(message.length < 500);
    }
    assert.equal((await call(session, {})).code, status.OK);
  });
});

describe('grpc-timeout', () => {
  afterEach(closeScene);

  it('is not over at once when it is longer than any timer', async () => {
    const session = dial(await startScene());
    for (const timeout of ['2147484S', '2147484000m', '35792M', '597H', '99999999H', '99999999M', '99999999S']) {
      // Nine and more digits are refused, not read in part.
      const expected = /^\d{9}/.test(timeout) ? status.INTERNAL : status.OK;
      assert.equal((await call(session, { 'grpc-timeout': timeout })).code, expected, timeout);
    }
    assert.equal((await call(session, { 'grpc-timeout': '99999999m' })).code, status.OK);
  });

  it('is kept where a timer can', async () => {
    const clients = connect(await startScene());
    const task = { queue: 'q', payload: Buffer.from('x') };
    const slow = ask(clients, TaskService.method.callTask, { task }, { deadline: Date.now() + 100 });
    assert.match(await refusalOf(slow), /^DEADLINE_EXCEEDED/);
  });

  it('that is malformed is refused in words', async () => {
    const session = dial(await startScene());
    for (const timeout of ['1', 'S', '-1S', '1 S', '1.5S', '1000000000S', '1S, 1S', 'xx1Sxx', '1h', '\u00b2S', '']) {
      const { code, message } = await call(session, { 'grpc-timeout': timeout });
      assert.equal(code, status.INTERNAL, timeout);
      assert.match(decodeURI(message), /^grpc-timeout: expected/);
    }
  });
});

describe('grpc-encoding', () => {
  afterEach(closeScene);

  it('is identity alone: anything else is refused before a byte of it is unpacked', async () => {
    const session = dial(await startScene());
    const message = toBinary(TaskService.method.listTasks.input, create(TaskService.method.listTasks.input, {}));
    const packed = frameOf(gzipSync(message), true);
    for (const encoding of ['gzip', 'deflate', 'br', 'GZIP', 'identity, gzip', '']) {
      const { code, message: text, headers } = await call(session, { 'grpc-encoding': encoding }, packed);
      assert.equal(code, status.UNIMPLEMENTED, encoding);
      assert.match(decodeURI(text), /^grpc-encoding: .*identity$/);
      assert.equal(headers['grpc-accept-encoding'], 'identity');
    }
    const { code, headers } = await call(session, { 'grpc-encoding': 'identity' }, frameOf(message, false));
    assert.equal(code, status.OK);
    assert.equal(headers['grpc-accept-encoding'], 'identity');
  });

  it('of a stock client that compresses is told in a status', async () => {
    const clients = connect(await startScene(), { 'grpc.default_compression_algorithm': 2 });
    assert.match(await refusalOf(ask(clients, AdminService.method.getServerInfo, {})), /^UNIMPLEMENTED grpc-encoding/);
  });
});

describe('A header that is no metadata', () => {
  afterEach(closeScene);

  it('is dropped without a word on stderr', async () => {
    const session = dial(await startScene());
    const { error } = console;
    const lines: unknown[] = [];
    console.error = (...words) => lines.push(words);
    try {
      const odd = { 'x-odd': '\u00e4\u00f6'.repeat(100), 'x!odd': 'value', 'x-odd-bin': '!!' };
      assert.equal((await call(session, odd)).code, status.OK);
    } finally {
      console.error = error;
    }
    assert.deepEqual(lines, []);
  });
});

describe('Headers of a call', () => {
  afterEach(closeScene);

  it('have a size, beyond which they are refused and neighbours on the connection live', async () => {
    const session = dial(await startScene({ maxHeaderBytes: 4_096 }));
    const [refused, taken] = await Promise.all([
      call(session, { 'x-a': 'v'.repeat(4_096) }),
      call(session, { 'x-a': 'v'.repeat(3_900) }),
    ]);
    assert.equal(refused.code, status.RESOURCE_EXHAUSTED);
    assert.match(decodeURI(refused.message), /^metadata: 4\d{3} bytes of headers, at most 4096/);
    assert.equal(taken.code, status.OK);
  });

  it('have a number, beyond which the call is reset and neighbours on the connection live', async () => {
    const session = dial(await startScene());
    const some = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, 'v']));
    // gRPC knows it as RESOURCE_EXHAUSTED.
    const reset = assert.rejects(call(session, some(200)), /NGHTTP2_ENHANCE_YOUR_CALM/);
    assert.equal((await call(session, some(120))).code, status.OK);
    await reset;
  });
});

describe('A request that is not gRPC', () => {
  afterEach(closeScene);

  it('is told so, whatever its path and headers are', async () => {
    const session = dial(await startScene({ http: false }));
    const odd = { 'content-type': 'text/plain', ':path': `/${'x'.repeat(20_000)}`, 'grpc-timeout': 'soon' };
    assert.equal((await call(session, odd)).headers[':status'], 415);
  });

  it('is not executed because its content type begins like gRPC', async () => {
    const scene = await startScene();
    const session = dial(scene);
    const request = toBinary(EnqueueTasksRequestSchema, create(EnqueueTasksRequestSchema, { tasks: [{ queue: 'q' }] }));
    const enqueueIn = (type: string) =>
      call(session, { ':path': ENQUEUE, 'content-type': type }, frameOf(request, false));
    for (const subtype of ['-web', '-web+proto', '-web-text', '+json', '+thrift', 'x', '-web; charset=utf-8']) {
      assert.equal((await enqueueIn(`application/grpc${subtype}`)).headers[':status'], 415, subtype);
    }
    assert.equal((await ask(connect(scene), TaskService.method.listTasks, {})).tasks.length, 0);
    for (const subtype of ['', '+proto', '; charset=utf-8', ' ;x=y']) {
      assert.equal((await enqueueIn(`application/grpc${subtype}`)).code, status.OK, subtype);
    }
  });
});

describe('A call of one request', () => {
  afterEach(closeScene);

  const task = frameOf(toBinary(EnqueueTasksRequestSchema, create(EnqueueTasksRequestSchema, {})), false);
  const wrongs = {
    'that has none may be sent again': [Buffer.alloc(0), status.INTERNAL, 'backoff'],
    'that was cut in its length may be sent again': [task.subarray(0, 3), status.INTERNAL, 'backoff'],
    'that was cut in its message may be sent again': [Buffer.from([0, 0, 0, 0, 9, 1]), status.INTERNAL, 'backoff'],
    'that has two is refused for good': [Buffer.concat([task, task]), status.INVALID_ARGUMENT, 'never'],
  } as const;
  for (const [what, [body, code, retry]] of Object.entries(wrongs)) {
    it(what, async () => {
      const session = dial(await startScene());
      for (const path of [LIST, methodPath(TaskService.method.watchResults)]) {
        const reply = await call(session, { ':path': path }, body);
        assert.deepEqual([reply.code, reply.headers['contact-retry']], [code, retry]);
      }
    });
  }

  it('that cannot be decoded, by a text that is not UTF-8 say, is refused for good', async () => {
    const session = dial(await startScene());
    for (const bytes of [
      [0x0a, 3, 0x12, 1, 0xff],
      [0x0a, 9, 0x12],
    ]) {
      const { code, headers } = await call(session, { ':path': ENQUEUE }, frameOf(Buffer.from(bytes), false));
      assert.deepEqual([code, headers['contact-field']], [status.INVALID_ARGUMENT, 'request']);
    }
  });

  it('that is no POST is told so', async () => {
    const { code, message } = await call(dial(await startScene()), { ':method': 'PUT' });
    assert.deepEqual([code, decodeURI(message)], [status.INTERNAL, ':method: expected POST, got PUT']);
  });
});

describe('guardHeaders()', () => {
  it('refuses to start on a grpc-js that it does not know', () => {
    const places = { take: () => undefined };
    const [tellRefusal, countRefusal] = [(): void => undefined, (): void => undefined];
    const connections = { enter: () => undefined, take: () => undefined };
    const parts = { gate: OPEN_GATE, tellRefusal, countRefusal, places, connections };
    const options = { logger: silentLogger, ...parts, maxHeaderBytes: 1 };
    assert.throws(() => guardHeaders(new Server(), options), /unknown way/);
    assert.throws(() => guardHeaders({} as Server, options), /unknown way/);
  });
});
