import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe } from 'mocha';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, type TestProcess } from '../scene/process.ts';
import { checkAccount, runsAgain } from './account.ts';
import type { Figures } from './figuretable.ts';
import { createRig, type Rig } from './rig.ts';
import { itSurvives, itSurvivesAtDefaults, type RunRound, scaled } from './rounds.ts';

const FINISHED = 6;
const UNFINISHED = 4;
const TASKS = FINISHED + UNFINISHED;
/** Long enough for all to begin and for the server to be gone before the first one ends. */
const SHORT_MS = 600;
const LONG_MS = 1_400;
/** So long that only a resume explains why a task begins again. */
const SCALED = scaled(250, 60_000);

type Act = (rig: Rig) => Promise<unknown>;

/** Tasks finish while the server is away, then the worker is killed; the next one with its spool takes over. */
const dieBetween =
  (leave: Act, comeBack: Act): RunRound =>
  async (setting, chance): Promise<Figures> => {
    const { serverArgs, backoff, keepaliveMs } = setting;
    const rig = await createRig({ serverArgs });
    const spool = join(createFolder(), 'spool');
    const named = chance.next() < 0.5 ? {} : { clientId: 'the-worker' };
    const start = (name: string): Promise<TestProcess> =>
      rig.startWorker({ name, spool, concurrency: TASKS, keepaliveMs, backoff, ...named });
    const first = await start('first');
    await rig.enqueue([...Array(FINISHED).fill(SHORT_MS), ...Array(UNFINISHED).fill(LONG_MS)]);
    await first.waitFor(new RegExp(`^running ${TASKS}$`, 'm'), 'stdout');
    await leave(rig);
    await first.waitFor(new RegExp(`^running ${TASKS}\n[^]*^running ${UNFINISHED}$`, 'm'), 'stdout');
    const killedAt = Date.now();
    await first.stop('SIGKILL');
    await comeBack(rig);
    const second = await start('second');
    const backAt = Date.now();
    await rig.observe(TASKS);
    const figures = await checkAccount(rig, TASKS, { executedTwice: UNFINISHED, faultsAt: [killedAt] });
    const again = runsAgain(rig).filter(({ worker }) => worker === 'second');
    assert.equal(again.length, UNFINISHED);
    const latestMs = Math.max(...again.map(({ at }) => at - backAt));
    console.log(`    ${FINISHED} delivered from the spool, ${UNFINISHED} begun again after ${latestMs} ms`);
    assert.ok(latestMs < 1_000, `${latestMs} ms`);
    assert.equal((await second.stop('SIGTERM')).code, 0);
    await rig.stop();
    return figures;
  };

const FAULTS = {
  'worker with a spool killed while the server is paused': dieBetween(
    async (rig) => rig.server.child.kill('SIGSTOP'),
    async (rig) => rig.server.child.kill('SIGCONT'),
  ),
  'worker with a spool killed, and the server with it': dieBetween(
    (rig) => rig.server.stop('SIGKILL'),
    (rig) => rig.startAgain(),
  ),
};

describe('a worker with a spool', () => {
  cleanUpProcesses();

  for (const [fault, run] of Object.entries(FAULTS)) {
    itSurvives(`(${fault}) loses no finished work`, { fault, setting: SCALED, sideBySide: 4 }, run);
  }
  itSurvivesAtDefaults(FAULTS);
});
