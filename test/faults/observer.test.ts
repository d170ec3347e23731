import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { cleanUpProcesses } from '../e2e/process.ts';
import { createChance } from './chance.ts';
import { createJobWorker } from './jobworker.ts';
import { isFull } from './measure.ts';
import { createRig, type Seen } from './rig.ts';

const TASKS = isFull ? 10_000 : 600;
const RESTARTS = isFull ? 6 : 2;

describe('an observer', () => {
  cleanUpProcesses();

  it(`has each of ${TASKS} results once, stopped and started with its cursor, over ${RESTARTS} restarts`, async function () {
    this.timeout(RESTARTS * 20_000);
    const chance = createChance('instants');
    const rig = await createRig({ serverArgs: ['--shutdown-deadline', '200ms'] });
    const worker = createJobWorker(rig.workerOrder({ concurrency: 20 }));
    await worker.connected();

    let stops = 0;
    async function stopAndStart(): Promise<Seen[]> {
      const seen: Seen[] = [];
      while (seen.length < TASKS) {
        const count = Math.min(TASKS - seen.length, chance.between(1, TASKS / 8));
        seen.push(...(await rig.observe(count, { from: seen.at(-1)?.cursor })));
        stops += 1;
      }
      return seen;
    }
    async function restart(): Promise<void> {
      for (let round = 1; round <= RESTARTS; round += 1) {
        await rig.observe(Math.floor((TASKS * (round - chance.next())) / RESTARTS));
        await rig.restart(round % 2 === 0 ? 'SIGTERM' : 'SIGKILL');
      }
    }
    // Half of the tasks take long enough that results are still to come when the server goes.
    const enqueued = rig.enqueue(
      Array.from({ length: TASKS }, () => (chance.next() < 0.5 ? 0 : chance.between(1, 40))),
    );
    const [restless, patient] = await Promise.all([stopAndStart(), rig.observe(TASKS), restart(), enqueued]);

    const log = await rig.observe(TASKS);
    assert.equal(new Set(log.map(({ taskId }) => taskId)).size, TASKS);
    assert.equal(log.length, TASKS);
    assert.deepEqual(patient, log, 'the one that stayed');
    assert.deepEqual(restless, log, 'the one that was stopped and started');
    console.log(`    ${TASKS} results each, stopped ${stops} times, ${RESTARTS} restarts of the server`);
    await worker.stop();
    await rig.stop();
  });
});
