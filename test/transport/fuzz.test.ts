import assert from 'node:assert/strict';
import { type ClientHttp2Stream, connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import type { DescMethod } from '@bufbuild/protobuf';
import { type Metadata, type StatusObject, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { ContactService, TaskService } from '../../gen/index.ts';
import { methodPath } from '../../shared/grpc.ts';
import { newSessionId, newTaskId } from '../../shared/ids.ts';
import { type Clients, connect, enqueueMany, SERVICES } from '../scene/clients.ts';
import { type Draw, drawMessage, mutate, type Words } from '../scene/drawn.ts';
import { closeScene } from '../scene/end.ts';
import { type Scene, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { writeIdentity } from '../scene/worker.ts';
import { openTraffic, type Traffic } from './traffic.ts';

/** Streams that go on are cancelled after this. */
const PATIENCE_MS = 60;
const ROUNDS = 8;
const CALLS = 6;

const same = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

/** One call of any kind with these frames; answers what it ended with, or undefined when it went on. */
function send(
  clients: Clients,
  method: DescMethod,
  frames: Uint8Array[],
  metadata: Metadata,
): Promise<StatusObject | undefined> {
  return new Promise((resolve) => {
    const call = clients.tasks.makeBidiStreamRequest(methodPath(method), same, same, metadata);
    let isCancelled = false;
    const timer = setTimeout(() => {
      isCancelled = true;
      call.cancel();
    }, PATIENCE_MS);
    call.on('data', () => undefined);
    call.on('error', () => undefined);
    call.on('status', (end: StatusObject) => {
      clearTimeout(timer);
      resolve(isCancelled ? undefined : end);
    });
    for (const frame of frames) call.write(frame);
    call.end();
  });
}

describe('a server that is sent nonsense', function () {
  this.timeout(120_000);
  const failures: object[] = [];
  let scene: Scene;
  let clients: Clients;
  let innocent: Traffic;
  let words: Words;

  beforeEach(async () => {
    failures.length = 0;
    const logger = {
      info: () => undefined,
      warn: () => undefined,
      error: (fields: object) => void failures.push(fields),
    };
    scene = await startScene({ pingIntervalMs: 20_000 }, { logger });
    clients = connect(scene);
    innocent = await openTraffic(connect(scene));
    const ids = [...(await enqueueMany(clients, 5, { queue: 'fuzz' })), newTaskId()];
    words = {
      '': ['', 'fuzz', '*', 'a=b,c in (d)', newSessionId()],
      id: ids,
      ids,
      task_id: ids,
      parent_id: ids,
      page_token: ids,
      queue: ['fuzz'],
      queues: ['fuzz', 'other'],
      client_id: ['fuzz'],
      previous_session: [newSessionId()],
      cursor: ['e.1', '', '.'],
      service: ['', TaskService.typeName],
      file_containing_symbol: [TaskService.typeName, 'contact.v1.Task'],
    };
  });
  afterEach(closeScene);

  for (const service of SERVICES) {
    it(`answers every call of ${service.typeName} with a status`, async () => {
      const property = fc.asyncProperty(fc.gen(), fc.constantFrom(...service.methods), async (draw: Draw, method) => {
        const calls = Array.from({ length: CALLS }, async () => {
          const metadata = writeIdentity('fuzz', newSessionId());
          // A method that takes one message is sent none or two now and then.
          const isStream = method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming';
          const most = isStream || draw(fc.nat, { max: 9 }) === 0 ? 4 : 1;
          const frames = Array.from({ length: draw(fc.integer, { min: isStream ? 0 : most % 4, max: most }) }, () =>
            mutate(draw, drawMessage(draw, method.input, words)),
          );
          if (method === ContactService.method.sendStatus) {
            clients.contact
              .getTask({ queues: ['fuzz'], ephemeral: true }, metadata)
              .on('error', () => undefined)
              .on('data', () => undefined);
          }
          const end = await send(clients, method, frames, metadata);
          assert.ok(end === undefined || end.code in status, `${method.name}: ${end?.code}`);
          assert.notEqual(end?.code, status.UNKNOWN, end?.details);
          assert.doesNotMatch(end?.details ?? '', /internal error|at .*\.ts:|undefined/);
        });
        await Promise.all(calls);
      });
      await fc.assert(property, { numRuns: ROUNDS * Math.ceil(service.methods.length / 2) });
      assert.deepEqual(failures, []);
      await innocent.stop();
    });
  }

  it('survives frames that are not gRPC', async () => {
    const bodies = [
      '',
      '00',
      '0000000005',
      '00ffffffff',
      '010000000112',
      '0200000000',
      '0000000002ffff',
      '00000000000000000000',
      'deadbeefdeadbeef',
    ];
    const session = connectHttp2(`http://${scene.address}`);
    session.on('error', () => undefined);
    let answered = 0;
    const streams: ClientHttp2Stream[] = [];
    const ends = SERVICES.flatMap(({ methods }) => methods).flatMap((method) =>
      bodies.map(
        (body) =>
          new Promise<void>((resolve) => {
            const stream = session.request({
              ':method': 'POST',
              ':path': methodPath(method),
              'content-type': 'application/grpc',
              te: 'trailers',
            });
            let code = '';
            const read = (headers: IncomingHttpHeaders): void => {
              if (code !== '' || headers['grpc-status'] === undefined) return;
              code = String(headers['grpc-status']);
              answered += 1;
            };
            streams.push(stream);
            stream.on('response', read);
            stream.on('trailers', read);
            stream.on('error', () => undefined);
            stream.on('close', () => resolve());
            stream.resume();
            stream.end(Buffer.from(body, 'hex'));
          }),
      ),
    );
    await until('most are answered', () => answered > ends.length / 2);
    // The others wait for more, or follow something.
    for (const stream of streams) stream.close();
    await Promise.all(ends);
    await new Promise<void>((resolve) => session.close(resolve));
    assert.deepEqual(failures, []);
    await innocent.stop();
  });

  it('survives requests that are not gRPC', async () => {
    const session = connectHttp2(`http://${scene.address}`);
    session.on('error', () => undefined);
    const requests = [
      { ':path': '/' },
      { ':method': 'POST', ':path': '/', 'content-type': 'text/plain' },
      { ':method': 'POST', ':path': '/contact.v1.TaskService/EnqueueTasks', 'content-type': 'application/json' },
      { ':method': 'DELETE', ':path': '/contact.v1.TaskService/EnqueueTasks', 'content-type': 'application/grpc' },
      { ':method': 'POST', ':path': '/%00/..', 'content-type': 'application/grpc', 'grpc-timeout': 'soon' },
      {
        ':method': 'POST',
        ':path': '/contact.v1.TaskService/ListTasks',
        'content-type': 'application/grpc',
        'grpc-encoding': 'br',
      },
      {
        ':method': 'POST',
        ':path': '/contact.v1.ContactService/GetTask',
        'content-type': 'application/grpc',
        'contact-client-bin': '!!',
      },
    ];
    await Promise.all(
      requests.map(
        (headers) =>
          new Promise<void>((resolve) => {
            const stream = session.request(headers);
            stream.on('error', () => undefined);
            stream.on('close', resolve);
            stream.resume();
            stream.end(Buffer.from('0000000000', 'hex'));
          }),
      ),
    );
    await new Promise<void>((resolve) => session.close(resolve));
    await innocent.stop();
  });

  it('survives bytes that are not HTTP/2', async () => {
    const [host, port] = scene.address.split(':') as [string, string];
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), fc.boolean(), async (bytes, hasPreface) => {
      const socket = connectTcp({ host, port: Number(port) });
      await new Promise<void>((resolve) => {
        socket.on('error', () => undefined);
        socket.on('close', () => resolve());
        socket.resume();
        socket.end(hasPreface ? Buffer.concat([preface, bytes]) : bytes);
        setTimeout(() => socket.destroy(), PATIENCE_MS);
      });
    });
    await fc.assert(property, { numRuns: 30 });
    await innocent.stop();
    assert.ok(scene.connectionCount <= 3);
  });
});
