import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, before, describe, it } from 'mocha';
import { createAdmin, type Worker } from '../../client/index.ts';
import { cleanUpProcesses } from '../e2e/process.ts';
import { type Chance, createChance } from './chance.ts';
import { createJobWorker } from './jobworker.ts';
import type { Run } from './journal.ts';
import { checkLedger, soundBalance } from './ledger.ts';
import { isFull } from './measure.ts';
import { createRig, type Rig } from './rig.ts';
import { tellResult } from './tell.ts';
import { until } from './until.ts';

const ROUNDS = isFull ? 20 : 1;
const PING_MS = 200;
const WINDOW_MS = 1_200;
const TASKS = 5;

describe('a worker that goes away', () => {
  let rig: Rig;
  let chance: Chance;
  let standby: Worker;
  let rounds = 0;

  cleanUpProcesses();
  before(async () => {
    rig = await createRig({ serverArgs: ['--ping-interval', `${PING_MS}ms`, '--resume-window', `${WINDOW_MS}ms`] });
    chance = createChance('instants');
  });
  afterEach(() => standby.stop({ deadlineMs: 0 }));

  /** A worker process that runs all the tasks of a queue, and then another one with nothing to do. */
  async function occupy(workMs: number) {
    const queue = `round-${rounds++}`;
    const backoff = { baseMs: 20, capMs: 100 };
    const worker = await rig.startWorker({ name: 'first', concurrency: TASKS, queue, backoff });
    await rig.enqueue(Array(TASKS).fill(workMs), { queue });
    await worker.waitFor(new RegExp(`^began ${TASKS}$`, 'm'), 'stdout');
    standby = createJobWorker(rig.workerOrder({ name: 'standby', concurrency: TASKS, queue }));
    await standby.connected();
    return { queue, worker };
  }

  /** What the standby worker began, once it has all. */
  function taken(queue: string): Promise<Run[]> {
    return until(() => {
      const runs = rig.journal(queue).filter((entry): entry is Run => entry.kind === 'began');
      const again = runs.filter(({ worker }) => worker === 'standby');
      return again.length === TASKS ? again : undefined;
    });
  }

  async function finish(queue: string, executedTwice: number): Promise<void> {
    await rig.observe(TASKS, { queue });
    assert.deepEqual(checkLedger(await rig.books(queue)), { ...soundBalance(TASKS), executedTwice });
    await standby.stop();
  }

  function eachRound(title: string, run: () => Promise<void>): void {
    it(title, async function () {
      this.timeout(ROUNDS * 20_000);
      for (let round = 0; round < ROUNDS; round += 1) await run();
    });
  }

  let longestMs = 0;
  eachRound('by SIGKILL: its tasks begin elsewhere within the window and a second', async () => {
    const { queue, worker } = await occupy(1_000);
    await sleep(chance.between(0, 500));
    const killedAt = Date.now();
    await worker.stop('SIGKILL');
    const again = await taken(queue);
    const waitedMs = again.map(({ at }) => at - killedAt);
    longestMs = Math.max(longestMs, ...waitedMs);
    console.log(`    longest time to redelivery so far: ${longestMs} ms, window ${WINDOW_MS} ms`);
    assert.ok(longestMs <= WINDOW_MS + 1_000, `${longestMs} ms`);
    // A grain of either clock.
    assert.ok(Math.min(...waitedMs) >= WINDOW_MS - 2, `kept for ${Math.min(...waitedMs)} ms only`);
    await finish(queue, TASKS);
  });

  eachRound('by SIGSTOP and comes back within the window: goes on with what it has', async () => {
    // Longer than it could take to lose them, so that the one with nothing to do would get them.
    const { queue, worker } = await occupy(3 * PING_MS + WINDOW_MS + 800);
    worker.child.kill('SIGSTOP');
    // Lost after three intervals, of which one may have passed; then the window.
    const awayMs = chance.between(3 * PING_MS + 100, 2 * PING_MS + WINDOW_MS - 500);
    await sleep(awayMs);
    worker.child.kill('SIGCONT');
    console.log(`    away for ${awayMs} ms`);
    await worker.waitFor(/^reconnecting\n[\s\S]*^connected$/m, 'stdout');
    await finish(queue, 0);
    assert.equal((await worker.stop('SIGTERM')).code, 0);
  });

  eachRound('by SIGSTOP and comes back after its tasks went elsewhere: its results are late', async () => {
    const { queue, worker } = await occupy(chance.between(500, 1_000));
    worker.child.kill('SIGSTOP');
    const again = await taken(queue);
    const [{ id }] = again as [Run];
    assert.equal(await tellResult(rig.address, id, 1), 'STALE');
    worker.child.kill('SIGCONT');
    await worker.waitFor(/^reconnecting\n[\s\S]*^connected$/m, 'stdout');
    await finish(queue, TASKS);
    assert.equal(await tellResult(rig.address, id, 1), 'STALE');
    assert.equal(await tellResult(rig.address, id, 2), 'DUPLICATE');
    assert.equal((await worker.stop('SIGTERM')).code, 0);
  });

  eachRound('by SIGSTOP and comes back after the window, when nobody took its tasks: keeps them', async () => {
    const { queue, worker } = await occupy(1_000);
    await standby.drain();
    worker.child.kill('SIGSTOP');
    const admin = createAdmin({ server: rig.address });
    await until(async () => {
      const { tasks } = await admin.listTasks({ queues: [queue], states: ['ready'] });
      return tasks.length === TASKS ? true : undefined;
    });
    await admin.close();
    worker.child.kill('SIGCONT');
    await finish(queue, 0);
    assert.equal((await worker.stop('SIGTERM')).code, 0);
  });
});
