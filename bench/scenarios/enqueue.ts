import { COSTS, RATE } from '../figure.ts';
import type { Rig } from '../rig.ts';
import type { Burst } from '../roles/messages.ts';
import type { Outcome, Scenario } from '../scenario.ts';

const OUTSTANDING = 64;
const WARM_TASKS = 2_000;
const WARM_MS = 1_000;

/** Enqueues with nobody working; the server's own count is what was acknowledged. */
async function measureEnqueue(rig: Rig, burst: Burst): Promise<Outcome> {
  await rig.producer.ask.burst({ ...burst, tasks: Math.min(WARM_TASKS, burst.tasks), forMs: WARM_MS });
  const before = await rig.producer.ask.counts();
  const meter = rig.meter();
  try {
    const { acknowledged, startedAt, endedAt } = await rig.producer.ask.burst(burst);
    const costs = meter.read(acknowledged);
    const { left } = await rig.producer.ask.counts();
    if (left - before.left !== acknowledged) {
      throw new Error(`the server holds ${left - before.left} tasks more, ${acknowledged} were acknowledged`);
    }
    const tookMs = endedAt - startedAt;
    return {
      figures: { rate: (acknowledged / tookMs) * 1_000, ...costs },
      checks: { tasks: acknowledged, tookMs, left: left - before.left },
    };
  } finally {
    meter.stop();
  }
}

export const enqueueOne: Scenario = {
  name: 'enqueue-one',
  about: `Enqueues one by one, ${OUTSTANDING} waiting for their acknowledgement at once; nobody works.`,
  figures: [RATE, ...COSTS],
  run: (rig) => measureEnqueue(rig, rig.burst({ shape: { one: true, outstanding: OUTSTANDING } })),
};

export const enqueueBatch: Scenario = {
  name: 'enqueue-batch',
  about: 'Enqueues in the batches that suit each system; nobody works.',
  figures: [RATE, ...COSTS],
  run: (rig) => measureEnqueue(rig, rig.burst()),
};
