import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, before, describe, it } from 'mocha';
import { createAdmin, createProducer, createWorker, type Worker } from '../../client/index.ts';
import { cleanUpProcesses, createFolder } from '../e2e/process.ts';
import { type Chance, createChance } from './chance.ts';
import { createJobWorker } from './jobworker.ts';
import type { Run } from './journal.ts';
import { checkLedger, soundBalance } from './ledger.ts';
import { isFull } from './measure.ts';
import { createRig, type Rig } from './rig.ts';
import { skipLoudly } from './skip.ts';
import { until } from './until.ts';
import { createWallClock, type WallClock, whyNoWallClock } from './wallclock.ts';

const ROUNDS = isFull ? 20 : 1;
const PING_MS = 100;
const WINDOW_MS = 500;
const TASKS = isFull ? 3_000 : 1_000;
const HELD = 5;
/** Ahead, and back. */
const HOURS = [1, -1];
const HALF_AN_HOUR = 1_800_000;

describe('a wall clock that jumps by an hour', () => {
  let chance: Chance;
  let clock: WallClock;
  let rig: Rig;
  const workers: Worker[] = [];
  let rounds = 0;

  cleanUpProcesses();
  before(async function () {
    const reason = whyNoWallClock();
    if (reason !== undefined) skipLoudly(this, reason);
    chance = createChance('jump instants');
    clock = createWallClock(createFolder());
    const serverArgs = ['--ping-interval', `${PING_MS}ms`, '--resume-window', `${WINDOW_MS}ms`];
    rig = await createRig({ env: clock.env, serverArgs });
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop({ deadlineMs: 0 })));
    clock?.jump(0);
  });

  function startHere(worker: Worker): Worker {
    workers.push(worker);
    return worker;
  }

  it(`ends no session and does nothing twice: ${ROUNDS} × ${TASKS} tasks`, async function () {
    this.timeout(ROUNDS * 30_000);
    for (let round = 0; round < ROUNDS; round += 1) {
      const queue = `jumps-${round}`;
      const worker = startHere(createJobWorker(rig.workerOrder({ queue, concurrency: 50 })));
      const states = new Set<string>();
      worker.status$.subscribe(({ state }) => states.add(state));
      await worker.connected();
      const producer = rig.startProducer({ queue, count: TASKS, slowEvery: 10, slowMs: [1, 300] });
      const jumps: number[] = [];
      const observed = rig.observe(TASKS, { queue });
      let isDone = false;
      void observed.then(() => {
        isDone = true;
      });
      while (!isDone) {
        jumps.push(chance.between(-1, 1));
        clock.jump(jumps.at(-1) ?? 0);
        await sleep(chance.between(0, 200));
      }
      assert.equal((await producer.ended).code, 0);
      const balance = checkLedger(await rig.books(queue));
      console.log(`    ${jumps.length} jumps: ${JSON.stringify(balance)}`);
      assert.deepEqual(balance, soundBalance(TASKS));
      assert.deepEqual(states, new Set(['connecting', 'connected']));
      await worker.drain();
    }
  });

  /** A worker is killed, and then the clock jumps: its tasks go elsewhere after the window, no sooner and no later. */
  async function lose(from: Rig, windowMs: number, hours: number): Promise<void> {
    const queue = `window-${rounds++}`;
    const worker = await from.startWorker({ queue, name: 'first', concurrency: HELD });
    await from.enqueue(Array(HELD).fill(2 * windowMs + 2_000), { queue });
    await worker.waitFor(new RegExp(`^began ${HELD}$`, 'm'), 'stdout');
    startHere(createJobWorker(from.workerOrder({ queue, name: 'standby', concurrency: HELD })));
    const killedAt = Date.now();
    await worker.stop('SIGKILL');
    await sleep(chance.between(0, windowMs / 2));
    clock.jump(hours);
    const again = await until(() => {
      const runs = from.journal(queue).filter((entry): entry is Run => entry.kind === 'began' && entry.delivery > 1);
      return runs.length === HELD ? runs : undefined;
    });
    clock.jump(0);
    const tookMs = again.map(({ at }) => at - killedAt);
    console.log(`    redelivered after ${Math.min(...tookMs)} to ${Math.max(...tookMs)} ms, window ${windowMs} ms`);
    assert.ok(Math.min(...tookMs) >= windowMs - 20, 'too early');
    assert.ok(Math.max(...tookMs) <= windowMs + 1_000, 'too late');
  }

  if (isFull) {
    it('leaves the window of a lost worker as it is, at the defaults', async function () {
      this.timeout(60_000);
      const defaults = await createRig({ env: clock.env });
      await lose(defaults, 15_000, 1);
      await defaults.stop();
    });
  }

  for (const hours of HOURS) {
    it(`(${hours} h) leaves the window of a lost worker as it is`, async function () {
      this.timeout(ROUNDS * 20_000);
      for (let round = 0; round < ROUNDS; round += 1) await lose(rig, WINDOW_MS, hours);
    });

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
      await until(() => begunAt || undefined);
      clock.jump(hours);
      await failed;
      await until(() => endedAt || undefined);
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
