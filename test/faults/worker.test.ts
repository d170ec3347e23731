import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, before, describe } from 'mocha';
import { createAdmin, type Worker } from '../../client/index.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, type TestProcess } from '../scene/process.ts';
import { until } from '../scene/until.ts';
import { checkAccount } from './account.ts';
import type { Chance } from './chance.ts';
import type { Figures } from './figuretable.ts';
import { createJobWorker } from './jobworker.ts';
import type { Run } from './journal.ts';
import { createRig, type Rig } from './rig.ts';
import { DEFAULT, itSurvives, itSurvivesAtDefaults, type Setting, scaled } from './rounds.ts';
import { tellResult } from './tell.ts';

/** A window wide enough to come back in. */
const SCALED = scaled(200, 1_200);
const TASKS = 5;

interface Scene {
  readonly rig: Rig;
  readonly queue: string;
  /** Runs all the tasks. */
  readonly worker: TestProcess;
  /** Has nothing to do. */
  readonly standby: Worker;
  /** What the other one began, once it has all. */
  taken(): Promise<Run[]>;
  /** When all is done. */
  finish(executedTwice: number, faultAt: number): Promise<Figures>;
}

describe('a worker that goes away', () => {
  const rigs = new Map<Setting, Rig>();
  const standbys: Worker[] = [];
  let rounds = 0;

  cleanUpProcesses();
  before(async () => {
    for (const setting of isFull ? [SCALED, DEFAULT] : [SCALED]) {
      rigs.set(setting, await createRig({ serverArgs: setting.serverArgs }));
    }
  });
  afterEach(async () => {
    await Promise.all(standbys.splice(0).map((standby) => standby.stop({ deadlineMs: 0 })));
  });

  async function occupy(setting: Setting, workMs: number): Promise<Scene> {
    const rig = rigs.get(setting) as Rig;
    const queue = `round-${rounds++}`;
    const { backoff } = setting;
    const worker = await rig.startWorker({ name: 'first', concurrency: TASKS, queue, backoff });
    await rig.enqueue(Array(TASKS).fill(workMs), { queue });
    await worker.waitFor(new RegExp(`^began ${TASKS}$`, 'm'), 'stdout');
    const standby = createJobWorker(rig.workerOrder({ name: 'standby', concurrency: TASKS, queue }));
    standbys.push(standby);
    await standby.connected();
    return {
      rig,
      queue,
      worker,
      standby,
      taken: () =>
        until(() => {
          const runs = rig.journal(queue).filter((entry): entry is Run => entry.kind === 'began');
          const again = runs.filter((run) => run.worker === 'standby');
          return again.length === TASKS ? again : undefined;
        }),
      async finish(executedTwice, faultAt) {
        await rig.observe(TASKS, { queue });
        const figures = await checkAccount(rig, TASKS, { queue, executedTwice, faultsAt: [faultAt] });
        await standby.stop();
        return figures;
      },
    };
  }

  /** Its tasks begin elsewhere within the window and a second. */
  async function die(setting: Setting, chance: Chance): Promise<Figures> {
    const { windowMs } = setting;
    const { worker, taken, finish } = await occupy(setting, 1_000);
    await sleep(chance.between(0, 500));
    const killedAt = Date.now();
    await worker.stop('SIGKILL');
    const waitedMs = (await taken()).map(({ at }) => at - killedAt);
    console.log(`    begun elsewhere after ${Math.max(...waitedMs)} ms, window ${windowMs} ms`);
    assert.ok(Math.max(...waitedMs) <= windowMs + 1_000, `${Math.max(...waitedMs)} ms`);
    // A grain of either clock.
    assert.ok(Math.min(...waitedMs) >= windowMs - 2, `kept for ${Math.min(...waitedMs)} ms only`);
    return await finish(TASKS, killedAt);
  }

  /** It goes on with what it has. */
  async function pause(setting: Setting, chance: Chance): Promise<Figures> {
    const { pingMs, windowMs } = setting;
    // Longer than it could take to lose them, so that the one with nothing to do would get them.
    const { worker, finish } = await occupy(setting, 3 * pingMs + windowMs + 800);
    const pausedAt = Date.now();
    worker.child.kill('SIGSTOP');
    // Lost after three intervals, of which one may have passed; then the window.
    const awayMs = chance.between(3 * pingMs + 100, 2 * pingMs + windowMs - 500);
    await sleep(awayMs);
    worker.child.kill('SIGCONT');
    console.log(`    away for ${awayMs} ms`);
    await worker.waitFor(/^reconnecting\n[\s\S]*^connected$/m, 'stdout');
    const figures = await finish(0, pausedAt);
    assert.equal((await worker.stop('SIGTERM')).code, 0);
    return figures;
  }

  /** Its tasks went elsewhere: its results are late. */
  async function pauseTooLong(setting: Setting, chance: Chance): Promise<Figures> {
    const { pingMs, windowMs } = setting;
    const { rig, worker, taken, finish } = await occupy(setting, chance.between(500, 1_000));
    const pausedAt = Date.now();
    worker.child.kill('SIGSTOP');
    const again = await taken();
    const longestMs = Math.max(...again.map(({ at }) => at - pausedAt));
    assert.ok(longestMs <= 3 * pingMs + windowMs + 1_000, `${longestMs} ms`);
    const [{ id }] = again as [Run];
    assert.equal(await tellResult(rig.address, id, 1), 'STALE');
    worker.child.kill('SIGCONT');
    await worker.waitFor(/^reconnecting\n[\s\S]*^connected$/m, 'stdout');
    const figures = await finish(TASKS, pausedAt);
    assert.equal(await tellResult(rig.address, id, 1), 'STALE');
    assert.equal(await tellResult(rig.address, id, 2), 'DUPLICATE');
    assert.equal((await worker.stop('SIGTERM')).code, 0);
    return figures;
  }

  /** Nobody took its tasks: it keeps them. */
  async function pauseAlone(setting: Setting): Promise<Figures> {
    const { rig, queue, worker, standby, finish } = await occupy(setting, 1_000);
    await standby.drain();
    const pausedAt = Date.now();
    worker.child.kill('SIGSTOP');
    const admin = createAdmin({ server: rig.address });
    await until(async () => {
      const { tasks } = await admin.listTasks({ queues: [queue], states: ['ready'] });
      return tasks.length === TASKS ? true : undefined;
    });
    await admin.close();
    worker.child.kill('SIGCONT');
    const figures = await finish(0, pausedAt);
    assert.equal((await worker.stop('SIGTERM')).code, 0);
    return figures;
  }

  const FAULTS = {
    'worker killed': die,
    'worker paused within the window': pause,
    'worker paused beyond the window': pauseTooLong,
    'worker paused beyond the window, no other there': pauseAlone,
  };
  for (const [fault, run] of Object.entries(FAULTS)) {
    itSurvives(`(${fault}) loses nothing`, { fault, setting: SCALED, sideBySide: 4 }, run);
  }
  itSurvivesAtDefaults(FAULTS);
});
