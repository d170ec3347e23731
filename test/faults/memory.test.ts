import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createProducer } from '../../client/index.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { noteRound, UNHARMED } from './figures.ts';
import { createRig } from './rig.ts';
import { GAUGED, type Gauge, readGauge } from './weight.ts';

const MIB = 1 << 20;
/** Tasks waiting at each look. */
const [FEW, MANY, TWICE] = isFull ? [10_000, 200_000, 400_000] : [2_000, 15_000, 30_000];
/** What JavaScript keeps after a collection: less than a hundred bytes a task would be found out in a long backlog. */
const HEAP_SLACK = 2 * MIB;
/**
 * Up to 100,000 tasks that wait are fresh, with their payloads (docs/decisions/0010): a short backlog is in memory, a
 * long one is not.
 */
const FRESH_BYTES = 1_024;
const HEAP_BOUND = isFull ? HEAP_SLACK : HEAP_SLACK + (TWICE - FEW) * FRESH_BYTES;
/** SQLite's page cache is 16 MiB at most; the rest is what V8 and malloc keep of a flood of enqueues. */
const RSS_BOUND = 256 * MIB;
/** Once all of that is there, a backlog of double length adds next to nothing. */
const RSS_SLACK = 32 * MIB;
const QUEUE = 'waiting';

async function enqueueMany(server: string, count: number): Promise<void> {
  const producer = createProducer<string>({ server });
  const payload = 'x'.repeat(100);
  const stored: Promise<unknown>[] = [];
  for (let done = 0; done < count; done += 100) {
    await producer.ready();
    for (let place = 0; place < 100; place += 1) stored.push(producer.enqueue(QUEUE, payload));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(stored);
  await producer.close();
}

describe('a long backlog', () => {
  cleanUpProcesses();

  it(`of ${TWICE} tasks takes no more memory than one of ${MANY}`, async function () {
    this.timeout(120_000);
    const rig = await createRig({ nodeArgs: GAUGED });
    const [few, many, twice] = [await grow(FEW), await grow(MANY - FEW), await grow(TWICE - MANY)];

    async function grow(count: number): Promise<Gauge> {
      await enqueueMany(rig.address, count);
      return readGauge(rig.server);
    }
    const describeGauge = (waiting: number, { rss, heap }: Gauge): string =>
      `${waiting} waiting: RSS ${(rss / MIB).toFixed(1)} MiB, heap ${(heap / MIB).toFixed(1)} MiB`;
    console.log(`    ${[describeGauge(FEW, few), describeGauge(MANY, many), describeGauge(TWICE, twice)].join('; ')}`);
    assert.ok(twice.heap - few.heap <= HEAP_BOUND, 'heap');
    assert.ok(many.rss - few.rss <= RSS_BOUND, 'RSS, of a flood');
    // A short flood does not fill what it may fill.
    if (isFull) assert.ok(twice.rss - many.rss <= RSS_SLACK, 'RSS, of a backlog');
    await rig.stop();
    noteRound('long backlog: memory', isFull ? 'default' : 'scaled', { ...UNHARMED, tasks: TWICE });
  });
});
