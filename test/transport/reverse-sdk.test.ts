import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { createWorker } from '../../client/index.ts';
import { AdminService } from '../../gen/index.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { createCaller, startCallee, untilServed } from '../scene/callers.ts';
import { ask, connect } from '../scene/clients.ts';
import { createEcho } from '../scene/echo.ts';
import { closeScene, useWorker } from '../scene/end.ts';
import { connectTo, startScene } from '../scene/server.ts';

describe('worker.serve()', () => {
  afterEach(closeScene);

  it('is all that a worker without queues does: live calls, kept ones, and an end', async () => {
    const { address } = await startScene();
    const worker = useWorker(createWorker(connectTo(address)));
    worker.serve(Echo, createEcho());
    await worker.connected();
    await untilServed(address);
    const reply = await createCaller(address).unary('kept', { metadata: { 'contact-mode': 'durable' } });
    assert.deepEqual(reply.bodies, ['kept']);
    await worker.drain();
  });

  it('needs no session of tasks when nothing of it is kept', async () => {
    const scene = await startScene();
    const { down } = createEcho();
    const worker = useWorker(createWorker({ ...connectTo(scene.address), clientId: 'streams' }));
    const states: string[] = [];
    worker.status$.subscribe(({ state }) => states.push(state));
    worker.serve(Echo, { down: down! }, { maxCalls: 3 });
    await worker.connected();
    const { clients } = await ask(connect(scene), AdminService.method.listClients, {});
    const [{ queues, services, maxCalls }] = clients as [(typeof clients)[0]];
    assert.deepEqual([queues, services, maxCalls], [[], ['echo.Echo'], 3]);
    await worker.stop();
    assert.deepEqual(states, ['connecting', 'connected', 'draining', 'stopped']);
  });

  it('refuses what is no number of calls, and a worker needs queues where it has a handler', async () => {
    const { address } = await startScene();
    const worker = useWorker(createWorker(connectTo(address)));
    for (const maxCalls of [0, 10_001, 1.5]) {
      assert.throws(() => worker.serve(Echo, createEcho(), { maxCalls }), {
        code: 'INVALID_ARGUMENT',
        field: 'maxCalls',
      });
    }
    await worker.stop();
    const options = { ...connectTo(address), handler: () => null };
    assert.throws(() => createWorker(options), { code: 'INVALID_ARGUMENT', field: 'queues' });
    assert.throws(() => createWorker({ ...connectTo(address), queues: ['q'] }), { field: 'handler' });
  });

  it('takes an instance of a class, whose own fields are its own affair', async () => {
    const { address } = await startScene();
    class Greeting {
      readonly words = Buffer.from('Hello, ');
      unary({ body }: { body: Uint8Array }) {
        return { body: Buffer.concat([this.words, body]) };
      }
    }
    const worker = useWorker(createWorker(connectTo(address)));
    worker.serve(Echo, new Greeting());
    await untilServed(address);
    for (const metadata of [{}, { 'contact-mode': 'durable' }]) {
      assert.deepEqual((await createCaller(address).unary('Ada', { metadata })).bodies, ['Hello, Ada']);
    }
  });

  it('refuses what is no service and no handlers of one, and serves on', async () => {
    const { address } = await startScene();
    const worker = useWorker(createWorker(connectTo(address)));
    const grpcJs = { Unary: { path: '/echo.Echo/Unary', requestStream: false } };
    for (const [service, handlers, field] of [
      ['echo.Echo', {}, 'service'],
      [grpcJs, createEcho(), 'service'],
      [{ typeName: 'echo.Echo', methods: {} }, createEcho(), 'service'],
      [null, createEcho(), 'service'],
      [Echo, {}, 'handlers'],
      [Echo, null, 'handlers'],
      [Echo, new (class Empty {})(), 'handlers'],
      [Echo, { unari: () => ({}) }, 'handlers.unari'],
      [Echo, { unary: 1 }, 'handlers.unary'],
    ] as const) {
      assert.throws(() => worker.serve(service as never, handlers as never), { code: 'INVALID_ARGUMENT', field });
    }
    worker.serve(Echo, createEcho());
    await worker.connected();
    await untilServed(address);
  });

  it('tells its logger where a handler has failed that did not mean to, and its caller what it said', async () => {
    const { address } = await startScene();
    const lines: string[] = [];
    const logger = { info: () => undefined, warn: (line: string) => void lines.push(line) };
    await startCallee(address, { ...createEcho(), up: async () => undefined as never }, { logger });
    const { unary, client } = createCaller(address);
    for (const mode of ['live', 'durable']) {
      const metadata = { 'contact-mode': mode };
      assert.deepEqual((await unary('!throw oops', { metadata })).details, 'oops');
      assert.equal((await unary('!status', { metadata })).code, status.FAILED_PRECONDITION);
    }
    const asked = await new Promise<ServiceError | null>(
      (resolve) => void client.up(new Metadata(), {}, resolve).end(),
    );
    assert.deepEqual(
      [asked?.code, asked?.details],
      [
        status.UNKNOWN,
        'its handler has answered wrongly: the answer: expected a message echo.Summary, got a value of type undefined',
      ],
    );
    const told = lines.map((line) => line.split('\n', 2));
    assert.deepEqual(
      told.map(([first]) => first),
      [
        'the handler of echo.Echo/Unary has failed: Error: oops',
        'the handler of echo.Echo/Unary has failed: Error: oops',
        `the handler of echo.Echo/Up has failed: TypeError: ${asked?.details}`,
      ],
    );
    assert.match(told[0]![1]!, /^ +at .*echo\.ts:/);
  });

  it('serves a thousand methods, and as many queues with those of kept calls; more are refused at once', async () => {
    const { address } = await startScene();
    const worker = useWorker(createWorker({ ...connectTo(address), clientId: 'many' }));
    const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `p.S/M${at}`);
    async function* answer(): AsyncGenerator<Uint8Array> {}
    assert.throws(() => worker.serveRaw(names(1_001), answer), {
      code: 'INVALID_ARGUMENT',
      field: 'methods',
      message: 'methods: expected at most 1000 that one worker serves, got 1001',
    });
    worker.serveRaw(names(1_000), answer);
    await worker.connected();
    assert.throws(() => worker.serve(Echo, createEcho()), { code: 'INVALID_ARGUMENT', field: 'methods' });

    const queues = Array.from({ length: 1_000 }, (_, at) => `q${at}`);
    const full = useWorker(createWorker({ ...connectTo(address), queues, handler: () => null, clientId: 'full' }));
    assert.throws(() => full.serve(Echo, createEcho()), {
      code: 'INVALID_ARGUMENT',
      field: 'queues',
      message: 'queues: expected at most 1000 with the methods whose calls are kept in a queue, got 1001',
    });
    const { down } = createEcho();
    full.serve(Echo, { down: down! });
    await full.connected();
  });
});
