import type { Figure } from '../figure.ts';
import { PAYLOAD_BYTES, QUEUE, type Rig } from '../rig.ts';
import type { Outcome, Scenario } from '../scenario.ts';

const PER_SECOND = 50;
const MAX_MS = 10_000;
/** Enough tasks in a row that no process has anything left to compile. */
const WARM_MS = 1_000;
const HALF = 0.5;

const P50: Figure = { key: 'p50', label: 'pick-up p50', unit: 'ms', better: 'lower' };
const P99: Figure = { key: 'p99', label: 'pick-up p99', unit: 'ms', better: 'lower' };
const STORED: Figure = { key: 'stored', label: 'stored p50', unit: 'ms', better: 'lower' };
const RATE: Figure = { key: 'rate', label: 'rate', unit: 'tasks/s', better: 'higher' };

/** From the enqueue to the start of the work, at a pace that does not depend on the server. */
async function measurePickup(rig: Rig, perSecond: number): Promise<Outcome> {
  const worker = await rig.startWorker();
  await worker.ask.begin();
  const warm = await rig.warmUp(worker);
  const pace = { perSecond, payloadBytes: PAYLOAD_BYTES, queue: QUEUE };
  const paced = await rig.producer.ask.pace({ ...pace, forMs: WARM_MS });
  await rig.settled(worker, paced.acknowledged, warm);
  await worker.ask.pickup();
  const before = await rig.producer.ask.counts();
  const forMs = Math.min(MAX_MS, rig.load.forMs);
  const { acknowledged, stored } = await rig.producer.ask.pace({ ...pace, forMs });
  await rig.settled(worker, acknowledged, warm + paced.acknowledged);
  const pickup = await worker.ask.pickup();
  if (pickup.count !== acknowledged) throw new Error(`${pickup.count} of ${acknowledged} tasks were picked up`);
  const kept = await rig.checkStored(before, acknowledged);
  return {
    figures: { p50: pickup.p50, p99: pickup.p99, stored: stored.p50, rate: (acknowledged / forMs) * 1_000 },
    checks: { tasks: acknowledged, max: pickup.max, stored: kept ?? 'not told', left: 0 },
  };
}

export const pickup: Scenario = {
  name: 'pickup',
  about: `From the enqueue of a task to the start of its work, ${PER_SECOND} tasks a second on an idle server.`,
  figures: [P50, P99, STORED],
  run: (rig) => measurePickup(rig, PER_SECOND),
};

export const pickupHalf: Scenario = {
  name: 'pickup-half',
  about: 'The same at half of what the system itself did in `combined` in this run.',
  figures: [P99, P50, RATE],
  run(rig) {
    const { capacity } = rig.options;
    if (capacity === null) throw new Error('needs `combined` in the same run, before it');
    return measurePickup(rig, capacity * HALF);
  },
};

export const roundTrip: Scenario = {
  name: 'round-trip',
  about: `From the enqueue of a task until its producer has the result, and until it is stored, ${PER_SECOND} tasks a second on an idle server.`,
  figures: [
    { ...P50, label: 'round trip p50' },
    { ...P99, label: 'round trip p99' },
    STORED,
    { ...STORED, key: 'storedP99', label: 'stored p99' },
  ],
  needs: ['call'],
  async run(rig) {
    const worker = await rig.startWorker();
    await worker.ask.begin();
    const warm = await rig.warmUp(worker);
    const pace = { perSecond: PER_SECOND, payloadBytes: PAYLOAD_BYTES, queue: QUEUE };
    const forMs = Math.min(MAX_MS, rig.load.forMs);
    const called = await rig.producer.ask.call({ ...pace, forMs: WARM_MS });
    const { p50, p99, max, count } = await rig.producer.ask.call({ ...pace, forMs });
    // By themselves: whoever calls does not wait for the acknowledgement.
    const { acknowledged, stored } = await rig.producer.ask.pace({ ...pace, forMs });
    await rig.settled(worker, acknowledged, warm + called.count + count);
    const { left } = await rig.producer.ask.counts();
    if (left !== 0) throw new Error(`the server holds ${left} tasks after the end`);
    return {
      figures: { p50, p99, stored: stored.p50, storedP99: stored.p99 },
      checks: { tasks: count + acknowledged, max, left },
    };
  },
};
