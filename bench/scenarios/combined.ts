import { COSTS, RATE } from '../figure.ts';
import type { RoleProcess } from '../process.ts';
import type { Rig } from '../rig.ts';
import type { Burst, WorkerAsks } from '../roles/messages.ts';
import type { Outcome, Scenario } from '../scenario.ts';

/** Producer and worker at once, from the first enqueue until the last result is stored; the worker was warmed up. */
export async function measureCombined(rig: Rig, worker: RoleProcess<WorkerAsks>, burst: Burst): Promise<Outcome> {
  const warm = await rig.warmUp(worker, burst.queues);
  const before = await rig.producer.ask.counts();
  const meter = rig.meter();
  try {
    const { acknowledged, startedAt } = await rig.producer.ask.burst(burst);
    const endedAt = await rig.settled(worker, acknowledged, warm);
    const costs = meter.read(acknowledged);
    const stored = await rig.checkStored(before, acknowledged);
    const tookMs = endedAt - startedAt;
    return {
      figures: { rate: (acknowledged / tookMs) * 1_000, ...costs },
      checks: { tasks: acknowledged, tookMs, stored: stored ?? 'not told', left: 0 },
    };
  } finally {
    meter.stop();
  }
}

export const combined: Scenario = {
  name: 'combined',
  about: 'Producer and worker at once, from the first enqueue to the last stored result.',
  figures: [RATE, ...COSTS],
  async run(rig) {
    const worker = await rig.startWorker();
    await worker.ask.begin();
    return measureCombined(rig, worker, rig.burst());
  },
};
