import { COSTS, type Figure, RATE } from '../figure.ts';
import type { Burst } from '../roles/messages.ts';
import type { Scenario } from '../scenario.ts';
import type { Ability } from '../system.ts';
import { measureCombined } from './combined.ts';

// `combined` with one thing changed.

const QUEUES = 1_000;
const FAIL_EVERY = 10;
const KIB = 1_024;
const MIB = 2 ** 20;
/** Bytes under way at once, so that a batch stays within what one message may hold. */
const BATCH_BYTES = 512 * KIB;
const OUTSTANDING = 4;
/** Bytes of a whole load: as many as a disk can be asked to take for a measurement. */
const LOAD_BYTES = 512 * MIB;

const MIB_RATE: Figure = { key: 'mibPerSecond', label: 'payload', unit: 'MiB/s', better: 'higher' };

function createVariant(name: string, about: string, needs: readonly Ability[], change: Partial<Burst>): Scenario {
  return {
    name,
    about,
    figures: [RATE, ...COSTS],
    needs,
    async run(rig) {
      const burst = rig.burst(change);
      const worker = await rig.startWorker(burst.queues);
      await worker.ask.begin();
      return measureCombined(rig, worker, burst);
    },
  };
}

function createPayloadVariant(name: string, words: string, payloadBytes: number): Scenario {
  return {
    name,
    about: `As \`combined\`, with payloads of ${words}.`,
    figures: [RATE, MIB_RATE, ...COSTS],
    needs: ['large'],
    async run(rig) {
      const size = Math.max(1, Math.min(rig.system.batch.size, Math.floor(BATCH_BYTES / payloadBytes)));
      // What has no batches has single tasks outstanding: as many bytes as the others.
      const outstanding = Math.max(OUTSTANDING, Math.floor((OUTSTANDING * BATCH_BYTES) / payloadBytes / size));
      const shape = { size, outstanding: Math.min(rig.system.batch.outstanding, outstanding) };
      const tasks = Math.min(rig.load.tasks, Math.floor(LOAD_BYTES / payloadBytes));
      const worker = await rig.startWorker();
      await worker.ask.begin();
      const { figures, checks } = await measureCombined(rig, worker, rig.burst({ payloadBytes, shape, tasks }));
      return { figures: { ...figures, mibPerSecond: (figures.rate! * payloadBytes) / MIB }, checks };
    },
  };
}

export const queues = createVariant(
  'queues',
  `As \`combined\`, the tasks spread over ${QUEUES.toLocaleString('en')} queues that one worker serves.`,
  ['queues'],
  { queues: Array.from({ length: QUEUES }, (_, at) => `bench-${at}`) },
);

export const retries = createVariant(
  'retries',
  `As \`combined\`, every ${FAIL_EVERY}th task fails the first time and is run again at once.`,
  ['retry'],
  { failEvery: FAIL_EVERY },
);

export const payload10k = createPayloadVariant('payload-10k', '10 KB', 10_000);
export const payload1m = createPayloadVariant('payload-1m', '1 MB', 1_000_000);
