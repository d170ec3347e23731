import http2, { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AdminService,
  health,
  reflection,
  TaskService,
  WatchResultsRequestSchema,
  WatchTaskRequestSchema,
} from '../../gen/index.ts';
import { methodPath } from '../../shared/grpc.ts';
import { ask, type Clients, connect, enqueue } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { dial, frame, open } from '../scene/http2.ts';
import { type Scene, startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';

const { NGHTTP2_CANCEL: CANCEL, NGHTTP2_ENHANCE_YOUR_CALM: ENHANCE_YOUR_CALM } = http2.constants;
const FAST = { pingIntervalMs: 60, slowLineBytesPerSecond: 4_000_000, stuckSocketMs: 100 };
const PATIENT = { ...FAST, pingIntervalMs: 5_000 };
const STREAM_ENQUEUE = methodPath(TaskService.method.streamEnqueue);
const WATCH_TASK = methodPath(TaskService.method.watchTask);

describe('streamed answers', () => {
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

  /** The client of a window that is not opened again. */
  function openSession(initialWindowSize: number): ClientHttp2Session {
    const session = dial(scene, { initialWindowSize });
    atEnd(() => session.destroy());
    return session;
  }

  function watch(session: ClientHttp2Session, path: string, request: Uint8Array): ClientHttp2Stream {
    const stream = open(session, path).resume();
    // Of a stream of requests more may come.
    if (path === STREAM_ENQUEUE || path === REFLECTION) stream.write(frame(request));
    else stream.end(frame(request));
    return stream;
  }

  const REFLECTION = methodPath(reflection.ServerReflection.method.serverReflectionInfo);
  const streams = [
    ['WatchTask', WATCH_TASK],
    ['WatchResults', methodPath(TaskService.method.watchResults)],
    ['StreamEnqueue', STREAM_ENQUEUE],
    ['Health.Watch', methodPath(health.Health.method.watch)],
    ['reflection', REFLECTION],
  ] as const;

  async function requestOf(name: (typeof streams)[number][0]): Promise<Uint8Array> {
    const [id] = await enqueue(witness, { payload: Buffer.alloc(200_000) });
    switch (name) {
      case 'WatchTask':
        return toBinary(WatchTaskRequestSchema, create(WatchTaskRequestSchema, { id: id! }));
      case 'WatchResults':
        return toBinary(WatchResultsRequestSchema, create(WatchResultsRequestSchema, { follow: true }));
      case 'reflection': {
        const schema = reflection.ServerReflectionRequestSchema;
        const messageRequest = { case: 'listServices', value: '' } as const;
        return toBinary(schema, create(schema, { messageRequest }));
      }
      default:
        return new Uint8Array();
    }
  }

  for (const [name, path] of streams) {
    it(`of ${name} end when nothing of them is read, however little it is`, async () => {
      await begin(FAST);
      const call = watch(openSession(0), path, await requestOf(name));
      await until('it is closed', () => call.rstCode === CANCEL, 5_000);
      await serveWitness();
    });
  }

  it('of WatchTask end when nothing is read of a task that is over', async () => {
    await begin(FAST);
    const request = await requestOf('WatchTask');
    const { id } = fromBinary(WatchTaskRequestSchema, request);
    await ask(witness, TaskService.method.cancelTasks, { ids: [id] });
    const call = watch(openSession(0), WATCH_TASK, request);
    await until('it is closed', () => call.rstCode === CANCEL, 5_000);
  });

  it('that nobody reads have one budget, and who has not read for longest ends', async () => {
    await begin({ ...PATIENT, heldBudgetBytes: 1_000_000 });
    const request = await requestOf('WatchTask');
    const session = openSession(1_000);
    const calls: ClientHttp2Stream[] = [];
    for (let n = 0; n < 3; n++) {
      const call = watch(session, WATCH_TASK, request);
      await new Promise((resolve) => call.once('response', resolve));
      calls.push(call);
    }
    await until('the oldest is closed', () => calls[0]!.rstCode === ENHANCE_YOUR_CALM, 5_000);
    await never('another one is', () => calls.slice(1).some(({ rstCode }) => rstCode), 600);
    await serveWitness();
  });
});
