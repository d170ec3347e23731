import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { type DescField, type DescMessage, type DescMethod, ScalarType } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type StatusObject, status } from '@grpc/grpc-js';
import { ContactService, TaskService } from '../../gen/index.ts';
import { ContactError } from '../../shared/errors.ts';
import { methodPath } from '../../shared/grpc.ts';
import { newSessionId } from '../../shared/ids.ts';
import { type Clients, connect, enqueue, SERVICES } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { type Scene, startScene } from '../scene/server.ts';
import { writeIdentity } from '../scene/worker.ts';

const MANY = 1_000_000;
const MAX_HEAP_GROWTH = 60 << 20;

const same = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

/** Ends with a status by itself; a call is not half-closed, so that it ends for what it was sent. */
async function send(clients: Clients, method: DescMethod, body: Uint8Array): Promise<StatusObject> {
  const isStream = method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming';
  const metadata = writeIdentity('w', newSessionId());
  if (method === ContactService.method.sendStatus) {
    const session = clients.contact.getTask({ queues: ['q'], ephemeral: true }, metadata).on('error', () => undefined);
    await once(session, 'data');
    session.resume();
  }
  return new Promise((resolve) => {
    const call = clients.tasks.makeBidiStreamRequest(methodPath(method), same, same, metadata);
    call.on('data', () => undefined);
    call.on('error', () => undefined);
    call.on('status', resolve);
    call.write(body);
    if (!isStream) call.end();
  });
}

/** The fields to reach the end of each path, the repeated one or an unknown one last. */
function* pathsOf(message: DescMessage, path: readonly DescField[] = []): Generator<readonly DescField[]> {
  for (const field of message.fields) {
    if (field.fieldKind === 'list' || field.fieldKind === 'map' || field.message) yield [...path, field];
    if (field.fieldKind !== 'map' && field.message) yield* pathsOf(field.message, [...path, field]);
  }
}

const isText = ({ scalar }: DescField): boolean => scalar === ScalarType.STRING || scalar === ScalarType.BYTES;

function isPackable(field: DescField): boolean {
  return field.fieldKind === 'list' && field.listKind !== 'message' && !isText(field);
}

/** The last field of the path many times, empty; packed where numbers can be. */
function writePath(path: readonly DescField[], isPacked: boolean): Uint8Array {
  const last = path.at(-1)!;
  const item = new BinaryWriter().tag(last.number, isPackable(last) ? WireType.Varint : WireType.LengthDelimited);
  const bytes = Buffer.from(item.int32(0).finish());
  const packed = new BinaryWriter().tag(last.number, WireType.LengthDelimited).bytes(new Uint8Array(MANY));
  const body = isPacked ? packed.finish() : Buffer.alloc(MANY * bytes.length, bytes);
  return path
    .slice(0, -1)
    .reduceRight<Uint8Array>(
      (inner, { number }) => new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(inner).finish(),
      body,
    );
}

describe('a small message of a great many items', function () {
  this.timeout(120_000);
  let scene: Scene;
  let clients: Clients;

  before(async () => {
    scene = await startScene({ pingIntervalMs: 5_000 });
    clients = connect(scene);
  });
  after(closeScene);

  for (const method of SERVICES.flatMap(({ methods }) => methods)) {
    const places = [...pathsOf(method.input)];
    if (places.length === 0) continue;
    it(`is refused before it is decoded: ${method.parent.typeName}.${method.name}`, async () => {
      for (const path of places) {
        for (const isPacked of isPackable(path.at(-1)!) ? [false, true] : [false]) {
          const place = path.map(({ name }) => name).join('.');
          const body = writePath(path, isPacked);
          const heapBefore = process.memoryUsage().heapUsed;
          const startedAt = performance.now();
          const { code, details } = await send(clients, method, body);
          const took = performance.now() - startedAt;
          const grown = process.memoryUsage().heapUsed - heapBefore;
          assert.equal(status[code], 'RESOURCE_EXHAUSTED', `${place}: ${details}`);
          assert.match(details, /at most \d+/, place);
          assert.ok(took < 3_000, `${place}: ${took} ms`);
          assert.ok(grown < MAX_HEAP_GROWTH, `${place}: ${grown} bytes more`);
        }
      }
      await enqueue(clients, { queue: 'after' });
    });
  }

  it('names the place', async () => {
    const { tasks } = TaskService.method.enqueueTasks.input.field;
    const metadata = tasks.message!.field.metadata!;
    const end = await send(clients, TaskService.method.enqueueTasks, writePath([tasks, metadata], false));
    assert.equal(end.details, 'tasks[0].metadata: at most 64 in one message');
    const { field, index } = ContactError.from(Object.assign(new Error(), end));
    assert.deepEqual({ field, index }, { field: 'tasks[0].metadata', index: 0 });
  });

  it('ends a stream that goes on, after what came before was stored', async () => {
    const { streamEnqueue } = TaskService.method;
    const { code, details } = await send(clients, streamEnqueue, writePath([streamEnqueue.input.field.tasks], false));
    assert.equal(`${status[code]} ${details}`, 'RESOURCE_EXHAUSTED tasks: at most 1000 in one message');
  });

  it('ends a stream whose reader takes nothing', async () => {
    const { streamEnqueue } = TaskService.method;
    const session = connectHttp2(`http://${scene.address}`, { settings: { initialWindowSize: 0 } });
    await once(session, 'remoteSettings');
    const stream = session.request({
      ':method': 'POST',
      ':path': methodPath(streamEnqueue),
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => undefined);
    const closed = new Promise((resolve) => stream.on('close', resolve));
    const body = writePath([streamEnqueue.input.field.tasks], false);
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length, 1);
    stream.write(Buffer.concat([head, body]));
    await closed;
    session.close();
  });

  it('of a method without payloads has at most 64 KiB', async () => {
    const { describeTask } = TaskService.method;
    const body = new BinaryWriter()
      .tag(1, WireType.LengthDelimited)
      .bytes(new Uint8Array(64 << 10))
      .finish();
    const { code, details } = await send(clients, describeTask, body);
    assert.equal(
      `${status[code]} ${details}`,
      `RESOURCE_EXHAUSTED request: ${body.length} bytes, at most 65536 are taken`,
    );
  });
});
