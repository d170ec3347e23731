import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { before, describe } from 'mocha';
import { type Admin, createAdmin, createProducer, type Producer } from '../../client/index.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { skipLoudly } from '../scene/skip.ts';
import { until } from '../scene/until.ts';
import type { Chance } from './chance.ts';
import { UNHARMED } from './figures.ts';
import type { Figures } from './figuretable.ts';
import type { Job } from './job.ts';
import { createJobWorker } from './jobworker.ts';
import { createRig } from './rig.ts';
import { itSurvives, itSurvivesAtDefaults, type Setting } from './rounds.ts';
import { createWallClock, whyNoWallClock } from './wallclock.ts';

/** Enqueued within fifty minutes of the server's clock, in so many parts. */
interface Size {
  readonly backlog: number;
  readonly parts: number;
  readonly arrivals: number;
  readonly sampleMs: number;
}

const LARGE: Size = { backlog: 200_000, parts: 1_000, arrivals: 20, sampleMs: 1_000 };
const SMALL: Size = { backlog: 5_000, parts: 50, arrivals: 2, sampleMs: 20 };
const QUEUE = 'backlog';

async function enqueueMany(producer: Producer<Job>, count: number): Promise<void> {
  const stored: Promise<unknown>[] = [];
  for (let done = 0; done < count; done += 100) {
    await producer.ready();
    for (let place = 0; place < Math.min(100, count - done); place += 1) {
      stored.push(producer.enqueue(QUEUE, { input: done + place, workMs: 0 }));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(stored);
}

/** When the oldest waiting task was enqueued, by the server's clock; undefined: none waits. */
async function findOldest(admin: Admin): Promise<number | undefined> {
  const { queues } = await admin.listQueues();
  const oldest = queues.find(({ name }) => name === QUEUE)?.oldest[0]?.oldestCreatedAt;
  return oldest && Number(oldest.seconds) * 1_000 + oldest.nanos / 1e6;
}

/** All workers are away; they come back while new tasks arrive, and from then on the oldest age falls. */
async function workOff({ scale, serverArgs }: Setting): Promise<Figures> {
  const { backlog, parts, arrivals, sampleMs } = scale === 'default' ? LARGE : SMALL;
  const partSeconds = 3_000 / parts;
  const clock = createWallClock(createFolder());
  const rig = await createRig({ env: clock.env, serverArgs });
  const admin = createAdmin({ server: rig.address });
  const producer = createProducer<Job>({ server: rig.address });
  const serverNow = (): number => Date.now() + parts * partSeconds * 1_000;
  for (let part = 1; part <= parts; part += 1) {
    await enqueueMany(producer, backlog / parts);
    clock.jump((part * partSeconds) / 3_600);
  }
  let arrived = 0;
  let isOver = false;
  const arriving = (async () => {
    for (; !isOver; arrived += arrivals) {
      await enqueueMany(producer, arrivals);
      await sleep(10);
    }
  })();
  const samples: { at: number; createdAt: number }[] = [];
  const returnedAt = serverNow();
  let backAt = Number.POSITIVE_INFINITY;
  const returning = Promise.all(
    ['w0', 'w1'].map((name) => rig.startWorker({ name, queue: QUEUE, concurrency: 100 })),
  ).then(() => {
    backAt = serverNow();
  });
  for (;;) {
    const createdAt = await findOldest(admin);
    if (createdAt === undefined || createdAt >= returnedAt) break;
    samples.push({ at: serverNow(), createdAt });
    await sleep(sampleMs);
  }
  isOver = true;
  await Promise.all([arriving, returning]);
  const seen = await rig.observe(backlog + arrived, { queue: QUEUE });
  assert.equal(seen.length, backlog + arrived, 'each has one result');
  assert.equal(new Set(seen.map(({ taskId }) => taskId)).size, seen.length);

  // From the last look before anything was done; a large one from when they are all back, since the first of them may
  // have done next to nothing in a second.
  const isLarge = scale === 'default';
  const from = isLarge
    ? samples.findIndex(({ at }) => at >= backAt)
    : samples.findLastIndex(({ createdAt }) => createdAt === samples[0]?.createdAt);
  const looks = samples.slice(from);
  const ages = looks.map(({ at, createdAt }) => (at - createdAt) / 1_000);
  const shown = ages.filter((_, at) => at % Math.ceil(ages.length / 12) === 0).map((age) => age.toFixed());
  const tookMs = (samples.at(-1)?.at ?? 0) - (looks[0]?.at ?? 0);
  console.log(`    ${backlog} tasks in ${tookMs} ms while ${arrived} arrived; oldest, seconds: ${shown.join(' ')}`);
  assert.ok(ages.length >= 4, 'it took long enough to look at it');
  for (let at = 1; at < looks.length; at += 1) {
    assert.ok((looks[at]?.createdAt ?? 0) >= (looks[at - 1]?.createdAt ?? 0), 'an older one is back');
    // At short intervals a busy machine may stand still.
    if (isLarge) assert.ok((ages[at] ?? 0) < (ages[at - 1] ?? 0), `older after look ${at}: ${ages.join(' ')}`);
  }
  assert.ok((ages.at(-1) ?? 0) < (ages[0] ?? 0) / 2);
  await Promise.all([producer.close(), admin.close()]);
  await rig.stop();
  return { ...UNHARMED, tasks: seen.length };
}

/** A worker that joins while others are full gets work at once. */
async function join({ serverArgs }: Setting, chance: Chance): Promise<Figures> {
  const rig = await createRig({ serverArgs });
  const queue = 'shared';
  const count = 500;
  const full = await rig.startWorker({ queue, name: 'full', concurrency: 20 });
  await rig.enqueue(Array(count).fill(2_000), { queue });
  await full.waitFor(/^began 20$/m, 'stdout');
  await sleep(chance.between(0, 200));
  let begun = 0;
  let connectedAt = 0;
  const joined = createJobWorker(rig.workerOrder({ queue, name: 'joined', concurrency: 20 }), {
    began: (count) => {
      begun = count;
    },
  });
  await joined.connected();
  connectedAt = performance.now();
  await until(() => begun === 20);
  const tookMs = performance.now() - connectedAt;
  const began = rig.journal(queue).filter(({ kind }) => kind === 'began').length;
  console.log(`    20 tasks began ${tookMs.toFixed(1)} ms after it was connected`);
  assert.equal(began, 40, 'nobody had more than its credit');
  assert.ok(tookMs < 500, `${tookMs} ms`);
  await joined.stop({ deadlineMs: 0 });
  await full.stop('SIGKILL');

  await rig.stop();
  return { ...UNHARMED, tasks: 40 };
}

const JOIN = 'worker joins while others are full';
const WORK_OFF = 'backlog of absent workers';

describe('a backlog', () => {
  cleanUpProcesses();

  itSurvives('is shared at once with a worker that joins while others are full', { fault: JOIN, sideBySide: 2 }, join);

  describe('with a wall clock', () => {
    before(function () {
      const reason = whyNoWallClock();
      if (reason !== undefined) skipLoudly(this, reason);
    });

    const title = 'is worked off from its old end when the workers come back, while others arrive';
    itSurvives(title, { fault: WORK_OFF, sideBySide: 2 }, workOff);
    itSurvivesAtDefaults({ [WORK_OFF]: workOff });
  });

  itSurvivesAtDefaults({ [JOIN]: join });
});
