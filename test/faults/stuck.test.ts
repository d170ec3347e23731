import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'mocha';
import { bytes, createObserver, createProducer, createWorker, type Worker } from '../../client/index.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { createProxy } from '../scene/proxy.ts';
import { until } from '../scene/until.ts';
import type { Chance } from './chance.ts';
import type { Figures } from './figuretable.ts';
import { createRig } from './rig.ts';
import { itSurvives, itSurvivesAtDefaults, type Setting } from './rounds.ts';
import { GAUGED, readGauge } from './weight.ts';

const KIB = 1 << 10;
const MIB = 1 << 20;
const QUEUE = 'stuck';
const WORKERS = 50;
const TASKS = isFull ? 3_000 : 2_000;
const CONCURRENCY = 4;
const TASK_MS = 100;
/** Commits wait for a checkpoint at 8,000 pages; what is written while it is under way comes on top. */
const WAL_BOUND = 64 * MIB;
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
async function stopOneReader({ pingMs, serverArgs }: Setting, chance: Chance): Promise<Figures> {
  const rig = await createRig({ serverArgs });
  const queue = QUEUE;
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
  const ids = new Set<string>();
  for await (const result of observer.results({ queues: [queue], from: 'beginning' })) {
    assert.equal(result.state, 'succeeded');
    assert.ok(!ids.has(result.taskId), 'accepted once');
    ids.add(result.taskId);
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
  assert.ok(longestMs < Math.max(1_000, 3 * pingMs), `${longestMs} ms`);
  proxy.cut();
  await Promise.all(workers.map((worker) => worker.stop({ deadlineMs: 0 })));
  await Promise.all([producer.close(), observer.close(), proxy.close()]);
  await rig.stop();
  const [tasks, redelivered] = [TASKS, CONCURRENCY];
  return { tasks, lost: 0, acceptedTwice: 0, executedTwice: null, redelivered, longestMs: Math.round(lastMs) };
}

/** Of a run of so many results. */
async function stopObserver({ scale, serverArgs }: Setting): Promise<Figures> {
  const results = scale === 'default' ? 60_000 : 3_000;
  const storeFolder = createFolder();
  const rig = await createRig({ storeFolder, nodeArgs: GAUGED, serverArgs });
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
  let received = 0;

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
      received += 1;
      if (seen.size === results) return;
    }
  })();
  await load(results / 6);
  await until(() => seen.size === results / 6);
  const before = await readGauge(rig.server);
  proxy.stall('toClient');
  await load(results / 6);
  await rig.observe(results / 3, { queue: QUEUE });
  const half = await readGauge(rig.server);
  await load((results * 2) / 3);
  await rig.observe(results, { queue: QUEUE });
  const after = await readGauge(rig.server);
  const stuckAt = seen.size;
  proxy.release('toClient');
  await observing;
  console.log(
    `    heap ${[before, half, after].map(({ heap }) => (heap / MIB).toFixed(1)).join(', ')} MiB; ` +
      `WAL at most ${(largest / MIB).toFixed(1)} MiB; it stopped at ${stuckAt} and has ${seen.size} in the end`,
  );
  assert.ok(stuckAt < results, 'it was stuck');
  assert.ok(after.heap - before.heap < HEAP_SLACK, 'heap');
  assert.ok(largest < WAL_BOUND, 'WAL');
  await worker.drain();
  await Promise.all([producer.close(), observer.close(), proxy.close()]);
  await rig.stop();
  assert.equal(received, seen.size, 'each once');
  const longestMs = null;
  return { tasks: results, lost: 0, acceptedTwice: 0, executedTwice: 0, redelivered: 0, longestMs };
}

const FAULTS = {
  [`1 of ${WORKERS} workers stops reading`]: stopOneReader,
  'observer stops reading under load': stopObserver,
};

describe('a reader that stops reading', () => {
  cleanUpProcesses();

  for (const [fault, run] of Object.entries(FAULTS)) {
    itSurvives(
      `(${fault}) holds nobody up, and memory and the file stay flat`,
      { fault, timeoutMs: 60_000, sideBySide: 2 },
      run,
    );
  }
  itSurvivesAtDefaults(FAULTS);
});
