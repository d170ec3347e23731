import assert from 'node:assert/strict';
import { createWorker } from '../../client/index.ts';
import { AdminService } from '../../gen/index.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { createCaller, untilServed } from '../scene/callers.ts';
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
