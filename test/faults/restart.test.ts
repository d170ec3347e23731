import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'mocha';
import { cleanUpProcesses } from '../scene/process.ts';
import { checkAccount } from './account.ts';
import type { Chance } from './chance.ts';
import type { Figures } from './figuretable.ts';
import { findRunning } from './journal.ts';
import { createRig } from './rig.ts';
import { itSurvives, itSurvivesAtDefaults, type Setting, scaled } from './rounds.ts';

/** A tenth of the defaults: what starts again takes a while, and the window has to be longer. */
const SCALED: Setting = (() => {
  const { serverArgs, ...rest } = scaled(500, 1_500);
  return { ...rest, serverArgs: [...serverArgs, '--shutdown-deadline', '1s'] };
})();

/** Tasks that take longer than that run on, and each is executed once. */
async function restartUnderLongTasks(setting: Setting, chance: Chance): Promise<Figures> {
  const { serverArgs, backoff, windowMs } = setting;
  const tasks = 20;
  const taskMs = setting.scale === 'default' ? 20_000 : windowMs + 2_500;
  const rig = await createRig({ serverArgs });
  const names = ['w0', 'w1'];
  const workers = await Promise.all(names.map((name) => rig.startWorker({ name, concurrency: 10, backoff })));
  const producer = rig.startProducer({ count: tasks, slowMs: [taskMs, taskMs] });
  await producer.ended;
  await Promise.all(workers.map((worker) => worker.waitFor(/^began 10$/m, 'stdout')));
  await sleep(chance.between(0, taskMs / 10));
  const stoppedAt = Date.now();
  const ended = await rig.server.stop('SIGTERM');
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(findRunning(rig.journal()).length, tasks, 'all of them run on');
  const gapMs = await rig.restart('SIGTERM');
  await rig.observe(tasks);
  console.log(`    back after ${gapMs.toFixed()} ms`);
  const figures = await checkAccount(rig, tasks, { faultsAt: [stoppedAt] });
  await rig.stop();
  return figures;
}

/** Tasks that finish before, between and after its lives. */
async function restartUnderShortTasks(setting: Setting, chance: Chance): Promise<Figures> {
  const { serverArgs, backoff } = setting;
  const tasks = 40;
  const rig = await createRig({ serverArgs });
  const worker = await rig.startWorker({ name: 'w0', concurrency: 20, backoff });
  const producer = rig.startProducer({ count: tasks, slowMs: [1, setting.scale === 'default' ? 5_000 : 700] });
  await worker.waitFor(/^began 20$/m, 'stdout');
  await producer.ended;
  await sleep(chance.between(0, 200));
  const stoppedAt = Date.now();
  const gapMs = await rig.restart('SIGTERM');
  await rig.observe(tasks);
  console.log(`    back after ${gapMs.toFixed()} ms`);
  const figures = await checkAccount(rig, tasks, { faultsAt: [stoppedAt] });
  assert.equal((await worker.stop('SIGTERM')).code, 0, 'the worker leaves quietly');
  await rig.stop();
  return figures;
}

const FAULTS = {
  'server stopped and started, long tasks': restartUnderLongTasks,
  'server stopped and started, short tasks': restartUnderShortTasks,
};

describe('a server that is stopped and started', () => {
  cleanUpProcesses();

  for (const [fault, run] of Object.entries(FAULTS)) {
    itSurvives(`(${fault}) has each task executed once`, { fault, setting: SCALED, sideBySide: 3 }, run);
  }
  itSurvivesAtDefaults(FAULTS);
});
