import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'mocha';
import { cleanUpProcesses } from '../e2e/process.ts';
import { type Chance, createChance } from './chance.ts';
import { findRunning } from './journal.ts';
import { checkLedger, soundBalance } from './ledger.ts';
import { isFull } from './measure.ts';
import { createRig } from './rig.ts';

const ROUNDS = isFull ? 10 : 1;
const TASKS = isFull ? 20_000 : 3_000;
const WORKERS = isFull ? 3 : 2;

/** The server is killed once while tasks are enqueued, and once more while they are worked off. */
async function crashTwice(chance: Chance): Promise<void> {
  const rig = await createRig();
  const crash = async (): Promise<string> => {
    await rig.server.kill();
    const running = findRunning(rig.journal()).length;
    const gapMs = await rig.restart('SIGKILL');
    return `${running} running, back after ${gapMs.toFixed()} ms`;
  };
  for (let place = 0; place < WORKERS; place += 1) await rig.startWorker({ name: `w${place}`, concurrency: 20 });
  const producer = rig.startProducer({ count: TASKS, slowEvery: 20, slowMs: [1, 300] });
  const acknowledged = 100 * chance.between(1, TASKS / 100 - 5);
  await producer.waitFor(new RegExp(`^acknowledged ${acknowledged}$`, 'm'), 'stdout');
  const first = await crash();
  const settled = chance.between(1, TASKS - 1);
  await rig.observe(settled);
  const second = await crash();
  assert.equal((await producer.ended).code, 0);
  const seen = await rig.observe(TASKS);
  const balance = checkLedger(await rig.books());
  console.log(`    killed at ${acknowledged} acknowledged: ${first}; at ${settled} settled: ${second}`);
  console.log(`    ${JSON.stringify(balance)}`);
  assert.deepEqual(balance, soundBalance(TASKS));
  assert.equal(seen.length, TASKS, 'an observer sees each result once');
  await rig.stop();
}

/** The server is killed again and again soon after it has come up: in the middle of registrations and resumes. */
async function crashOften(chance: Chance, kills: number, tasks: number): Promise<void> {
  const rig = await createRig();
  const backoff = { baseMs: 20, capMs: 100 };
  for (const name of ['w0', 'w1']) await rig.startWorker({ name, concurrency: 20, backoff });
  const producer = rig.startProducer({ count: tasks, slowEvery: 2, slowMs: [1, 200] });
  await producer.waitFor(/^acknowledged 100$/m, 'stdout');
  const instants: number[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    await rig.restart('SIGKILL');
    instants.push(chance.between(0, 150));
    await sleep(instants.at(-1));
  }
  await rig.restart('SIGKILL');
  assert.equal((await producer.ended).code, 0);
  await rig.observe(tasks);
  const balance = checkLedger(await rig.books());
  console.log(`    killed ${instants.join(', ')} ms after it was up: ${JSON.stringify(balance)}`);
  assert.deepEqual(balance, soundBalance(tasks));
  await rig.stop();
}

describe('a server that is killed', () => {
  cleanUpProcesses();

  it(`loses nothing and does nothing twice: ${ROUNDS} × ${TASKS} tasks`, async function () {
    this.timeout(ROUNDS * 120_000);
    const chance = createChance('kill instants');
    for (let round = 0; round < ROUNDS; round += 1) await crashTwice(chance);
  });

  it('soon after it has come up, again and again: loses nothing and does nothing twice', async function () {
    this.timeout(ROUNDS * 60_000);
    const chance = createChance('kill instants');
    for (let round = 0; round < ROUNDS; round += 1) await crashOften(chance, isFull ? 6 : 1, isFull ? 2_000 : 1_000);
  });
});
