import assert from 'node:assert/strict';
import type { ServerHttp2Stream } from 'node:http2';
import { createAdmin, createObserver, createProducer, createWorker, type WorkerStatus } from '../../client/index.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { connectTo, startDurable } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import {
  ENHANCE_YOUR_CALM,
  INADEQUATE_SECURITY,
  openGate,
  openNarrowProxy,
  openTurnout,
  respond,
  trailersOnly,
} from './proxies.ts';

describe('the SDK behind a proxy', () => {
  afterEach(closeScene);

  const answers: Readonly<Record<string, (stream: ServerHttp2Stream) => void>> = {
    'HTTP 401': respond(401),
    'HTTP 403': respond(403),
    'HTTP 404': respond(404),
    'HTTP 502': respond(502),
    'HTTP 413': respond(413),
    UNIMPLEMENTED: trailersOnly(12),
    UNAUTHENTICATED: trailersOnly(16),
    'a reset with ENHANCE_YOUR_CALM': (stream) => stream.close(ENHANCE_YOUR_CALM),
    'a GOAWAY for too many pings': ({ session }) => {
      session?.goaway(ENHANCE_YOUR_CALM, 0, Buffer.from('too_many_pings'));
      session?.destroy();
    },
    'a reset with INADEQUATE_SECURITY': (stream) => stream.close(INADEQUATE_SECURITY),
  };
  for (const [words, answer] of Object.entries(answers)) {
    it(`outlives a passing answer of ${words}, and loses nothing`, async () => {
      const server = await startDurable({ resumeWindowMs: 10_000 });
      const turnout = await openTurnout(server.address);
      const connection = connectTo(turnout.address);
      const gate = Promise.withResolvers<string>();
      const entered: string[] = [];
      const worker = useWorker(
        createWorker({
          ...connection,
          queues: ['q'],
          handler: async (payload: string) => {
            entered.push(payload);
            return payload === 'first' ? gate.promise : 'quick';
          },
        }),
      );
      const states: WorkerStatus['state'][] = [];
      worker.status$.subscribe(({ state }) => states.push(state));
      const producer = use(createProducer<string>(connection));
      const observer = use(createObserver<string>(connection));
      const results = observer.results({ from: 'beginning' });
      const settled: string[] = [];
      const reading = (async () => {
        for await (const result of results) {
          settled.push(result.value() ?? 'nothing');
          if (settled.length === 3) return;
        }
      })();
      reading.catch(() => {});
      await producer.enqueue('q', 'first');
      const call = producer.call<string>('q', 'called');
      call.catch(() => {});
      await until('the handler runs', () => entered.length === 1);

      turnout.turn(answer);
      const enqueued = producer.enqueue('q', 'during');
      enqueued.catch(() => {});
      await until('everybody was refused', () => turnout.refusals >= 12 || states.includes('stopped'));
      gate.resolve('slow');
      turnout.turn();

      await enqueued;
      assert.equal(await call, 'quick');
      await reading;
      assert.deepEqual(settled, ['slow', 'quick', 'quick']);
      assert.deepEqual(entered.toSorted(), ['called', 'during', 'first']);
    });
  }

  it('takes a refusal before the first success as the last word', async () => {
    const server = await startDurable();
    const turnout = await openTurnout(server.address);
    turnout.turn(respond(404));
    const connection = connectTo(turnout.address);
    const worker = useWorker(createWorker({ ...connection, queues: ['q'], handler: async () => 1 }));
    await assert.rejects(worker.finished, { code: 'UNIMPLEMENTED' });
    const producer = use(createProducer(connection));
    await assert.rejects(producer.enqueue('q', 1), { code: 'UNIMPLEMENTED' });
    await assert.rejects(producer.call('q', 1), { code: 'UNIMPLEMENTED' });
    await assert.rejects(use(createObserver(connection)).results().next(), { code: 'UNIMPLEMENTED' });
  });

  const MAX_BYTES = 200_000;
  const large = 'x'.repeat(2 * MAX_BYTES);

  it('refuses a payload that breaks every connection, with the reason, and stores the others', async () => {
    const server = await startDurable();
    const gate = await openGate(server.address, MAX_BYTES);
    const producer = use(createProducer<string>(connectTo(gate.address)));
    const outcomes = await Promise.allSettled(['a', large, 'b'].map((payload) => producer.enqueue('q', payload)));
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.match(String((outcomes[1] as PromiseRejectedResult).reason), /broke 8 times .* limit on the way/);
    assert.ok(gate.connectionCount <= 12, `${gate.connectionCount} connections`);
  });

  it('reports a result that breaks every connection as a failure, and delivers the others', async () => {
    const server = await startDurable();
    const gate = await openGate(server.address, MAX_BYTES);
    const worker = useWorker(
      createWorker({
        ...connectTo(gate.address),
        queues: ['q'],
        concurrency: 3,
        handler: async (payload: string) => (payload === 'large' ? large : payload),
      }),
    );
    const producer = use(createProducer<string>(connectTo(server.address)));
    const call = (payload: string) => producer.call<string>('q', payload, { maxAttempts: 1 });
    const refused = assert.rejects(call('large'), /limit on the way/);
    assert.deepEqual(await Promise.all([call('a'), call('b')]), ['a', 'b']);
    await refused;
    assert.ok(gate.connectionCount <= 12, `${gate.connectionCount} connections`);
    await worker.stop();
  });
});

describe('the SDK behind a limit of streams', () => {
  afterEach(closeScene);

  it('enqueues, and cancels what it gives up, while more calls wait than streams are allowed', async () => {
    const server = await startDurable();
    const proxy = await openNarrowProxy(server.address, 4);
    const producer = use(createProducer<number>(connectTo(proxy.address)));
    const admin = use(createAdmin(connectTo(server.address)));
    const givingUp = new AbortController();
    const options = { signal: givingUp.signal, cancelWhenAbandoned: true };
    const calls = Array.from({ length: 12 }, (_, n) => producer.call('q', n, options));
    const gaveUp = Promise.all(calls.map((call) => assert.rejects(call, { code: 'CANCELLED' })));
    const waiting = async () => (await admin.listTasks({ queues: ['q'], states: ['ready'] })).tasks.length;
    await until('the allowed calls are there', async () => (await waiting()) >= 4);
    assert.ok((await producer.enqueue('other', 0)).id);
    givingUp.abort();
    await gaveUp;
    await until('they are cancelled', async () => (await waiting()) === 0);
  });
});

describe('an HTTP proxy of the environment', () => {
  const names = ['grpc_proxy', 'http_proxy', 'https_proxy', 'no_grpc_proxy', 'no_proxy', 'NO_PROXY'];
  const before = new Map(names.map((name) => [name, process.env[name]]));
  beforeEach(() => {
    for (const name of names) delete process.env[name];
  });
  afterEach(async () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await closeScene();
  });

  it('is not asked for the way to a loopback address', async () => {
    const server = await startDurable();
    process.env.http_proxy = 'http://127.0.0.1:9';
    assert.ok(await use(createAdmin(connectTo(server.address))).serverInfo());
  });

  it('is named in what is said of a server that is out of reach through it', async () => {
    process.env.http_proxy = 'http://127.0.0.1:9';
    await assert.rejects(use(createAdmin({ server: 'far.invalid:1' })).serverInfo(), {
      code: 'UNAVAILABLE',
      message: 'no tunnel to the server, via proxy 127.0.0.1:9',
    });
    process.env.NO_PROXY = '.other.test, far.invalid';
    await assert.rejects(use(createAdmin({ server: 'far.invalid:1' })).serverInfo(), (error: Error) => {
      return !/proxy/.test(error.message);
    });
  });
});
