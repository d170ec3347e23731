import { COSTS, RATE } from '../figure.ts';
import type { Scenario } from '../scenario.ts';

export const drain: Scenario = {
  name: 'drain',
  about: 'Works off what was enqueued before, from the first word of the worker to the last stored result.',
  figures: [RATE, ...COSTS],
  async run(rig) {
    const { acknowledged } = await rig.producer.ask.burst(rig.burst());
    const before = await rig.producer.ask.counts();
    if (before.left !== acknowledged) throw new Error(`${before.left} tasks wait, ${acknowledged} were acknowledged`);
    const worker = await rig.startWorker();
    const meter = rig.meter();
    try {
      const beganAt = await worker.ask.begin();
      const endedAt = await rig.settled(worker, acknowledged);
      const costs = meter.read(acknowledged);
      const stored = await rig.checkStored(before, acknowledged);
      const tookMs = endedAt - beganAt;
      return {
        figures: { rate: (acknowledged / tookMs) * 1_000, ...costs },
        checks: { tasks: acknowledged, tookMs, stored: stored ?? 'not told', left: 0 },
      };
    } finally {
      meter.stop();
    }
  },
};
