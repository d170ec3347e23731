import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'mocha';
import { cleanUpProcesses } from '../e2e/process.ts';
import { createChance } from './chance.ts';
import { findRunning } from './journal.ts';
import { checkLedger, soundBalance } from './ledger.ts';
import { isFull } from './measure.ts';
import { createRig, type Rig, type RigOptions } from './rig.ts';

const TASK_MS = isFull ? 20_000 : 2_000;
/** Short mode: a tenth of the defaults. */
const RIG: RigOptions = isFull
  ? {}
  : { serverArgs: ['--ping-interval', '500ms', '--resume-window', '1500ms', '--shutdown-deadline', '1s'] };

/** Shorter than the window, as the default of 5 s is: a worker that comes later than that finds its tasks given away. */
const WORKER = { backoff: isFull ? { baseMs: 100, capMs: 5_000 } : { baseMs: 10, capMs: 500 } };

async function finish(rig: Rig, tasks: number, note: string): Promise<void> {
  await rig.observe(tasks);
  const balance = checkLedger(await rig.books());
  console.log(`    ${note}: ${JSON.stringify(balance)}`);
  assert.deepEqual(balance, soundBalance(tasks));
}

describe('a server that is stopped and started', () => {
  cleanUpProcesses();

  it(`has 20 executions and 20 results for 20 tasks of ${TASK_MS / 1_000} s`, async function () {
    this.timeout(10_000 + 3 * TASK_MS);
    const chance = createChance('stop instant');
    const rig = await createRig(RIG);
    const workers = [
      await rig.startWorker({ name: 'w0', concurrency: 10, ...WORKER }),
      await rig.startWorker({ name: 'w1', concurrency: 10, ...WORKER }),
    ];
    const producer = rig.startProducer({ count: 20, slowMs: [TASK_MS, TASK_MS] });
    await producer.ended;
    await Promise.all(workers.map((worker) => worker.waitFor(/^began 10$/m, 'stdout')));
    await sleep(chance.between(0, TASK_MS / 10));
    const ended = await rig.server.stop('SIGTERM');
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(findRunning(rig.journal()).length, 20, 'all of them run on');
    const gapMs = await rig.restart('SIGTERM');
    await finish(rig, 20, `back after ${gapMs.toFixed()} ms`);
    await rig.stop();
  });

  it('takes what is finished before, between and after its lives', async function () {
    this.timeout(10_000 + 5 * TASK_MS);
    const rig = await createRig(RIG);
    const worker = await rig.startWorker({ name: 'w0', concurrency: 20, ...WORKER });
    const producer = rig.startProducer({ count: 40, slowMs: [1, isFull ? 5_000 : 700] });
    await worker.waitFor(/^began 20$/m, 'stdout');
    await producer.ended;
    const gapMs = await rig.restart('SIGTERM');
    await finish(rig, 40, `back after ${gapMs.toFixed()} ms`);
    assert.equal((await worker.stop('SIGTERM')).code, 0, 'the worker leaves quietly');
    await rig.stop();
  });
});
