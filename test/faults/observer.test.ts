import assert from 'node:assert/strict';
import { describe } from 'mocha';
import { cleanUpProcesses } from '../scene/process.ts';
import { checkAccount } from './account.ts';
import type { Chance } from './chance.ts';
import type { Figures } from './figuretable.ts';
import { createJobWorker } from './jobworker.ts';
import { createRig, type Seen } from './rig.ts';
import { itSurvives, itSurvivesAtDefaults, type Setting } from './rounds.ts';

/** Results are there once each, whatever stops: the observer, again and again, with its cursor; and the server. */
async function restartUnderObservers({ scale, serverArgs }: Setting, chance: Chance): Promise<Figures> {
  const [tasks, restarts] = scale === 'default' ? [10_000, 6] : [600, 2];
  const rig = await createRig({ serverArgs: ['--shutdown-deadline', '200ms', ...serverArgs] });
  const worker = createJobWorker(rig.workerOrder({ concurrency: 20 }));
  await worker.connected();

  let stops = 0;
  async function stopAndStart(): Promise<Seen[]> {
    const seen: Seen[] = [];
    while (seen.length < tasks) {
      const count = Math.min(tasks - seen.length, chance.between(1, tasks / 8));
      seen.push(...(await rig.observe(count, { from: seen.at(-1)?.cursor })));
      stops += 1;
    }
    return seen;
  }
  async function restart(): Promise<void> {
    for (let round = 1; round <= restarts; round += 1) {
      await rig.observe(Math.floor((tasks * (round - chance.next())) / restarts));
      await rig.restart(round % 2 === 0 ? 'SIGTERM' : 'SIGKILL');
    }
  }
  // Half of the tasks take long enough that results are still to come when the server goes.
  const enqueued = rig.enqueue(Array.from({ length: tasks }, () => (chance.next() < 0.5 ? 0 : chance.between(1, 40))));
  const [restless, patient] = await Promise.all([stopAndStart(), rig.observe(tasks), restart(), enqueued]);

  const log = await rig.observe(tasks);
  assert.equal(new Set(log.map(({ taskId }) => taskId)).size, tasks);
  assert.equal(log.length, tasks);
  assert.deepEqual(patient, log, 'the one that stayed');
  assert.deepEqual(restless, log, 'the one that was stopped and started');
  console.log(`    ${tasks} results each, stopped ${stops} times, ${restarts} restarts of the server`);
  const figures = await checkAccount(rig, tasks);
  await worker.stop();
  await rig.stop();
  return figures;
}

describe('an observer', () => {
  cleanUpProcesses();

  const fault = 'observer and server stopped and started';
  itSurvives('has each result once', { fault, sideBySide: 3 }, restartUnderObservers);
  itSurvivesAtDefaults({ [fault]: restartUnderObservers });
});
