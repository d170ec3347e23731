import { nowMs } from '../clock.ts';
import { type Figure, RATE } from '../figure.ts';
import { PAYLOAD_BYTES, QUEUE, Rig } from '../rig.ts';
import type { Outcome, Scenario } from '../scenario.ts';
import { createSlowDisk, FSYNC_MS, type SlowDisk, whyNotSlow } from '../slowdisk/slow.ts';
import { median } from '../statistics.ts';
import { measureCombined } from './combined.ts';

const MAX_MS = 10_000;
const HALF = 0.5;
/** Single tasks, each waiting for the one before: how long a commit takes. */
const COMMITS = 50;

const DELAY: Figure = { key: 'delay', label: 'event-loop delay p99', unit: 'ms', better: 'lower' };
const HALF_DELAY: Figure = { key: 'halfDelay', label: 'the same at half load', unit: 'ms', better: 'lower' };
const PICKUP: Figure = { key: 'pickup', label: 'pick-up p99 at half load', unit: 'commits', better: 'lower' };
const COMMIT: Figure = { key: 'commit', label: 'a commit', unit: 'ms', better: 'lower' };

async function measureCommit(rig: Rig): Promise<number> {
  const shape = { one: true, outstanding: 1 } as const;
  const tookMs: number[] = [];
  for (let at = 0; at < COMMITS; at += 1) {
    const { startedAt, endedAt } = await rig.producer.ask.burst(rig.burst({ tasks: 1, shape }));
    tookMs.push(endedAt - startedAt);
  }
  return median(tookMs);
}

async function measureSlow(rig: Rig, disk: SlowDisk): Promise<Outcome> {
  const pid = rig.server.pids[0]!;
  const commit = await measureCommit(rig);
  if (commit < FSYNC_MS) throw new Error(`a commit takes ${commit} ms: the disk is not slow`);
  const worker = await rig.startWorker();
  await worker.ask.begin();
  await rig.settled(worker, COMMITS);
  await disk.readDelay(pid);
  const { figures, checks } = await measureCombined(rig, worker, rig.burst());
  const full = await disk.readDelay(pid);
  const next = await rig.startWorker();
  await next.ask.begin();
  const perSecond = (figures.rate ?? 0) * HALF;
  const pace = { perSecond, payloadBytes: PAYLOAD_BYTES, queue: QUEUE, forMs: Math.min(MAX_MS, rig.load.forMs) };
  const startedAt = nowMs();
  const { acknowledged } = await rig.producer.ask.pace(pace);
  await rig.settled(next, acknowledged);
  const half = await disk.readDelay(pid);
  const pickup = await next.ask.pickup();
  return {
    figures: {
      delay: full.p99,
      halfDelay: half.p99,
      pickup: pickup.p99 / commit,
      rate: figures.rate ?? 0,
      commit,
    },
    checks: {
      ...checks,
      maxDelay: full.max,
      maxHalfDelay: half.max,
      pickupMs: `p50 ${pickup.p50} p99 ${pickup.p99} max ${pickup.max}`,
      halfTookMs: nowMs() - startedAt,
    },
  };
}

export const slowDisk: Scenario = {
  name: 'slow-disk',
  about: `The server's fsync takes ${FSYNC_MS} ms more: event-loop delay, throughput, pick-up in units of commits.`,
  figures: [DELAY, HALF_DELAY, PICKUP, RATE, COMMIT],
  systems: ['contact', 'raw-sqlite'],
  missing: whyNotSlow,
  async run(rig) {
    // A server of its own: the rig's has the disk as it is.
    const disk = createSlowDisk();
    try {
      const slow = await Rig.start({ ...rig.options, start: disk.start });
      try {
        return await measureSlow(slow, disk);
      } finally {
        await slow.end();
      }
    } finally {
      disk.remove();
    }
  },
};
