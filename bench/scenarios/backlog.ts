import { nowMs } from '../clock.ts';
import type { Figure } from '../figure.ts';
import { QUEUE, Rig } from '../rig.ts';
import type { Burst } from '../roles/messages.ts';
import type { Scenario } from '../scenario.ts';
import { median } from '../statistics.ts';
import { MemoryPeak, readMemoryMiB } from '../usage.ts';

const BACKLOG = 1_000_000;
const WAITING = 'waiting';
const ROUNDS = 3;
const PART_TASKS = 50_000;
const PART_MS = 5_000;
const FILL_MS = 300_000;

const ENQUEUE: Figure = { key: 'enqueue', label: 'enqueue', unit: '× empty', better: 'higher' };
const DRAIN: Figure = { key: 'drain', label: 'drain', unit: '× empty', better: 'higher' };
const COMBINED: Figure = { key: 'combined', label: 'combined', unit: '× empty', better: 'higher' };
const MEMORY: Figure = { key: 'memory', label: 'server peak PSS', unit: 'MiB', better: 'lower' };
const START: Figure = { key: 'start', label: 'start-up on that file', unit: 's', better: 'lower' };

type Rates = Record<'enqueue' | 'drain' | 'combined', number>;

/** Tasks a second from `act`, which answers how many it was and when it ended. */
async function rateOf(act: () => Promise<{ readonly tasks: number; readonly endedAt: number }>): Promise<number> {
  const startedAt = nowMs();
  const { tasks, endedAt } = await act();
  return (tasks / (endedAt - startedAt)) * 1_000;
}

/** The worker's word is the end, the same for both servers; a server with a backlog never holds nothing. */
async function measureRates(rig: Rig): Promise<Rates> {
  const part = (change: Partial<Burst> = {}): Burst => rig.burst({ tasks: PART_TASKS, forMs: PART_MS, ...change });
  let put = 0;
  const enqueue = await rateOf(async () => {
    const { acknowledged, endedAt } = await rig.producer.ask.burst(part({ queues: [WAITING] }));
    put = acknowledged;
    return { tasks: acknowledged, endedAt };
  });
  const drainer = await rig.startWorker([WAITING]);
  const drain = await rateOf(async () => {
    await drainer.ask.begin();
    // As many as were put in: the server that is empty then is empty again.
    const { done, at } = await drainer.ask.until(put, rig.patienceMs);
    if (done < put) throw new Error(`${done} of ${put} tasks were done`);
    return { tasks: done, endedAt: at };
  });
  const worker = await rig.startWorker([QUEUE]);
  await worker.ask.begin();
  const combined = await rateOf(async () => {
    const { acknowledged } = await rig.producer.ask.burst(part());
    const { done, at } = await worker.ask.until(acknowledged, rig.patienceMs);
    if (done < acknowledged) throw new Error(`${done} of ${acknowledged} tasks were done`);
    return { tasks: acknowledged, endedAt: at };
  });
  await rig.endWorker();
  return { enqueue, drain, combined };
}

export const backlog: Scenario = {
  name: 'backlog',
  about: `${BACKLOG} tasks wait: rates beside those of an empty server, memory, and how long a start on that file takes.`,
  figures: [ENQUEUE, DRAIN, COMBINED, MEMORY, START],
  systems: ['contact'],
  async run(empty) {
    const tasks = empty.load.tasks >= 200_000 ? BACKLOG : empty.load.tasks;
    const full = await Rig.start(empty.options);
    let isEnded = false;
    try {
      const filled = await full.producer.ask.burst(full.burst({ tasks, forMs: FILL_MS, queues: [WAITING] }));
      const peak = new MemoryPeak(full.server.pids, full.server.pids);
      const ratios: Rates[] = [];
      const seen: string[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const rates = new Map<Rig, Rates>();
        for (const rig of round % 2 === 0 ? [empty, full] : [full, empty]) rates.set(rig, await measureRates(rig));
        const [a, b] = [rates.get(full)!, rates.get(empty)!];
        ratios.push({ enqueue: a.enqueue / b.enqueue, drain: a.drain / b.drain, combined: a.combined / b.combined });
        seen.push(`${Object.values(a).map(Math.round)} of ${Object.values(b).map(Math.round)}`);
      }
      const { serverMiB } = peak.stop();
      const { left } = await full.producer.ask.counts();
      const restart = await full.restart();
      const restMiB = readMemoryMiB(full.server.pids);
      const again = await full.producer.ask.counts();
      if (again.left !== left) throw new Error(`${again.left} tasks after the restart, ${left} before`);
      isEnded = true;
      await full.end();
      const of = (key: keyof Rates): number => median(ratios.map((one) => one[key]));
      return {
        figures: {
          enqueue: of('enqueue'),
          drain: of('drain'),
          combined: of('combined'),
          memory: serverMiB,
          start: restart / 1_000,
        },
        checks: { backlog: filled.acknowledged, left, restMiB, rates: seen.join('; ') },
      };
    } finally {
      if (!isEnded) await full.end();
    }
  },
};
