import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'mocha';
import { bytes, createObserver, createProducer, createWorker, type Worker } from '../../client/index.ts';
import { cleanUpProcesses, createFolder } from '../e2e/process.ts';
import { type Chance, createChance } from './chance.ts';
import { isFull } from './measure.ts';
import { createProxy } from './proxy.ts';
import { createRig, type Rig } from './rig.ts';
import { until } from './until.ts';
import { GAUGED, readGauge } from './weight.ts';

const KIB = 1 << 10;
const MIB = 1 << 20;
const QUEUE = 'stuck';
/** A twentieth of the defaults, and the rate of slow lines twenty times theirs. */
const PING_MS = 250;
const WINDOW_MS = 750;
const ROUNDS = isFull ? 20 : 1;
const WORKERS = 50;
const TASKS = isFull ? 5_000 : 2_000;
const CONCURRENCY = 4;
const TASK_MS = 100;
const RESULTS = isFull ? 60_000 : 3_000;
/** A checkpoint comes at 4,000 pages; until it has been made, more is written. */
const WAL_BOUND = 32 * MIB;
const HEAP_SLACK = 12 * MIB;

/** Takes its time for each task. */
function createSlowWorker(server: string, queue: string, states: Set<string>): Worker {
  const worker = createWorker<Uint8Array, Uint8Array>({
    server,
    queues: [queue],
    concurrency: CONCURRENCY,
    codec: bytes,
    handler: async (payload) => {
      await sleep(TASK_MS);
      return payload.subarray(0, 8);
    },
  });
  worker.status$.subscribe(({ state }) => states.add(state));
  return worker;
}

/** One of the workers reads nothing any more in the middle of the work, and the work goes on. */
async function stopOneReader(rig: Rig, chance: Chance, queue: string): Promise<void> {
  const proxy = await createProxy(rig.address);
  const honest = new Set<string>();
  const workers = [createSlowWorker(proxy.address, queue, new Set())];
  for (let place = 1; place < WORKERS; place += 1) workers.push(createSlowWorker(rig.address, queue, honest));
  await Promise.all(workers.map((worker) => worker.connected()));
  const producer = createProducer<Uint8Array>({ server: rig.address, codec: bytes });
  const observer = createObserver({ server: rig.address, codec: bytes });
  const enqueued = Promise.all(Array.from({ length: TASKS }, () => producer.enqueue(queue, Buffer.alloc(KIB))));
  const at = chance.between(TASKS / 10, TASKS / 2);
  const settledAt: number[] = [];
  let stalledAt = 0;
  for await (const result of observer.results({ queues: [queue], from: 'beginning' })) {
    assert.equal(result.state, 'succeeded');
    settledAt.push(performance.now());
    if (settledAt.length === at) {
      proxy.stall('toClient');
      stalledAt = performance.now();
    }
    if (settledAt.length === TASKS) break;
  }
  await enqueued;
  // Without those of the stuck one, which wait for its end and its window.
  const prompt = settledAt.slice(at, -CONCURRENCY);
  const longestMs = Math.max(...prompt.map((one, place) => one - (prompt[place - 1] ?? stalledAt)));
  const lastMs = (settledAt.at(-1) ?? 0) - stalledAt;
  console.log(
    `    stuck at ${at} of ${TASKS}: the others paused ${longestMs.toFixed()} ms at most, ` +
      `the last one came ${lastMs.toFixed()} ms after`,
  );
  assert.deepEqual(honest, new Set(['connecting', 'connected']), 'nobody else lost its session');
  // Had they to wait for it, that would be until its end: longer than this.
  assert.ok(longestMs < 4 * PING_MS, `${longestMs} ms`);
  proxy.cut();
  await Promise.all(workers.map((worker) => worker.stop({ deadlineMs: 0 })));
  await Promise.all([producer.close(), observer.close(), proxy.close()]);
}

describe('a reader that stops reading', () => {
  cleanUpProcesses();

  it(`as 1 of ${WORKERS} workers: the others go on, and its tasks go to them`, async function () {
    this.timeout(ROUNDS * 60_000);
    const chance = createChance('stall instants');
    const rig = await createRig({
      serverArgs: ['--ping-interval', `${PING_MS}ms`, '--resume-window', `${WINDOW_MS}ms`],
    });
    for (let round = 0; round < ROUNDS; round += 1) await stopOneReader(rig, chance, `${QUEUE}-${round}`);
    await rig.stop();
  });

  it(`as an observer under load: memory and the file stay flat over ${RESULTS} results`, async function () {
    this.timeout(180_000);
    const storeFolder = createFolder();
    const rig = await createRig({ storeFolder, nodeArgs: GAUGED });
    const proxy = await createProxy(rig.address);
    const observer = createObserver({ server: proxy.address, codec: bytes });
    const seen = new Set<string>();
    const worker = createWorker<Uint8Array, Uint8Array>({
      server: rig.address,
      queues: [QUEUE],
      concurrency: 100,
      codec: bytes,
      handler: (payload) => payload,
    });
    const producer = createProducer<Uint8Array>({ server: rig.address, codec: bytes });
    const log = join(storeFolder, 'contact.db-wal');
    let largest = 0;

    async function load(count: number): Promise<void> {
      const stored: Promise<unknown>[] = [];
      for (let done = 0; done < count; done += 100) {
        await producer.ready();
        for (let place = 0; place < 100; place += 1) stored.push(producer.enqueue(QUEUE, Buffer.alloc(KIB)));
        largest = Math.max(largest, statSync(log).size);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(stored);
    }
    const observing = (async () => {
      for await (const { taskId } of observer.results({ queues: [QUEUE], from: 'beginning' })) {
        seen.add(taskId);
        if (seen.size === RESULTS) return;
      }
    })();
    await load(RESULTS / 6);
    await until(() => seen.size === RESULTS / 6 || undefined);
    const before = await readGauge(rig.server);
    proxy.stall('toClient');
    await load(RESULTS / 6);
    await rig.observe(RESULTS / 3, { queue: QUEUE });
    const half = await readGauge(rig.server);
    await load((RESULTS * 2) / 3);
    await rig.observe(RESULTS, { queue: QUEUE });
    const after = await readGauge(rig.server);
    const stuckAt = seen.size;
    proxy.release('toClient');
    await observing;
    console.log(
      `    heap ${[before, half, after].map(({ heap }) => (heap / MIB).toFixed(1)).join(', ')} MiB; ` +
        `WAL at most ${(largest / MIB).toFixed(1)} MiB; it stopped at ${stuckAt} and has ${seen.size} in the end`,
    );
    assert.ok(stuckAt < RESULTS, 'it was stuck');
    assert.ok(after.heap - before.heap < HEAP_SLACK, 'heap');
    assert.ok(largest < WAL_BOUND, 'WAL');
    await worker.drain();
    await Promise.all([producer.close(), observer.close(), proxy.close()]);
    await rig.stop();
  });
});
