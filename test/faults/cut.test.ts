import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, before, describe, it } from 'mocha';
import type { Worker } from '../../client/index.ts';
import { cleanUpProcesses } from '../e2e/process.ts';
import { type Chance, createChance } from './chance.ts';
import { createJobWorker } from './jobworker.ts';
import { checkLedger, soundBalance } from './ledger.ts';
import { isFull } from './measure.ts';
import { createProxy, type FaultProxy } from './proxy.ts';
import { createRig, type Rig } from './rig.ts';
import { until } from './until.ts';

const ROUNDS = isFull ? 20 : 1;
const TASKS = 30;
const PING_MS = 150;

describe('a line to the server', () => {
  let rig: Rig;
  let chance: Chance;
  let proxy: FaultProxy;
  let worker: Worker;
  let standby: Worker | undefined;
  let rounds = 0;

  cleanUpProcesses();
  before(async () => {
    rig = await createRig({ serverArgs: ['--ping-interval', `${PING_MS}ms`, '--resume-window', '5s'] });
    chance = createChance('instants');
  });
  afterEach(async () => {
    await Promise.all([worker.stop({ deadlineMs: 0 }), standby?.stop({ deadlineMs: 0 })]);
    await proxy.close();
  });

  /** Tasks run and finish behind the proxy while `disturb` does its work; each must be executed once. */
  async function runRound(disturb: (hasBegun: (count: number) => Promise<void>) => Promise<void>): Promise<void> {
    const queue = `round-${rounds++}`;
    proxy = await createProxy(rig.address);
    let begun = 0;
    const count = {
      began: () => {
        begun += 1;
      },
    };
    worker = createJobWorker(
      { ...rig.workerOrder({ queue, concurrency: 10, keepaliveMs: PING_MS }), server: proxy.address },
      count,
    );
    // Whatever the server gives away goes here at once: what was ready earlier goes first.
    standby = createJobWorker(rig.workerOrder({ queue, concurrency: 2 }), count);
    await Promise.all([worker.connected(), standby.connected()]);
    const disturbed = disturb(async (least) => void (await until(() => begun >= least || undefined)));
    await rig.enqueue(
      Array.from({ length: TASKS }, () => chance.between(1, 300)),
      { queue },
    );
    await disturbed;
    await rig.observe(TASKS, { queue });
    assert.deepEqual(checkLedger(await rig.books(queue)), soundBalance(TASKS));
    const again = rig.journal(queue).filter((entry) => entry.kind === 'began' && entry.delivery > 1).length;
    console.log(`    ${proxy.accepted} connections; ${again} of ${TASKS} delivered again, none executed twice`);
    await Promise.all([worker.drain(), standby.drain()]);
    await proxy.close();
  }

  function eachRound(title: string, disturb: Parameters<typeof runRound>[0]): void {
    it(title, async function () {
      this.timeout(ROUNDS * 20_000);
      for (let round = 0; round < ROUNDS; round += 1) await runRound(disturb);
    });
  }

  eachRound('may be cut again and again', async (hasBegun) => {
    for (let count = chance.between(1, 8); count <= TASKS; count += chance.between(1, 10)) {
      await hasBegun(count);
      await sleep(chance.between(0, 50));
      proxy.cut();
    }
  });

  eachRound('may be closed politely', async (hasBegun) => {
    await hasBegun(chance.between(5, TASKS - 10));
    await sleep(chance.between(0, 100));
    proxy.halfClose('toServer');
    proxy.halfClose('toClient');
  });

  eachRound('may be out of reach for a while', async (hasBegun) => {
    await hasBegun(chance.between(5, TASKS - 10));
    proxy.refuse();
    proxy.cut();
    await sleep(chance.between(100, 800));
    proxy.accept();
  });

  for (const directions of [['toServer'], ['toClient'], ['toServer', 'toClient']] as const) {
    eachRound(`may become a black hole ${directions.join(' and ')}`, async (hasBegun) => {
      await hasBegun(chance.between(5, TASKS - 10));
      await sleep(chance.between(0, 100));
      for (const direction of directions) proxy.swallow(direction);
      // What is opened from now on goes through.
      proxy.accept();
    });
  }

  eachRound('may be half open: the worker comes again while the server still sees it', async (hasBegun) => {
    await hasBegun(chance.between(5, TASKS - 10));
    await sleep(chance.between(0, 100));
    proxy.swallow('toServer');
    proxy.accept();
    proxy.halfClose('toClient');
  });

  it('may be cut while tasks are enqueued and their results are read', async function () {
    this.timeout(20_000);
    const queue = 'behind-the-line';
    const many = isFull ? 50_000 : 5_000;
    proxy = await createProxy(rig.address);
    worker = createJobWorker(rig.workerOrder({ queue, concurrency: 100 }));
    let isDone = false;
    const observed = rig.observe(many, { queue, server: proxy.address });
    const enqueued = rig.enqueue(Array(many).fill(0), { queue, server: proxy.address });
    async function cut(): Promise<number> {
      for (let cuts = 0; ; cuts += 1) {
        const bytes = proxy.countBytes('toServer') + chance.between(1, 60 * many);
        await until(() => isDone || proxy.countBytes('toServer') > bytes || undefined);
        if (isDone) return cuts;
        proxy.cut();
      }
    }
    const cutting = cut();
    const again = await enqueued;
    const seen = await observed;
    isDone = true;
    console.log(`    ${await cutting} cuts, ${again} tasks sent again that were stored`);
    assert.deepEqual(checkLedger(await rig.books(queue)), soundBalance(many));
    assert.deepEqual(seen, await rig.observe(many, { queue }));
  });
});
