import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, before, describe, it } from 'mocha';
import { createAdmin, createProducer, createWorker, type Worker } from '../../client/index.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { skipLoudly } from '../scene/skip.ts';
import { until } from '../scene/until.ts';
import { checkAccount, runsAgain } from './account.ts';
import type { Chance } from './chance.ts';
import type { Figures } from './figuretable.ts';
import { createJobWorker } from './jobworker.ts';
import { createRig, type Rig } from './rig.ts';
import { itSurvives, itSurvivesAtDefaults, type Setting, scaled } from './rounds.ts';
import { createWallClock, type WallClock, whyNoWallClock } from './wallclock.ts';

const SCALED = scaled(100, 500);
/** A round in which no session may end lets one be silent longer than other rounds' servers take to start beside it. */
const PATIENT = scaled(400, 2_000);
const TASKS = 1_000;
const HELD = 5;
/** Ahead, and back. */
const HOURS = [1, -1];
const HALF_AN_HOUR = 1_800_000;

describe('a wall clock that jumps by an hour', () => {
  let clock: WallClock;
  let rig: Rig;
  const workers: Worker[] = [];
  let rounds = 0;

  cleanUpProcesses();
  before(async function () {
    const reason = whyNoWallClock();
    if (reason !== undefined) skipLoudly(this, reason);
    clock = createWallClock(createFolder());
    rig = await createRig({ env: clock.env, serverArgs: SCALED.serverArgs });
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop({ deadlineMs: 0 })));
    clock?.jump(0);
  });

  function startHere(worker: Worker): Worker {
    workers.push(worker);
    return worker;
  }

  /** A server with a clock of its own. */
  async function openRound({ serverArgs }: Setting): Promise<{ own: WallClock; rig: Rig }> {
    const own = createWallClock(createFolder());
    return { own, rig: await createRig({ env: own.env, serverArgs }) };
  }

  /** Jumps again and again end no session. */
  async function jumpOften(setting: Setting, chance: Chance): Promise<Figures> {
    const { own, rig } = await openRound(setting);
    const worker = startHere(createJobWorker(rig.workerOrder({ concurrency: 50 })));
    const states = new Set<string>();
    worker.status$.subscribe(({ state }) => states.add(state));
    await worker.connected();
    const producer = rig.startProducer({ count: TASKS, slowEvery: 10, slowMs: [1, 300] });
    let jumps = 0;
    const observed = rig.observe(TASKS);
    let isDone = false;
    void observed.then(() => {
      isDone = true;
    });
    for (; !isDone; jumps += 1) {
      own.jump(chance.between(-1, 1));
      await sleep(chance.between(0, 200));
    }
    assert.equal((await producer.ended).code, 0);
    const figures = await checkAccount(rig, TASKS);
    console.log(`    ${jumps} jumps`);
    assert.deepEqual(states, new Set(['connecting', 'connected']));
    await worker.drain();
    await rig.stop();
    return figures;
  }

  /** A worker is killed, and then the clock jumps: its tasks go elsewhere after the window, no sooner and no later. */
  async function loseWorker(setting: Setting, chance: Chance): Promise<Figures> {
    const { windowMs } = setting;
    const { own, rig } = await openRound(setting);
    const worker = await rig.startWorker({ name: 'first', concurrency: HELD });
    await rig.enqueue(Array(HELD).fill(windowMs + 1_200));
    await worker.waitFor(new RegExp(`^began ${HELD}$`, 'm'), 'stdout');
    const standby = startHere(createJobWorker(rig.workerOrder({ name: 'standby', concurrency: HELD })));
    await standby.connected();
    const killedAt = Date.now();
    await worker.stop('SIGKILL');
    await sleep(chance.between(0, windowMs / 2));
    const hours = HOURS[chance.between(0, 1)] ?? 1;
    own.jump(hours);
    const again = await until(() => {
      const runs = runsAgain(rig);
      return runs.length === HELD ? runs : undefined;
    });
    const tookMs = again.map(({ at }) => at - killedAt);
    console.log(`    (${hours} h) begun again after ${Math.min(...tookMs)} to ${Math.max(...tookMs)} ms`);
    assert.ok(Math.min(...tookMs) >= windowMs - 20, 'too early');
    assert.ok(Math.max(...tookMs) <= windowMs + 1_000, 'too late');
    own.jump(0);
    await rig.observe(HELD);
    const figures = await checkAccount(rig, HELD, { executedTwice: HELD, faultsAt: [killedAt] });
    await standby.drain();
    await rig.stop();
    return figures;
  }

  const FAULTS = {
    'clock jumps under load': jumpOften,
    'clock jump while a lost worker has its window': loseWorker,
  };
  for (const [fault, run] of Object.entries(FAULTS)) {
    const setting = run === jumpOften ? PATIENT : SCALED;
    itSurvives(`(${fault}) changes nothing`, { fault, setting, sideBySide: 3 }, run);
  }
  itSurvivesAtDefaults(FAULTS);

  for (const hours of HOURS) {
    it(`(${hours} h) leaves the timeout of an attempt as it is`, async () => {
      const timeoutMs = 400;
      const producer = createProducer<string>({ server: rig.address });
      const queue = `timeout-${rounds++}`;
      let begunAt = 0;
      let endedAt = 0;
      startHere(
        createWorker<string>({
          server: rig.address,
          queues: [queue],
          handler: async (_payload, { signal }) => {
            begunAt = performance.now();
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
            endedAt = performance.now();
          },
        }),
      );
      const failed = assert.rejects(
        producer.call(queue, 'x', { timeoutMs, maxAttempts: 1 }),
        /took longer than 400 ms/,
      );
      await until(() => begunAt);
      clock.jump(hours);
      await failed;
      await until(() => endedAt);
      console.log(`    ended after ${(endedAt - begunAt).toFixed()} ms, timeout ${timeoutMs} ms`);
      assert.ok(endedAt - begunAt >= timeoutMs - 20 && endedAt - begunAt <= timeoutMs + 1_000);
      await producer.close();
    });
  }

  it('is what delays and expiries go by', async () => {
    const admin = createAdmin({ server: rig.address });
    const producer = createProducer<string>({ server: rig.address });
    const begun = new Map<string, number>();
    const queue = `delays-${rounds++}`;
    startHere(
      createWorker<string>({
        server: rig.address,
        queues: [queue],
        concurrency: 10,
        handler: (payload) => void begun.set(payload, performance.now()),
      }),
    );
    const waits = async (id: string) => assert.equal((await admin.describeTask(id)).settledAt, undefined);
    await producer.enqueue(queue, 'in half an hour', { delayMs: HALF_AN_HOUR });
    const later = await producer.enqueue(queue, 'in three hours', { delayMs: 6 * HALF_AN_HOUR });
    const mortal = await producer.enqueue('nobody', 'x', { expiresAfterMs: HALF_AN_HOUR });
    const hardy = await producer.enqueue('nobody', 'x', { expiresAfterMs: 6 * HALF_AN_HOUR });
    clock.jump(-1);
    await producer.enqueue(queue, 'soon', { delayMs: 300 });
    const soonAt = performance.now();
    await until(() => begun.get('soon'));
    assert.deepEqual([...begun.keys()], ['soon']);
    await waits(mortal.id);
    clock.jump(1);
    const jumpedAt = performance.now();
    await until(() => begun.get('in half an hour'));
    await until(async () => ((await admin.describeTask(mortal.id)).settledAt ? true : undefined));
    await waits(later.id);
    await waits(hardy.id);
    const tookMs = (begun.get('in half an hour') ?? 0) - jumpedAt;
    const soonMs = (begun.get('soon') ?? 0) - soonAt;
    console.log(`    300 ms took ${soonMs.toFixed()} ms, half an hour ${tookMs.toFixed()} ms after the jump`);
    assert.ok(soonMs >= 280 && soonMs <= 1_500, `${soonMs} ms`);
    assert.ok(tookMs <= 1_500, `${tookMs} ms`);
    await Promise.all([admin.close(), producer.close()]);
  });
});
