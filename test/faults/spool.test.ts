import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, it } from 'mocha';
import { cleanUpProcesses, createFolder, type TestProcess } from '../e2e/process.ts';
import { type Chance, createChance } from './chance.ts';
import type { Run } from './journal.ts';
import { checkLedger, soundBalance } from './ledger.ts';
import { isFull } from './measure.ts';
import { createRig, type Rig } from './rig.ts';

const ROUNDS = isFull ? 20 : 1;
const FINISHED = 6;
const UNFINISHED = 4;
const TASKS = FINISHED + UNFINISHED;
/** Long enough for all to begin and for the server to be gone before the first one ends. */
const SHORT_MS = 600;
const LONG_MS = 1_400;
/** So long that only a resume explains why a task begins again. */
const WINDOW_MS = 60_000;

describe('a worker with a spool', () => {
  let rig: Rig;
  let chance: Chance;
  let rounds = 0;

  cleanUpProcesses();
  before(async () => {
    rig = await createRig({ serverArgs: ['--ping-interval', '250ms', '--resume-window', `${WINDOW_MS}ms`] });
    chance = createChance('names');
  });

  function startWorker(name: string, queue: string, spool: string, clientId?: string): Promise<TestProcess> {
    const backoff = { baseMs: 20, capMs: 100 };
    const named = clientId === undefined ? {} : { clientId };
    return rig.startWorker({ name, queue, spool, concurrency: TASKS, keepaliveMs: 250, backoff, ...named });
  }

  /** Tasks finish while the server is away, then the worker is killed; the next one with its spool takes over. */
  async function runRound(leave: () => Promise<unknown>, comeBack: () => Promise<unknown>): Promise<void> {
    const queue = `round-${rounds++}`;
    const spool = join(createFolder(), 'spool');
    const clientId = chance.next() < 0.5 ? undefined : queue;
    const first = await startWorker('first', queue, spool, clientId);
    await rig.enqueue([...Array(FINISHED).fill(SHORT_MS), ...Array(UNFINISHED).fill(LONG_MS)], { queue });
    await first.waitFor(new RegExp(`^running ${TASKS}$`, 'm'), 'stdout');
    await leave();
    await first.waitFor(new RegExp(`^running ${TASKS}\n[^]*^running ${UNFINISHED}$`, 'm'), 'stdout');
    await first.stop('SIGKILL');
    await comeBack();
    const second = await startWorker('second', queue, spool, clientId);
    const backAt = Date.now();
    await rig.observe(TASKS, { queue });
    assert.deepEqual(checkLedger(await rig.books(queue)), { ...soundBalance(TASKS), executedTwice: UNFINISHED });
    const again = rig
      .journal(queue)
      .filter((entry): entry is Run => entry.kind === 'began' && entry.worker === 'second');
    assert.equal(again.length, UNFINISHED);
    const latestMs = Math.max(...again.map(({ at }) => at - backAt));
    console.log(`    ${FINISHED} delivered from the spool, ${UNFINISHED} begun again after ${latestMs} ms`);
    assert.ok(latestMs < 1_000, `${latestMs} ms`);
    assert.equal((await second.stop('SIGTERM')).code, 0);
  }

  function eachRound(title: string, leave: () => Promise<unknown>, comeBack: () => Promise<unknown>): void {
    it(title, async function () {
      this.timeout(ROUNDS * 20_000);
      for (let round = 0; round < ROUNDS; round += 1) await runRound(leave, comeBack);
    });
  }

  eachRound(
    'loses no finished work when it is killed while the server is paused',
    async () => rig.server.child.kill('SIGSTOP'),
    async () => rig.server.child.kill('SIGCONT'),
  );

  eachRound(
    'loses no finished work when it is killed, and the server with it',
    () => rig.server.stop('SIGKILL'),
    () => rig.restart('SIGKILL'),
  );
});
