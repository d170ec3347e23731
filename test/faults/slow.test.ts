import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, it } from 'mocha';
import { bytes, createProducer, createWorker, type Worker, type WorkerStatus } from '../../client/index.ts';
import { cleanUpProcesses, type ServerProcess, startServer } from '../e2e/process.ts';
import { createChance } from './chance.ts';
import { isFull } from './measure.ts';
import { createProxy, type FaultProxy } from './proxy.ts';
import { until } from './until.ts';

const KIB = 1024;
/** The defaults, and a twentieth of them over a line twenty times as fast. */
const DEFAULT_PING_MS = 5_000;
const DEFAULT_LINE = (32 * KIB) / 1_000;
const SCALE = 20;

interface Setting {
  readonly pingMs: number;
  readonly bytesPerMs: number;
  readonly tasks: number;
}

describe('a slow line', () => {
  let server: ServerProcess;
  let proxy: FaultProxy;
  let worker: Worker;
  let seen: WorkerStatus[];

  cleanUpProcesses();
  afterEach(async () => {
    await worker.stop({ deadlineMs: 0 });
    await proxy.close();
    await server.stop();
  });

  async function open(pingMs: number): Promise<void> {
    server = await startServer({ args: ['--ping-interval', `${pingMs}ms`] });
    proxy = await createProxy(server.address);
    seen = [];
    worker = createWorker<Uint8Array, Uint8Array>({
      server: proxy.address,
      keepaliveMs: pingMs,
      queues: ['large'],
      concurrency: 4,
      codec: bytes,
      handler: (payload) => payload.subarray(0, 8),
    });
    worker.status$.subscribe((status) => seen.push(status));
    await worker.connected();
  }

  async function carry({ pingMs, bytesPerMs, tasks }: Setting): Promise<void> {
    const chance = createChance('sizes');
    await open(pingMs);
    for (const direction of ['toServer', 'toClient'] as const) proxy.throttle(direction, bytesPerMs);
    const producer = createProducer({ server: server.address, codec: bytes });
    // The last one is as large as it may be: silence for the longest time.
    const payloads = Array.from({ length: tasks }, (_, n) =>
      Buffer.alloc(n === tasks - 1 ? KIB * KIB : chance.between(256 * KIB, KIB * KIB), `task ${n}`),
    );
    const startedAt = performance.now();
    const results = await Promise.all(
      payloads.map((payload) => producer.call<Uint8Array>('large', payload, { deadlineMs: 900_000, maxAttempts: 1 })),
    );
    const tookMs = performance.now() - startedAt;
    await producer.close();
    const total = payloads.reduce((sum, { length }) => sum + length, 0);
    console.log(`    ${tasks} tasks, ${Math.round(total / KIB)} KiB in ${Math.round(tookMs)} ms`);
    assert.deepEqual(
      results.map((result) => Buffer.from(result).toString()),
      payloads.map((payload) => payload.subarray(0, 8).toString()),
    );
    // Else the line was not slow.
    assert.ok(tookMs > total / bytesPerMs / 2, `${tookMs} ms`);
    assert.equal(proxy.accepted, 1);
    assert.deepEqual(new Set(seen.map(({ state }) => state)), new Set(['connecting', 'connected']));
  }

  it('carries large payloads and ends no session', async function () {
    this.timeout(120_000);
    const tasks = isFull ? 20 : 4;
    await carry({ pingMs: DEFAULT_PING_MS / SCALE, bytesPerMs: DEFAULT_LINE * SCALE, tasks });
  });

  if (isFull) {
    it('carries large payloads at the defaults and ends no session', async function () {
      this.timeout(900_000);
      await carry({ pingMs: DEFAULT_PING_MS, bytesPerMs: DEFAULT_LINE, tasks: 20 });
    });
  }

  it('that is dead is left within three ping intervals', async () => {
    const pingMs = DEFAULT_PING_MS / SCALE;
    const chance = createChance('instant');
    await open(pingMs);
    await sleep(chance.between(0, pingMs));
    const deadAt = performance.now();
    proxy.swallow('toServer');
    proxy.swallow('toClient');
    proxy.accept();
    await until(() => seen.at(-1)?.state === 'reconnecting' || undefined);
    const noticedMs = performance.now() - deadAt;
    await until(() => seen.at(-1)?.state === 'connected' || undefined);
    const backMs = performance.now() - deadAt;
    console.log(`    noticed after ${Math.round(noticedMs)} ms, back after ${Math.round(backMs)} ms`);
    assert.ok(noticedMs <= 3 * pingMs + 250, `${noticedMs} ms`);
  });
});
