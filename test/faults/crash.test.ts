import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'mocha';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, type TestProcess } from '../scene/process.ts';
import { checkAccount, runsAgain } from './account.ts';
import type { Chance } from './chance.ts';
import type { Figures } from './figuretable.ts';
import { createJobWorker } from './jobworker.ts';
import { findRunning } from './journal.ts';
import { createRig, type Rig } from './rig.ts';
import { itSurvives, itSurvivesAtDefaults, type Setting } from './rounds.ts';

const WORKERS = 2;

interface Crew {
  readonly rig: Rig;
  readonly workers: readonly TestProcess[];
}

async function startCrew({ serverArgs, backoff }: Setting, concurrency: number): Promise<Crew> {
  const rig = await createRig({ serverArgs });
  const names = Array.from({ length: WORKERS }, (_, place) => `w${place}`);
  const workers = await Promise.all(names.map((name) => rig.startWorker({ name, concurrency, backoff })));
  return { rig, workers };
}

/** The server is killed once while tasks are enqueued, and once more while they are worked off. */
async function crashTwice(setting: Setting, chance: Chance): Promise<Figures> {
  const tasks = isFull ? 3_000 : 800;
  const { rig } = await startCrew(setting, 20);
  const faultsAt: number[] = [];
  const crash = async (): Promise<string> => {
    faultsAt.push(Date.now());
    await rig.server.kill();
    const running = findRunning(rig.journal()).length;
    const gapMs = await rig.restart('SIGKILL');
    return `${running} running, back after ${gapMs.toFixed()} ms`;
  };
  const producer = rig.startProducer({ count: tasks, slowEvery: 20, slowMs: [1, 300] });
  const acknowledged = 100 * chance.between(1, tasks / 100 - 5);
  await producer.waitFor(new RegExp(`^acknowledged ${acknowledged}$`, 'm'), 'stdout');
  const first = await crash();
  const settled = chance.between(1, tasks - 1);
  await rig.observe(settled);
  const second = await crash();
  assert.equal((await producer.ended).code, 0);
  const seen = await rig.observe(tasks);
  console.log(`    killed at ${acknowledged} acknowledged: ${first}; at ${settled} settled: ${second}`);
  assert.equal(seen.length, tasks, 'an observer sees each result once');
  const figures = await checkAccount(rig, tasks, { faultsAt });
  await rig.stop();
  return figures;
}

/** The server is killed again and again while it starts: opens its file, takes up its sessions, is registered with. */
async function crashAtStart(setting: Setting, chance: Chance): Promise<Figures> {
  const tasks = isFull ? 1_000 : 500;
  const kills = isFull ? 4 : 1;
  const { rig } = await startCrew(setting, 100);
  const producer = rig.startProducer({ count: tasks, slowEvery: 2, slowMs: [1, 400] });
  await producer.waitFor(/^acknowledged 300$/m, 'stdout');
  const faultsAt = [Date.now()];
  const startMs = await rig.restart('SIGKILL');
  const instants: number[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    // From before it has opened its file until all have come back.
    instants.push(chance.between(Math.round(startMs / 4), Math.round(startMs) + 100));
    faultsAt.push(Date.now());
    await rig.restartInVain(instants.at(-1) ?? 0);
  }
  await rig.startAgain();
  assert.equal((await producer.ended).code, 0);
  await rig.observe(tasks);
  console.log(`    up after ${startMs.toFixed()} ms, killed ${instants.join(', ')} ms after its start`);
  const figures = await checkAccount(rig, tasks, { faultsAt });
  await rig.stop();
  return figures;
}

/** The server and all workers die in the same moment, in the middle of the work; others take their places. */
async function crashTogether(setting: Setting, chance: Chance): Promise<Figures> {
  const tasks = isFull ? 1_000 : 300;
  const { rig, workers } = await startCrew(setting, 20);
  const producer = rig.startProducer({ count: tasks, slowEvery: 5, slowMs: [1, 300] });
  await rig.observe(chance.between(1, tasks - 200));
  const killedAt = Date.now();
  await Promise.all([rig.server.kill(), ...workers.map((worker) => worker.stop('SIGKILL'))]);
  const running = findRunning(rig.journal()).length;
  await rig.startAgain();
  // The window runs anew from when calls are accepted.
  const backAt = Date.now();
  // Here, so that what a process needs to come up does not count.
  const next = createJobWorker(rig.workerOrder({ name: 'next', concurrency: 40, backoff: setting.backoff }));
  assert.equal((await producer.ended).code, 0);
  await rig.observe(tasks);
  const again = runsAgain(rig).map(({ at }) => at - backAt);
  console.log(`    ${running} running, ${again.length} begun again ${Math.max(...again)} ms after it was back`);
  assert.ok(again.length >= running, `${again.length} again`);
  assert.ok(Math.max(...again) <= setting.windowMs + 1_000, 'too late');
  const figures = await checkAccount(rig, tasks, { executedTwice: 'some', faultsAt: [killedAt] });
  await next.drain();
  await rig.stop();
  return figures;
}

/** Killed while it goes: its workers were told `moving`, and finish what they have. */
async function crashWhileLeaving(setting: Setting, chance: Chance): Promise<Figures> {
  const tasks = isFull ? 300 : 80;
  const { rig } = await startCrew(setting, 20);
  const producer = rig.startProducer({ count: tasks, slowEvery: 1, slowMs: [50, 400] });
  await rig.observe(chance.between(1, tasks / 2));
  rig.server.child.kill('SIGTERM');
  await sleep(chance.between(0, 250));
  const faultsAt = [Date.now()];
  const gapMs = await rig.restart('SIGKILL');
  assert.equal((await producer.ended).code, 0);
  await rig.observe(tasks);
  console.log(`    back ${gapMs.toFixed()} ms after it was killed on its way out`);
  const figures = await checkAccount(rig, tasks, { faultsAt });
  await rig.stop();
  return figures;
}

/** One worker drains: it finishes what it has and takes no more. Meanwhile the server is killed, or itself. */
const crashWhileDraining =
  (who: 'server' | 'worker') =>
  async (setting: Setting, chance: Chance): Promise<Figures> => {
    const tasks = isFull ? 200 : 60;
    const { rig, workers } = await startCrew(setting, 20);
    const producer = rig.startProducer({ count: tasks, slowEvery: 1, slowMs: [100, 400] });
    await rig.observe(chance.between(1, tasks / 2));
    const [drained] = workers as [TestProcess];
    drained.child.kill('SIGTERM');
    await sleep(chance.between(0, 150));
    const faultsAt = [Date.now()];
    if (who === 'server') {
      await rig.restart('SIGKILL');
      assert.equal((await drained.ended).code, 0, 'it leaves when all was acknowledged');
    } else await drained.stop('SIGKILL');
    assert.equal((await producer.ended).code, 0);
    await rig.observe(tasks);
    const figures = await checkAccount(rig, tasks, { executedTwice: who === 'server' ? 0 : 'some', faultsAt });
    if (who === 'worker') {
      console.log(`    ${figures.redelivered} begun again, the last one after ${figures.longestMs} ms`);
      assert.ok((figures.longestMs ?? 0) <= setting.windowMs + 1_000, 'too late');
    }
    await rig.stop();
    return figures;
  };

const FAULTS = {
  'server killed during enqueue and work': crashTwice,
  'server killed during its start-up repair': crashAtStart,
  'server and all workers killed together': crashTogether,
  'server killed while it shuts down': crashWhileLeaving,
  'server killed while a worker drains': crashWhileDraining('server'),
  'worker killed while it drains': crashWhileDraining('worker'),
};

/** Of these the short form has the parts: a server that is killed at work and while a worker drains, a worker at work. */
const FULL_ONLY: readonly string[] = ['server killed while it shuts down', 'worker killed while it drains'];

describe('a crash', () => {
  cleanUpProcesses();

  for (const [fault, run] of Object.entries(FAULTS)) {
    if (!isFull && FULL_ONLY.includes(fault)) continue;
    itSurvives(`(${fault}) loses nothing`, { fault, timeoutMs: 60_000, sideBySide: 3 }, run);
  }
  itSurvivesAtDefaults(FAULTS);
});
