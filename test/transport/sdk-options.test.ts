import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Admin,
  ContactError,
  createAdmin,
  createObserver,
  createProducer,
  createWorker,
  type Producer,
  TaskFailure,
  TaskRelease,
} from '../../client/index.ts';
import { closeScene, use } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { connectTo } from '../scene/server.ts';

const SERVER = '127.0.0.1:9';
const NO_RECORDS = [null, 5, 'x', [], new Map([['a', '1']]), new Date(0), new Set(['a']), Promise.resolve()];
const MAKERS = {
  producer: (given: object) => use(createProducer({ server: SERVER, ...given })),
  observer: (given: object) => use(createObserver({ server: SERVER, ...given })),
  admin: (given: object) => use(createAdmin({ server: SERVER, ...given })),
  worker: (given: object) => {
    const worker = createWorker({ server: SERVER, queues: ['q'], handler: () => 1, ...given });
    void worker.stop({ deadlineMs: 0 });
    return worker;
  },
};

/** INVALID_ARGUMENT that has the field as data and in its words. */
const naming = (field: string) => (error: unknown) => {
  assert.ok(error instanceof ContactError, String(error));
  assert.deepEqual([error.code, error.field], ['INVALID_ARGUMENT', field]);
  assert.ok(error.message.startsWith(`${field}: `), error.message);
  return true;
};

describe('options of the SDK', () => {
  let producer: Producer<unknown>;
  let admin: Admin;

  beforeEach(() => {
    producer = createProducer(connectTo(SERVER));
    use({ close: () => producer.close({ deadlineMs: 0 }) });
    admin = use(createAdmin(connectTo(SERVER)));
  });
  afterEach(closeScene);

  it('refuses what has not the functions of a logger, a clock or a source of chance', () => {
    const noClock = { now: () => 0, monotonic: () => 0 };
    const wrong: [string, unknown[]][] = [
      ['logger', [{}, null, { info: () => {} }, { info: 1, warn: () => {} }, 'x']],
      ['clock', [{}, null, noClock, { ...noClock, after: 5 }]],
      ['random', [5, () => Number.NaN, () => 1.5, () => -1, () => '0.5', () => undefined, failing]],
    ];
    for (const make of Object.values(MAKERS)) {
      for (const [field, values] of wrong) {
        for (const value of values) assert.throws(() => make({ [field]: value }), naming(field));
      }
      make({ logger: console, random: () => 1 });
    }
  });

  it('refuses times that nothing could keep to', () => {
    for (const make of Object.values(MAKERS)) {
      for (const value of [0, 0.5, 99, Number.NaN, Number.POSITIVE_INFINITY]) {
        assert.throws(() => make({ connectTimeoutMs: value }), naming('connectTimeoutMs'));
        assert.throws(() => make({ keepaliveMs: value }), naming('keepaliveMs'));
      }
      make({ connectTimeoutMs: 100, keepaliveMs: 100 });
    }
  });

  it('refuses certificates and keys that are none, and half of a pair', () => {
    const own = makeCertificate('client');
    const other = makeCertificate('other');
    const junk = Buffer.from('junk');
    const spoilt = Buffer.from(own.cert.toString().replace(/.{40}\n-----END/, '\n-----END'));
    const wrong = [
      { ca: junk },
      { ca: spoilt },
      { ca: own.key },
      { ca: Buffer.concat([own.cert, spoilt]) },
      { cert: own.cert },
      { key: own.key },
      { cert: junk, key: own.key },
      { cert: own.cert, key: junk },
      { cert: own.cert, key: other.key },
      new Map(),
    ];
    for (const make of Object.values(MAKERS)) {
      for (const tls of wrong) assert.throws(() => make({ tls }), naming('tls'));
      make({ tls: { ca: Buffer.concat([own.cert, Buffer.from('\n# the other\n'), other.cert]), ...own } });
      make({ tls: {} });
    }
  });

  it('refuses as options, metadata or labels what is no plain object', async () => {
    for (const value of NO_RECORDS) {
      const given = value as never;
      for (const create of [createProducer, createObserver, createAdmin, createWorker]) {
        assert.throws(() => (create as (options: never) => unknown)(given), naming('options'));
      }
      await assert.rejects(producer.enqueue('q', 1, given), naming('options'));
      await assert.rejects(producer.broadcast('q', 1, given), naming('options'));
      await assert.rejects(producer.call('q', 1, given), naming('options'));
      await assert.rejects(producer.enqueueBatch([{ queue: 'q', payload: 1 }], given), naming('options'));
      await assert.rejects(producer.close(given), naming('options'));
      await assert.rejects(producer.enqueue('q', 1, { metadata: given }), naming('metadata'));
      const second = { queue: 'q', payload: 1, metadata: given };
      await assert.rejects(producer.enqueueBatch([{ queue: 'q', payload: 1 }, second]), naming('tasks[1].metadata'));
      assert.throws(() => MAKERS.worker({ labels: value }), naming('labels'));
      assert.throws(() => MAKERS.worker({ backoff: value }), naming('backoff'));
      const worker = MAKERS.worker({});
      await assert.rejects(worker.stop(given), naming('options'));
      await assert.rejects(worker.drain(given), naming('options'));
    }
    class Labels {
      readonly site = 'berlin';
    }
    assert.throws(() => MAKERS.worker({ labels: new Labels() }), naming('labels'));
    for (const labels of [{ 'a b': 'c' }, { a: 'b c' }, { a: 'b'.repeat(129) }, { '': 'b' }]) {
      assert.throws(() => MAKERS.worker({ labels }), naming('labels'));
    }
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, '']));
    assert.throws(() => MAKERS.worker({ labels: many }), naming('labels'));
    MAKERS.worker({ labels: Object.assign(Object.create(null), { site: 'berlin' }) });
  });

  it('refuses null and unknown fields in every call of an observer and an admin', async () => {
    const observer = use(createObserver(connectTo(SERVER)));
    const ids = ['x'];
    const calls: ((given: never) => Promise<unknown>)[] = [
      (given) => observer.results(given).next(),
      (given) => observer.results$(given).forEach(() => {}),
      (given) => admin.listTasks({}, given),
      (given) => admin.listAllTasks({}, given).next(),
      (given) => admin.listQueues(given),
      (given) => admin.listAllQueues(given).next(),
      (given) => admin.listClients(given),
      (given) => admin.listAllClients(given).next(),
      (given) => admin.watchTask('x', given).next(),
      (given) => admin.pauseQueue('q', given),
      (given) => admin.setQueueLimits('q', { maxWaiting: 1, maxRunning: 1 }, given),
      (given) => admin.serverInfo(given),
      (given) => producer.enqueueBatch([{ queue: 'q', payload: 1 }], given),
      (given) => producer.broadcast('q', 1, given),
      (given) => producer.close(given),
    ];
    for (const call of calls) {
      for (const value of NO_RECORDS) await assert.rejects(call(value as never), naming('options'));
      await assert.rejects(call({ nope: 1 } as never), naming('nope'));
    }
    const filters = [(given: never) => admin.listTasks(given), (given: never) => admin.listAllTasks(given).next()];
    for (const call of filters) {
      await assert.rejects(call(null as never), naming('filter'));
      await assert.rejects(call({ nope: 1 } as never), naming('nope'));
    }
    for (const call of [admin.cancelTasks, admin.retryTasks]) {
      await assert.rejects(call(null as never), naming('selection'));
      await assert.rejects(call({ ids, nope: 1 } as never), naming('nope'));
      await assert.rejects(call({ ids, filter: {} }), naming('filter'));
      await assert.rejects(call({} as never), naming('filter'));
    }
  });

  it('refuses arguments of a wrong kind before they are sent, and names them', async () => {
    await assert.rejects(admin.describeTask(null as never), naming('id'));
    await assert.rejects(admin.watchTask(7 as never).next(), naming('id'));
    await assert.rejects(admin.cancelTasks({ ids: [] }, null as never), naming('reason'));
    await assert.rejects(admin.deleteTasks(null as never), naming('selection'));
    await assert.rejects(admin.deleteTasks([7] as never), naming('ids[0]'));
    await assert.rejects(admin.setQueueRetention('q', 'never' as never), naming('retention'));
    await assert.rejects(admin.setQueueRetention('q', {}), naming('retention'));
    await assert.rejects(admin.setQueueRetention('q', { days: 0 }), naming('days'));
    await assert.rejects(admin.setQueueRetention('q', { max: 1.5 }), naming('max'));
    await assert.rejects(admin.listQueues({ pageSize: 501 }), naming('pageSize'));
    await assert.rejects(admin.listAllTasks({}, { pageSize: 0 }).next(), naming('pageSize'));
    await assert.rejects(admin.setQueueLimits('q', { maxWaiting: 5 } as never), naming('maxRunning'));
    await assert.rejects(admin.setQueueLimits('q', { maxWaiting: 5, maxRunning: -1 }), naming('maxRunning'));
    await assert.rejects(admin.deleteQueue('q', { max: 0 }), naming('max'));
    await assert.rejects(admin.deleteQueue('q', { with_tasks: true } as never), naming('with_tasks'));
    for (const call of [admin.pauseQueue, admin.resumeQueue, admin.purgeQueue, admin.deleteQueue]) {
      await assert.rejects(call('a b'), naming('queue'));
    }
    for (const call of [admin.drainClient, admin.resumeClient, admin.disconnectClient]) {
      await assert.rejects(call(null as never), naming('clientId'));
    }
    await assert.rejects(producer.broadcast('q', 1, { clientId: 'w' } as never), naming('clientId'));
    const batch = [
      { queue: 'q', payload: 1 },
      { queue: 'q', payload: 1, key: 7 },
    ];
    await assert.rejects(producer.enqueueBatch(batch as never), (error: ContactError) => {
      assert.equal(error.index, 1);
      return naming('tasks[1].key')(error);
    });
  });

  it('comes back with a pause whatever its source of chance draws later', async () => {
    let draws = 0;
    const worker = createWorker({
      server: SERVER,
      queues: ['q'],
      handler: () => 1,
      backoff: { baseMs: 1_000, capMs: 2_000 },
      random: () => (draws++ === 0 ? 0.5 : Number.NaN),
    });
    const waits: number[] = [];
    await new Promise<void>((resolve) => {
      worker.status$.subscribe(({ nextTryMs }) => {
        if (nextTryMs === undefined) return;
        waits.push(nextTryMs);
        resolve();
      });
    });
    await worker.stop({ deadlineMs: 0 });
    assert.ok(waits.every(Number.isInteger), String(waits));
  });

  it('keeps what a failure or a release says when its advice is of a wrong kind', () => {
    const { message, code, retry } = new TaskFailure('declined', null as never);
    assert.deepEqual([message, code, retry], ['declined', '', 'policy']);
    const pauses = [null, { pauseMs: null }, { pauseMs: '10' }, { pauseMs: Number.NaN }, {}];
    for (const advice of pauses) assert.equal(new TaskRelease('busy', advice as never).pauseMs, 2_000);
    assert.equal(new TaskRelease('busy', { pauseMs: 0 }).pauseMs, 0);
  });
});

function failing(): number {
  throw new Error('no chance');
}

function makeCertificate(name: string): { cert: Buffer; key: Buffer } {
  const folder = createFolder();
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  try {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', cert, '-subj', `/CN=${name}`], {
      stdio: 'ignore',
    });
    return { cert: readFileSync(cert), key: readFileSync(key) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
