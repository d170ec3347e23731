import assert from 'node:assert/strict';
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import {
  AdminService,
  DescribeTaskRequestSchema,
  EnqueueTasksRequestSchema,
  health,
  TaskService,
} from '../../gen/index.ts';
import { methodPath } from '../../shared/grpc.ts';
import { ask, type Clients, connect, enqueue } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { type Scene, startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';

const FAST = { pingIntervalMs: 60, slowLineBytesPerSecond: 4_000_000, stuckSocketMs: 100 };
const PATIENT = { ...FAST, pingIntervalMs: 5_000 };

/** A call by hand. */
interface RawCall {
  readonly stream: ClientHttp2Stream;
  readonly status: string | undefined;
  /** Of HTTP. */
  readonly code: number | undefined;
  readonly message: string | undefined;
  readonly isClosed: boolean;
}

const codeOf = ({ status: code }: RawCall): string | undefined => status[Number(code)];

describe('calls', () => {
  let scene: Scene;
  let witness: Clients;

  afterEach(closeScene);

  async function begin(options: Parameters<typeof startScene>[0]): Promise<void> {
    scene = await startScene(options);
    witness = connect(scene);
    await serveWitness();
  }

  async function serveWitness(): Promise<void> {
    await ask(witness, AdminService.method.listQueues, {});
  }

  function openSession(settings: http2.Settings = {}): ClientHttp2Session {
    const session = http2.connect(`http://${scene.address}`, { settings });
    session.on('error', () => undefined);
    atEnd(() => session.destroy());
    return session;
  }

  function open(session: ClientHttp2Session, path: string, more: http2.OutgoingHttpHeaders = {}): RawCall {
    const stream = session.request(
      { ':method': 'POST', ':path': path, 'content-type': 'application/grpc+proto', te: 'trailers', ...more },
      { endStream: false },
    );
    const call = { stream, status: undefined, code: undefined, message: undefined, isClosed: false } as {
      -readonly [K in keyof RawCall]: RawCall[K];
    };
    const hear = (headers: http2.IncomingHttpHeaders): void => {
      call.status ??= headers['grpc-status'] as string | undefined;
      call.code ??= headers[':status'] as number | undefined;
      call.message ??= headers['grpc-message'] as string | undefined;
    };
    stream.on('response', hear);
    stream.on('trailers', hear);
    stream.on('error', () => undefined);
    stream.on('close', () => {
      call.isClosed = true;
    });
    return call;
  }

  /** A message of `bytes`, of which `sent` are sent. */
  function head(bytes: number, sent: number): Buffer {
    const buffer = Buffer.alloc(5 + sent);
    buffer.writeUInt32BE(bytes, 1);
    return buffer;
  }

  const ENQUEUE = methodPath(TaskService.method.enqueueTasks);
  const STREAM_ENQUEUE = methodPath(TaskService.method.streamEnqueue);

  for (const [title, path, bytes] of [
    ['with an unfinished message', ENQUEUE, head(1_000_000, 500_000)],
    ['with an unfinished message in a stream', STREAM_ENQUEUE, head(1_000_000, 500_000)],
    ['with an unfinished head of a message', STREAM_ENQUEUE, Buffer.alloc(3)],
    ['with one request and no end', ENQUEUE, head(0, 0)],
    ['with one request that does not begin', ENQUEUE, Buffer.alloc(0)],
  ] as const) {
    it(`${title} end after three ping intervals`, async () => {
      await begin(FAST);
      const call = open(openSession(), path);
      call.stream.resume();
      if (bytes.byteLength > 0) call.stream.write(bytes);
      await until('it is ended', () => call.status !== undefined, 5_000);
      assert.equal(codeOf(call), 'UNAVAILABLE');
      assert.match(decodeURI(call.message!), /a message did not become whole in time/);
      await until('it is closed', () => call.isClosed, 5_000);
      await serveWitness();
    });
  }

  it('that send a byte now and then end as well', async () => {
    await begin(FAST);
    const call = open(openSession(), ENQUEUE);
    call.stream.resume();
    call.stream.write(head(1_000, 0));
    const timer = setInterval(() => call.stream.writable && call.stream.write('x'), 20);
    atEnd(() => clearInterval(timer));
    await until('it is ended', () => call.status === '14', 5_000);
    clearInterval(timer);
    await serveWitness();
  });

  it('that wait between two messages live', async () => {
    await begin(FAST);
    const call = open(openSession(), STREAM_ENQUEUE);
    call.stream.resume();
    call.stream.write(head(0, 0));
    await never('it ends', () => call.status !== undefined || call.isClosed, 500);
  });

  it('with unfinished messages have one budget, and the oldest end', async () => {
    await begin({ ...PATIENT, heldBudgetBytes: 1_000_000 });
    const session = openSession();
    const calls: RawCall[] = [];
    for (let n = 0; n < 3; n++) {
      const call = open(session, ENQUEUE);
      call.stream.resume();
      call.stream.write(head(1_000_000, 400_000));
      calls.push(call);
    }
    await until('one is ended', () => calls.some(({ status }) => status !== undefined));
    await never('a second one is', () => calls.filter(({ status }) => status !== undefined).length > 1, 600);
    const ended = calls.find(({ status }) => status !== undefined)!;
    assert.equal(codeOf(ended), 'RESOURCE_EXHAUSTED');
    assert.match(decodeURI(ended.message!), /take more than the server has/);
    await serveWitness();
  });

  it('whose message comes in pieces of a byte cost what they have sent, and are answered once it is whole', async () => {
    await begin({ ...PATIENT, heldBudgetBytes: 1_000_000 });
    const tasks = [{ queue: 'q', payload: Buffer.alloc(4_000) }];
    const request = toBinary(EnqueueTasksRequestSchema, create(EnqueueTasksRequestSchema, { tasks }));
    const call = open(openSession(), ENQUEUE);
    call.stream.resume();
    call.stream.write(Buffer.concat([head(request.byteLength, 0), request.subarray(0, 1)]));
    // Each is a frame of its own; as many pieces would be twice the budget.
    for (const byte of request.subarray(1, -1))
      await new Promise((resolve) => call.stream.write(Buffer.of(byte), resolve));
    await never('it is ended', () => call.status !== undefined, 600);
    call.stream.end(request.subarray(-1));
    await until('it is answered', () => call.status !== undefined);
    assert.equal(codeOf(call), 'OK');
  });

  /** Asks for a task of 200 kB through a window of 1 kB that is not opened again. */
  async function askAndDoNotRead(session: ClientHttp2Session): Promise<RawCall> {
    const [id] = await enqueue(witness, { payload: Buffer.alloc(200_000) });
    const call = open(session, methodPath(TaskService.method.describeTask));
    const request = toBinary(DescribeTaskRequestSchema, create(DescribeTaskRequestSchema, { id: id! }));
    const message = head(request.byteLength, request.byteLength);
    message.set(request, 5);
    call.stream.end(message);
    await new Promise((resolve) => call.stream.once('response', resolve));
    return call;
  }

  it('whose answer nobody reads end', async () => {
    await begin(FAST);
    const call = await askAndDoNotRead(openSession({ initialWindowSize: 1_000 }));
    await until('it is closed', () => call.stream.rstCode === 8, 5_000);
    await serveWitness();
  });

  it('whose answers nobody reads have one budget', async () => {
    await begin({ ...PATIENT, heldBudgetBytes: 300_000 });
    const session = openSession({ initialWindowSize: 1_000 });
    const first = await askAndDoNotRead(session);
    const second = await askAndDoNotRead(session);
    await until('the older one is closed', () => first.stream.rstCode === 8, 5_000);
    await never('the other one is', () => second.stream.rstCode !== 0, 600);
    await serveWitness();
  });

  it('of one connection are no more than the server says', async () => {
    await begin({ ...PATIENT, maxStreamsPerConnection: 3 });
    const session = openSession();
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    assert.equal(session.remoteSettings.maxConcurrentStreams, 3);
    let taken = 0;
    for (let n = 0; n < 4; n++) {
      const { stream } = open(session, STREAM_ENQUEUE);
      stream.resume();
      stream.once('response', () => {
        taken += 1;
      });
    }
    await until('three are open', () => taken === 3);
    await never('a fourth is', () => taken > 3, 100);
    await serveWitness();
  });

  for (const [title, path, headers] of [
    ['of a method that is not there', '/contact.v1.TaskService/Nothing', {}],
    ['of a path that is none', '/x', {}],
    ['that are not gRPC', ENQUEUE, { 'content-type': 'text/plain' }],
    ['with a compressed request', ENQUEUE, { 'grpc-encoding': 'gzip' }],
  ] as const) {
    it(`${title} are closed, although their client does not end them`, async () => {
      await begin(PATIENT);
      const call = open(openSession(), path, headers);
      call.stream.resume();
      await until('it is closed', () => call.isClosed, 5_000);
      assert.match(`${call.status} ${call.code}`, /^(12 200|undefined 404)$/);
      await serveWitness();
    });
  }

  it('of all connections are no more than the server takes, and health checks; one that ends makes room', async () => {
    await begin({ ...PATIENT, maxOpenCalls: 2 });
    const calls = Array.from({ length: 2 }, () => open(openSession(), STREAM_ENQUEUE));
    for (const { stream } of calls) stream.resume();
    for (const { stream } of calls) await new Promise((resolve) => stream.once('response', resolve));
    const refused = open(openSession(), STREAM_ENQUEUE);
    refused.stream.resume();
    await until('it is refused', () => refused.status !== undefined);
    assert.equal(codeOf(refused), 'RESOURCE_EXHAUSTED');
    assert.match(decodeURI(refused.message!), /calls: 2 are open/);
    await until('it is closed', () => refused.isClosed, 5_000);
    const probe = open(openSession(), methodPath(health.Health.method.check));
    probe.stream.resume().end(head(0, 0));
    await until('a health check is answered', () => probe.status !== undefined);
    assert.equal(probe.status, '0');
    calls[0]!.stream.close(8);
    await until('the witness is served', () =>
      serveWitness().then(
        () => true,
        () => false,
      ),
    );
  });
});
