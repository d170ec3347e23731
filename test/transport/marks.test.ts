import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { createAdmin, createProducer, TaskState } from '../../client/index.ts';
import { ContactService, GetTaskRequestSchema, TaskService } from '../../gen/index.ts';
import { ContactError } from '../../shared/errors.ts';
import { methodPath } from '../../shared/grpc.ts';
import { newSessionId } from '../../shared/ids.ts';
import { toStatus } from '../../shared/status.ts';
import { ask, connect } from '../scene/clients.ts';
import { atEnd, closeScene, closeScene as closeSdkScene, use } from '../scene/end.ts';
import { connectTo, type Scene, startDurable, startScene } from '../scene/server.ts';
import { openWorker } from '../scene/worker.ts';
import { startStub } from './sdk-stub.ts';

const { getTask, sendStatus } = ContactService.method;
const { describeTask, listTasks, callTask, streamEnqueue } = TaskService.method;

function dial({ address }: Scene): ClientHttp2Session {
  const session = connectHttp2(`http://${address}`);
  session.on('error', () => undefined);
  atEnd(() => session.destroy());
  return session;
}

/** How a call ended: its code, and its mark as `REASON retry`. */
type End = readonly [code: number, mark: string];

function call(
  session: ClientHttp2Session,
  path: string,
  body: Buffer,
  headers: Record<string, string> = {},
): Promise<End> {
  return new Promise((resolve, reject) => {
    const base = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request({ ...base, ...headers });
    const end: Record<string, unknown> = {};
    stream.on('response', (got) => Object.assign(end, got));
    stream.on('trailers', (got) => Object.assign(end, got));
    stream.on('error', reject);
    stream.on('close', () => resolve([Number(end['grpc-status']), `${end['contact-reason']} ${end['contact-retry']}`]));
    stream.resume();
    stream.end(body);
  });
}

function frame(message: Uint8Array, length = message.byteLength): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

const EMPTY = frame(Buffer.alloc(0));
/** A field of a type that does not exist. */
const GARBAGE = frame(Buffer.from([0x0f, 0xff, 0xff]));

describe('the mark of a status', () => {
  afterEach(closeScene);

  const refusals: Readonly<Record<string, (session: ClientHttp2Session) => Promise<End>>> = {
    'UNIMPLEMENTED never': (session) => call(session, '/contact.v1.TaskService/Nothing', EMPTY),
    'INVALID_ARGUMENT never': (session) => call(session, methodPath(getTask), EMPTY, { 'contact-client': 'w' }),
    'INTERNAL backoff': (session) => call(session, methodPath(listTasks), EMPTY, { 'grpc-timeout': 'soon' }),
    'SESSION backoff': (session) =>
      call(session, methodPath(sendStatus), frame(Buffer.from([8, 0])), {
        'contact-client': 'w',
        'contact-session': newSessionId(),
      }),
    'RESOURCE_EXHAUSTED never': (session) => call(session, methodPath(streamEnqueue), frame(Buffer.alloc(10), 2 ** 31)),
  };
  for (const [mark, refuse] of Object.entries(refusals)) {
    it(`is on a refusal of the server: ${mark}`, async () => {
      const [code, said] = await refuse(dial(await startScene({ pairingMs: 50 })));
      assert.notEqual(code, status.OK);
      assert.equal(said, mark);
    });
  }

  it('is on what grpc-js refuses by itself, before a handler and after one', async () => {
    const scene = await startScene();
    const session = dial(scene);
    assert.deepEqual(await call(session, '/contact.v1.AdminService/Nothing', EMPTY), [12, 'UNIMPLEMENTED never']);
    const compressed = { 'grpc-encoding': 'gzip' };
    assert.deepEqual(await call(session, methodPath(listTasks), EMPTY, compressed), [12, 'UNIMPLEMENTED never']);
    const [code, mark] = await call(session, methodPath(listTasks), GARBAGE);
    assert.notEqual(code, status.OK);
    assert.match(mark, /^[A-Z_]+ (never|backoff)$/);
    const clients = connect(scene);
    const task = { queue: 'q', payload: Buffer.from('x') };
    const late = await ask(clients, callTask, { task }, { deadline: Date.now() + 200 }).catch((error) => error);
    assert.equal(late.code, status.DEADLINE_EXCEEDED);
  });

  it('is on a stream that has answered before it ends', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const sessionId = newSessionId();
    await openWorker(clients, { clientId: 'w', sessionId, isFull: false });
    const request = frame(toBinary(GetTaskRequestSchema, create(GetTaskRequestSchema, { queues: ['q'] })));
    const headers = { 'contact-client': 'w', 'contact-session': sessionId };
    assert.deepEqual(await call(dial(scene), methodPath(getTask), request, headers), [6, 'SESSION backoff']);
  });

  it('is on unary refusals, from the interceptor too, and not on an OK', async () => {
    const scene = await startScene({ maxOpenCalls: 1 });
    const session = dial(scene);
    assert.deepEqual(await call(session, methodPath(listTasks), EMPTY), [status.OK, 'undefined undefined']);
    const clients = connect(scene);
    const unknown = await ask(clients, describeTask, { id: 'x' }).catch((error: ServiceError) => error);
    assert.ok(unknown instanceof Error && 'metadata' in unknown);
    assert.deepEqual(unknown.metadata.get('contact-retry'), ['never']);
    await openWorker(clients, { isFull: false });
    assert.deepEqual(await call(session, methodPath(listTasks), EMPTY), [8, 'RESOURCE_EXHAUSTED backoff']);
  });
});

describe('the SDK and the mark', () => {
  afterEach(closeSdkScene);

  function unmarked(code: status, details: string): object {
    return { code, details, metadata: new Metadata() };
  }

  it('call() takes an INTERNAL of the server as its answer, and asks again after one of the line', async () => {
    let asked = 0;
    const stub = await startStub({
      onCall: ({ task }) => {
        asked += 1;
        if (asked === 1) throw unmarked(status.INTERNAL, 'Received RST_STREAM with code 2');
        if (asked === 2) return { taskId: task!.id, state: TaskState.SUCCEEDED, result: Buffer.from('1') };
        throw toStatus(new TypeError('x is not a function'));
      },
    });
    const producer = use(createProducer(connectTo(stub.address)));
    await producer.call('q', 1);
    assert.equal(asked, 2);
    await assert.rejects(producer.call('q', 1), { code: 'INTERNAL', isMarked: true });
    assert.equal(asked, 3);
  });

  it('call() asks again after a refusal of something on the way, and not after one of the server', async () => {
    let asked = 0;
    const stub = await startStub({
      onCall: ({ task }) => {
        asked += 1;
        if (asked === 2) throw unmarked(status.UNIMPLEMENTED, 'Received HTTP status code 404');
        if (asked < 4) return { taskId: task!.id, state: TaskState.SUCCEEDED, result: Buffer.from('1') };
        throw toStatus(new ContactError('PERMISSION_DENIED', 'not for you'));
      },
    });
    const producer = use(createProducer(connectTo(stub.address)));
    await producer.call('q', 1);
    await producer.call('q', 1);
    assert.equal(asked, 3);
    await assert.rejects(producer.call('q', 1), { code: 'PERMISSION_DENIED', isMarked: true });
    assert.equal(asked, 4);
  });

  it('knows a refusal of a real server as its own', async () => {
    const server = await startDurable();
    const admin = use(createAdmin(connectTo(server.address)));
    await assert.rejects(admin.describeTask('x'), { isMarked: true, advice: undefined });
  });
});
