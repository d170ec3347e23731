import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  ContactError,
  createAdmin,
  createObserver,
  createProducer,
  createWorker,
  type EnqueueOptions,
} from '../../client/index.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { connectTo, startDurable } from '../scene/server.ts';

const MONTH_MS = 30 * 24 * 60 * 60 * 1_000;
const invalid = (field: string) => ({ name: 'ContactError', code: 'INVALID_ARGUMENT', message: RegExp(`^${field}: `) });
const raw = (value: unknown) => value as EnqueueOptions;

describe('odd values in the hands of the SDK', () => {
  afterEach(closeScene);

  it('goes on when its logger throws or rejects', async () => {
    const server = await startDurable();
    const told: string[] = [];
    const logger = {
      info: (message: string) => {
        told.push(message);
        throw new Error('no space left on device');
      },
      warn: async (message: string) => {
        told.push(message);
        throw new Error('write EPIPE');
      },
    };
    const options = { ...connectTo(server.address), logger };
    const worker = useWorker(createWorker({ ...options, queues: ['q'], handler: (n: number) => n + 1 }));
    const producer = use(createProducer(options));
    assert.equal(await producer.call('q', 1), 2);
    await server.stop();
    await server.start();
    assert.equal(await producer.call('q', 2), 3);
    assert.ok(told.some((message) => message.startsWith('connected to ')));
    assert.ok(told.some((message) => message.startsWith('lost ')));
    await worker.drain();
    await worker.finished;
  });

  it('rejects one enqueue in the caller’s turn, and the next one goes through', async () => {
    const server = await startDurable();
    const producer = createProducer(connectTo(server.address));
    const wrong: [string, unknown][] = [
      ['key', { key: 4711 }],
      ['key', { key: '' }],
      ['key', { key: 'a\ud800' }],
      ['key', { key: 'a\0' }],
      ['metadata', { metadata: { 'a\udfff': 'x' } }],
      ['metadata', { metadata: 'x' }],
      ['contentType', { contentType: 1 }],
      ['codec', { codec: { contentType: 'x' } }],
      ['payload', { codec: { contentType: 'x', encode: () => 7, decode: () => 7 } }],
      ['selector', { selector: 1 }],
      ['broadcast', { broadcast: { selector: 1 } }],
      ['runAt', { runAt: 'tomorrow' }],
      ['signal', { signal: {} }],
      ['prio', { prio: 1 }],
      ['options', 'x'],
    ];
    for (const [field, options] of wrong) {
      await assert.rejects(producer.enqueue('q', 1, raw(options)), invalid(field));
      await assert.rejects(producer.call('q', 1, raw(options)), invalid(field));
    }
    await assert.rejects(producer.enqueue('q', 10n), invalid('payload'));
    await assert.rejects(producer.call('q', 1, { deadlineMs: Number.NaN }), invalid('deadlineMs'));
    await assert.rejects(producer.enqueueBatch('qq' as never), invalid('tasks'));
    await assert.rejects(producer.close({ deadlineMs: -1 }), invalid('deadlineMs'));
    const metadata = JSON.parse('{"__proto__":"p"}');
    const { id } = await producer.enqueue('q', 1, { metadata });
    const admin = use(createAdmin(connectTo(server.address)));
    assert.deepEqual(Object.entries((await admin.describeTask(id)).metadata), [['__proto__', 'p']]);
    await producer.close();
  });

  it('stores a task or names the field, for arbitrary values of every option', async () => {
    const server = await startDurable();
    const producer = createProducer(connectTo(server.address));
    const value = fc.anything({ withBigInt: true, withNullPrototype: true, withDate: true, maxDepth: 1 });
    const names = [
      'id',
      'priority',
      'delayMs',
      'runAt',
      'expiresAfterMs',
      'maxAttempts',
      'timeoutMs',
      'key',
      'clientId',
    ];
    const more = ['selector', 'broadcast', 'backoff', 'metadata', 'contentType', 'codec', 'signal'];
    const options = fc.dictionary(fc.constantFrom(...names, ...more), value, { maxKeys: 3, minKeys: 1 });
    await fc.assert(
      fc.asyncProperty(options, async (given) => {
        const error = await producer.enqueue('q', 1, raw(given)).then(
          () => null,
          (reason: unknown) => reason,
        );
        assert.ok(error === null || error instanceof ContactError, String(error));
        if (error) assert.match(error.message, /^[\w.[\]]+: /);
        await producer.enqueue('q', 1);
      }),
      { numRuns: 200 },
    );
    await producer.close();
  });

  it('waits as long as it is told, also for more than one timer can', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    const producer = use(createProducer(connection));
    useWorker(createWorker({ ...connection, queues: ['q'], handler: () => 'done' }));
    for (const deadlineMs of [MONTH_MS, Number.MAX_SAFE_INTEGER]) {
      assert.equal(await producer.call('q', 1, { deadlineMs }), 'done');
      const admin = use(createAdmin({ ...connection, deadlineMs }));
      assert.ok((await admin.serverInfo()).version);
    }
  });

  it('refuses an object whose options are wrong, in the caller’s turn', () => {
    const server = '127.0.0.1:1';
    const handler = () => 1;
    const wrong: [string, object][] = [
      ['server', {}],
      ['server', { server: 'http://127.0.0.1:1' }],
      ['server', { server: '127.0.0.1:99999' }],
      ['token', { server, token: 'a\nb' }],
      ['connectTimeoutMs', { server, connectTimeoutMs: '5' }],
      ['backoff', { server, backoff: { baseMs: Number.NaN } }],
      ['tls', { server, tls: { ca: 'PEM' } }],
      ['nonsense', { server, nonsense: 1 }],
    ];
    for (const [field, given] of wrong) {
      for (const make of [createProducer, createObserver, createAdmin]) {
        assert.throws(() => make(given as never), invalid(field));
      }
      assert.throws(() => createWorker({ queues: ['q'], handler, ...given } as never), invalid(field));
    }
    assert.throws(() => createWorker({ server, handler, queues: 'sums' } as never), invalid('queues'));
    assert.throws(() => createWorker({ server, queues: ['q'] } as never), invalid('handler'));
    assert.throws(() => createWorker({ server, queues: ['q'], handler, labels: { a: 1 } } as never), invalid('labels'));
    assert.throws(() => createProducer({ server, patienceMs: Infinity }), invalid('patienceMs'));
  });

  it('rejects one call of admin or observer that cannot be encoded, and serves the next', async () => {
    const server = await startDurable();
    const admin = use(createAdmin(connectTo(server.address)));
    const observer = use(createObserver(connectTo(server.address)));
    await assert.rejects(admin.describeTask(7 as never), invalid('id'));
    await assert.rejects(admin.cancelTasks({ ids: 'abc' } as never), invalid('ids'));
    await assert.rejects(admin.cancelTasks({ filter: { states: ['done'] } } as never), invalid('states\\[0\\]'));
    await assert.rejects(admin.listTasks({}, { pageSize: 'x' } as never), invalid('pageSize'));
    await assert.rejects(admin.setQueueLimits('q', { maxWaiting: -1, maxRunning: 0 }), invalid('maxWaiting'));
    await assert.rejects(observer.results({ states: ['done'] } as never).next(), invalid('states\\[0\\]'));
    await assert.rejects(observer.results({ from: 5 } as never).next(), invalid('from'));
    assert.ok((await admin.serverInfo()).version);
  });

  it('stops by the shorter deadline when it is told again', async () => {
    const server = await startDurable();
    const connection = connectTo(server.address);
    const entered = Promise.withResolvers<void>();
    const handler = (): Promise<never> => {
      entered.resolve();
      return new Promise(() => {});
    };
    const worker = createWorker({ ...connection, queues: ['q'], handler });
    const producer = use(createProducer(connection));
    await producer.enqueue('q', 1);
    await entered.promise;
    await assert.rejects(worker.stop({ deadlineMs: Number.NaN }), invalid('deadlineMs'));
    void worker.drain({ deadlineMs: 0 });
    void worker.stop({ deadlineMs: MONTH_MS });
    const startedAt = performance.now();
    await worker.stop({ deadlineMs: 50 });
    assert.ok(performance.now() - startedAt < 1_500);
  });
});
