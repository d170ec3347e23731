import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { ResultStart, type StreamEnqueueResponse } from '../../gen/index.ts';
import { newTaskId } from '../../shared/ids.ts';
import { type Clients, connect, enqueue, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { measureMemory } from '../scene/memory.ts';
import { openObserver } from '../scene/observer.ts';
import { type FaultProxy, startProxy } from '../scene/proxy.ts';
import { type Scene, startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';
import { closeOf, nameOf, openWorker, statusOf } from '../scene/worker.ts';
import { openTraffic, type Traffic } from './traffic.ts';

/** A tenth of the defaults, and twenty times their slowest line. */
const PING_MS = 500;
const SLOW_LINE_BYTES_PER_SECOND = 20 * 8 * 1024;
/** What one window of HTTP/2 buys. */
const WINDOW_MS = (1_000 * 65_536) / SLOW_LINE_BYTES_PER_SECOND;
/** Both ends are in this process, which has to come to the answer of a PING on a machine that is overbooked too. */
const STUCK_MS = 2_000;
/** On a machine that is many times overbooked. What is not closed at all is found after a minute. */
const SLACK_MS = 30_000;
/** Between two looks at the memory, each of which stops everything for some ten milliseconds. */
const MEASURE_MS = 500;
const WINDOWS = { 'a small window': 65_535, 'a window larger than what the kernel buffers': 64 << 20 };

describe('a reader that is stuck', () => {
  let scene: Scene;
  let innocent: Traffic;
  let proxy: FaultProxy;
  let operator: Clients;

  beforeEach(async () => {
    scene = await startScene({
      pingIntervalMs: PING_MS,
      slowLineBytesPerSecond: SLOW_LINE_BYTES_PER_SECOND,
      stuckSocketMs: STUCK_MS,
      resumeWindowMs: 50,
    });
    operator = connect(scene);
    await enqueue(operator, { queue: 'first' });
    proxy = await startProxy(scene);
    innocent = await openTraffic(connect(scene));
  });
  afterEach(closeScene);

  /**
   * Waits until the server has closed the connection that is stuck: the third one, after the operator's and the
   * innocent's. Answers the most memory that was in use until then.
   */
  function untilClosed(since: number, withinMs: number): Promise<number> {
    return measureUntil('the connection is closed', () => scene.connectionCount < 3, since, withinMs);
  }

  async function measureUntil(
    what: string,
    condition: () => boolean,
    since: number,
    withinMs: number,
  ): Promise<number> {
    let most = 0;
    let measuredAt = 0;
    await until(what, async () => {
      if (performance.now() - measuredAt >= MEASURE_MS) {
        most = Math.max(most, await measureMemory());
        measuredAt = performance.now();
      }
      return condition();
    });
    const passedMs = performance.now() - since;
    assert.ok(passedMs <= withinMs + SLACK_MS, `${passedMs} ms`);
    return most;
  }

  function stall(): number {
    assert.equal(scene.connectionCount, 3);
    proxy.stall('toClient');
    return performance.now();
  }

  /** 20 MB of results, ready to be replayed. */
  async function storeResults(): Promise<void> {
    const worker = await openWorker(operator, { queues: ['large'], maxInFlight: 200 });
    await enqueueMany(operator, 200, { queue: 'large' });
    const names = (await worker.receive(200)).map(nameOf);
    for (let from = 0; from < names.length; from += 20) {
      const results = names.slice(from, from + 20).map((name) => ({ ...name, result: Buffer.alloc(100_000) }));
      await worker.report({ succeeded: results });
    }
    await worker.cancel();
  }

  for (const [title, window] of Object.entries(WINDOWS)) {
    const connectStuck = (): Clients => connect(proxy, { 'grpc-node.flow_control_window': window });

    it(`as a worker, with ${title}`, async () => {
      for (let n = 0; n < 60; n++) await enqueue(operator, { payload: Buffer.alloc(500_000) });
      const memory = await measureMemory();
      const stuck = await openWorker(connectStuck(), { maxInFlight: 100 });
      const since = stall();
      const grown = (await untilClosed(since, 1.25 * (3 * PING_MS + WINDOW_MS))) - memory;
      assert.ok(grown < 10e6, `${grown} bytes`);
      const other = await openWorker(operator, { maxInFlight: 1_000 });
      await other.receive(60);
      assert.equal(new Set(other.tasks.map(({ taskId }) => taskId)).size, 60);
      assert.ok(stuck.tasks.length <= 2);
      await innocent.stop();
    });

    it(`as a plain worker, with ${title}`, async () => {
      for (let n = 0; n < 20; n++) await enqueue(operator, { payload: Buffer.alloc(1 << 20) });
      const stuck = await openWorker(connectStuck(), { isFull: false });
      const since = stall();
      const other = await openWorker(operator, { maxInFlight: 1_000 });
      await untilClosed(since, 1.25 * (3 * PING_MS + WINDOW_MS));
      await other.receive(20);
      assert.ok(stuck.tasks.length <= 10);
      await innocent.stop();
    });

    it(`as an observer, with ${title}`, async () => {
      await storeResults();
      const stuck = openObserver(connectStuck(), { start: ResultStart.BEGINNING, follow: true });
      await stuck.receive(1);
      const memory = await measureMemory();
      const since = stall();
      // The page that it was reading, and what the kernel had not taken.
      const grown = (await untilClosed(since, 1.25 * (3 * PING_MS + WINDOW_MS))) - memory;
      assert.ok(grown < 10e6, `${grown} bytes`);
      await innocent.stop();
    });
  }

  it('as an observer that does not read its stream, on a connection that lives', async () => {
    await storeResults();
    const clients = connect(proxy);
    const { stream, ended, receive } = openObserver(clients, { start: ResultStart.BEGINNING, follow: true });
    await receive(1);
    stream.pause();
    const since = performance.now();
    const memory = await measureMemory();
    const largest = (1_000 * (256 << 10)) / SLOW_LINE_BYTES_PER_SECOND;
    // What the client has taken in beyond what it reads is in this process too.
    let code: status | undefined;
    void ended.then((end) => {
      code = end.code;
    });
    const isReset = (): boolean => code !== undefined;
    const grown = (await measureUntil('a reset', isReset, since, 3 * PING_MS + largest + STUCK_MS)) - memory;
    assert.ok(grown < 25e6, `${grown} bytes`);
    assert.equal(code, status.CANCELLED);
    assert.equal(scene.connectionCount, 3);
    await innocent.stop();
  });

  it('beside other calls on its connection, which go on', async () => {
    await storeResults();
    const clients = connect(proxy);
    const neighbour = await openTraffic(clients, 'neighbour');
    // More of them than HTTP/2 lets PINGs be on their way.
    const stuck = Array.from({ length: 12 }, () =>
      openObserver(clients, { start: ResultStart.BEGINNING, follow: true }),
    );
    // Each at its first message: together they take more than such a line has while one is waited for.
    for (const { stream } of stuck) stream.once('data', () => stream.pause());
    const ends = await Promise.all(stuck.map(({ ended }) => ended));
    assert.deepEqual(new Set(ends.map(({ code }) => code)), new Set([status.CANCELLED]));
    // Longer than a connection may take for its answer.
    await never('the connection is closed', () => scene.connectionCount < 3 || proxy.accepted > 1, 2 * STUCK_MS);
    await neighbour.stop();
    await innocent.stop();
  });

  it('as a producer that does not read its acknowledgements', async () => {
    const clients = connect(proxy);
    const stream = clients.tasks.streamEnqueue();
    const ended = statusOf(stream);
    await new Promise((resolve) => stream.once('data', resolve));
    stream.pause();
    const since = performance.now();
    const memory = await measureMemory();
    const tasks = Array.from({ length: 100 }, () => ({ queue: 'ack' }));
    let sent = 0;
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    const flood = async (): Promise<void> => {
      while (!isOver && sent < 3_000) {
        sent += 1;
        if (!stream.write({ tasks })) {
          await Promise.race([new Promise((resolve) => stream.once('drain', resolve)), ended]);
        }
      }
    };
    const reset = measureUntil('a reset', () => isOver, since, 1_000 + 3 * PING_MS + STUCK_MS);
    const [, most, { code }] = await Promise.all([flood(), reset, ended]);
    assert.equal(code, status.CANCELLED);
    assert.equal(scene.connectionCount, 3);
    // The server reads no further.
    assert.ok(proxy.countBytes('toServer') < 500_000, `${proxy.countBytes('toServer')} bytes of ${sent} batches`);
    const grown = most - memory;
    assert.ok(grown < 25e6, `${grown} bytes`);
    await innocent.stop();
  });

  it('as a producer whose line is stuck', async () => {
    const clients = connect(proxy);
    const stream = clients.tasks.streamEnqueue();
    const answers: StreamEnqueueResponse[] = [];
    stream.on('data', (answer: StreamEnqueueResponse) => answers.push(answer));
    const ended = statusOf(stream);
    await until('the window', () => answers.length === 1);
    const since = stall();
    for (let n = 0; n < 200; n++) stream.write({ tasks: [{ queue: 'ack' }] });
    await untilClosed(since, 1.25 * (3 * PING_MS + WINDOW_MS));
    proxy.release('toClient');
    await ended;
    await innocent.stop();
  });

  it('as one that watches a task', async () => {
    const worker = await openWorker(operator, { queues: ['watched'] });
    const [id] = await enqueue(operator, { queue: 'watched', payload: Buffer.alloc(100_000) });
    const [task] = await worker.receive(1);
    const stream = connect(proxy).tasks.watchTask({ id: id! });
    const ended = statusOf(stream);
    await new Promise((resolve) => stream.once('data', resolve));
    const memory = await measureMemory();
    const since = stall();
    let isOver = false;
    const tell = async (): Promise<void> => {
      for (let n = 0; !isOver; n += 1) {
        const message = String(n).padEnd(1_000, 'x');
        worker.send({ progress: [{ ...nameOf(task!), fraction: 0.5, message }] });
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    const telling = tell();
    const grown = (await untilClosed(since, 1.25 * (3 * PING_MS + WINDOW_MS))) - memory;
    isOver = true;
    await telling;
    assert.ok(grown < 10e6, `${grown} bytes`);
    proxy.release('toClient');
    await ended;
    await innocent.stop();
  });

  it('as a worker that does not read its outcomes', async () => {
    const worker = await openWorker(connect(proxy));
    worker.statusStream.pause();
    const since = performance.now();
    const released = Array.from({ length: 100 }, () => ({ taskId: newTaskId(), delivery: 1 }));
    let isOver = false;
    void worker.ended.then(() => {
      isOver = true;
    });
    const flood = async (): Promise<void> => {
      for (let sent = 0; sent < 1_000 && !isOver; sent++) {
        worker.send({ released });
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const [end] = await Promise.all([worker.ended, flood()]);
    // The server reads it no further, so that it is silent as well: the one or the other is noticed first.
    assert.match(closeOf(end), /^(SLOW_READER|SILENT) backoff$/);
    const { code } = await worker.statusEnded;
    const passedMs = performance.now() - since;
    assert.ok(passedMs <= 1_000 + 3 * PING_MS + STUCK_MS + SLACK_MS, `${passedMs} ms`);
    assert.equal(code, status.CANCELLED);
    assert.equal(scene.connectionCount, 3);
    await innocent.stop();
  });
});
