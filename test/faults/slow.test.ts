import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'mocha';
import { bytes, createProducer, createWorker, type Worker, type WorkerStatus } from '../../client/index.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, type ServerProcess, startServer } from '../scene/process.ts';
import { createProxy, type Direction, type FaultProxy } from '../scene/proxy.ts';
import { until } from '../scene/until.ts';
import { type Chance, createChance } from './chance.ts';
import type { Figures } from './figuretable.ts';
import { itSurvives, itSurvivesAtDefaults, type Setting, TWENTIETH } from './rounds.ts';

const KIB = 1024;
/** Of the line, at the defaults; a scaled one is as much faster as its intervals are shorter. */
const KIB_PER_SECOND = 32;
const TASKS = isFull ? 4 : 3;

interface Line {
  readonly server: ServerProcess;
  readonly proxy: FaultProxy;
  readonly worker: Worker;
  readonly seen: WorkerStatus[];
  close(): Promise<void>;
}

/** The answer to a payload of the form `SIZE NAME…` has so many bytes. */
function answer(payload: Uint8Array): Uint8Array {
  const [size, name] = Buffer.from(payload.subarray(0, 40)).toString().split(' ');
  return Buffer.alloc(Number(size), `${name} `);
}

async function openLine(pingMs: number): Promise<Line> {
  const server = await startServer({ args: ['--ping-interval', `${pingMs}ms`] });
  const proxy = await createProxy(server.address);
  const seen: WorkerStatus[] = [];
  const worker = createWorker<Uint8Array, Uint8Array>({
    server: proxy.address,
    keepaliveMs: pingMs,
    queues: ['large'],
    concurrency: 4,
    codec: bytes,
    handler: answer,
  });
  worker.status$.subscribe((status) => seen.push(status));
  await worker.connected();
  return {
    server,
    proxy,
    worker,
    seen,
    async close() {
      await worker.stop({ deadlineMs: 0 });
      await proxy.close();
      await server.stop();
    },
  };
}

/** What is large on its way to the server are results, on its way to the client payloads. */
const carry =
  (direction: Direction) =>
  async ({ pingMs }: Setting, chance: Chance): Promise<Figures> => {
    const bytesPerMs = (KIB_PER_SECOND * KIB * 5) / pingMs;
    const { server, proxy, seen, close } = await openLine(pingMs);
    for (const way of ['toServer', 'toClient'] as const) proxy.throttle(way, bytesPerMs);
    const producer = createProducer({ server: server.address, codec: bytes });
    // The last one is as large as it may be: silence for the longest time.
    const sizes = Array.from({ length: TASKS }, (_, n) =>
      n === TASKS - 1 ? KIB * KIB : chance.between(256 * KIB, KIB * KIB),
    );
    const payloads = sizes.map((size, n) =>
      direction === 'toClient' ? Buffer.alloc(size, `8 task${n} `) : Buffer.from(`${size} task${n} `),
    );
    const startedAt = performance.now();
    const results = await Promise.all(
      payloads.map((payload) => producer.call<Uint8Array>('large', payload, { deadlineMs: 900_000, maxAttempts: 1 })),
    );
    const tookMs = performance.now() - startedAt;
    await producer.close();
    const total = sizes.reduce((sum, size) => sum + size, 0);
    console.log(`    ${TASKS} tasks, ${Math.round(total / KIB)} KiB ${direction} in ${Math.round(tookMs)} ms`);
    assert.ok(results.every((result, n) => Buffer.from(answer(payloads[n]!)).equals(result)));
    // Else the line was not slow.
    assert.ok(tookMs > total / bytesPerMs / 2, `${tookMs} ms`);
    assert.equal(proxy.accepted, 1);
    assert.deepEqual(new Set(seen.map(({ state }) => state)), new Set(['connecting', 'connected']));
    await close();
    return { tasks: TASKS, lost: 0, acceptedTwice: 0, executedTwice: 0, redelivered: 0, longestMs: null };
  };

const FAULTS = {
  'slow line, large payloads': carry('toClient'),
  'slow line, large results': carry('toServer'),
};

describe('a slow line', () => {
  cleanUpProcesses();

  for (const [fault, run] of Object.entries(FAULTS)) {
    itSurvives(`(${fault}) ends no session`, { fault, sideBySide: 10, timeoutMs: 60_000 }, run);
  }
  itSurvivesAtDefaults(FAULTS, 600_000);

  it('that is dead is left within three ping intervals', async () => {
    const { pingMs } = TWENTIETH;
    const chance = createChance('instant');
    const { proxy, seen, close } = await openLine(pingMs);
    await sleep(chance.between(0, pingMs));
    const deadAt = performance.now();
    proxy.swallow('toServer');
    proxy.swallow('toClient');
    proxy.accept();
    await until(() => seen.at(-1)?.state === 'reconnecting');
    const noticedMs = performance.now() - deadAt;
    await until(() => seen.at(-1)?.state === 'connected');
    const backMs = performance.now() - deadAt;
    console.log(`    noticed after ${Math.round(noticedMs)} ms, back after ${Math.round(backMs)} ms`);
    assert.ok(noticedMs <= 3 * pingMs + 250, `${noticedMs} ms`);
    await close();
  });
});
