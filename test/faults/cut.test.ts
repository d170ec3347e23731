import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, before, describe } from 'mocha';
import type { Worker } from '../../client/index.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { createProxy, type FaultProxy } from '../scene/proxy.ts';
import { until } from '../scene/until.ts';
import { checkAccount, runsAgain } from './account.ts';
import type { Chance } from './chance.ts';
import type { Figures } from './figuretable.ts';
import { createJobWorker } from './jobworker.ts';
import { createRig, type Rig } from './rig.ts';
import { DEFAULT, itSurvives, itSurvivesAtDefaults, type RunRound, type Setting, scaled, TWENTIETH } from './rounds.ts';

const TASKS = 30;
/** A long window: what is executed twice was not given away too early but by mistake. */
const SCALED = scaled(150, 5_000);

interface Scene {
  readonly proxy: FaultProxy;
  readonly setting: Setting;
  readonly chance: Chance;
  hasBegun(count: number): Promise<void>;
  /** It was done to the line now. */
  mark(): void;
}

/** Tasks run and finish behind the proxy while this does its work; each must be executed once. */
type Disturb = (scene: Scene) => Promise<void>;

const swallow =
  (...directions: ('toServer' | 'toClient')[]): Disturb =>
  async ({ proxy, chance, hasBegun, mark }) => {
    await hasBegun(chance.between(5, TASKS - 10));
    await sleep(chance.between(0, 100));
    for (const direction of directions) proxy.swallow(direction);
    mark();
    // What is opened from now on goes through.
    proxy.accept();
  };

const DISTURBANCES: Readonly<Record<string, Disturb>> = {
  'line cut again and again': async ({ proxy, chance, hasBegun, mark }) => {
    for (let count = chance.between(1, 8); count <= TASKS; count += chance.between(1, 10)) {
      await hasBegun(count);
      await sleep(chance.between(0, 50));
      proxy.cut();
      mark();
    }
  },
  'line closed politely': async ({ proxy, chance, hasBegun, mark }) => {
    await hasBegun(chance.between(5, TASKS - 10));
    await sleep(chance.between(0, 100));
    proxy.halfClose('toServer');
    proxy.halfClose('toClient');
    mark();
  },
  'line out of reach for a while': async ({ proxy, chance, hasBegun, mark }) => {
    await hasBegun(chance.between(5, TASKS - 10));
    proxy.refuse();
    proxy.cut();
    mark();
    await sleep(chance.between(100, 800));
    proxy.accept();
  },
  'black hole to the server': swallow('toServer'),
  'black hole to the client': swallow('toClient'),
  'black hole both ways': swallow('toServer', 'toClient'),
  // The worker comes again while the server still sees it.
  'half-open line': async ({ proxy, chance, hasBegun, mark }) => {
    await hasBegun(chance.between(5, TASKS - 10));
    await sleep(chance.between(0, 100));
    proxy.swallow('toServer');
    proxy.accept();
    proxy.halfClose('toClient');
    mark();
  },
};

describe('a line to the server', () => {
  const rigs = new Map<Setting, Rig>();
  let rounds = 0;

  cleanUpProcesses();
  before(async () => {
    for (const setting of isFull ? [SCALED, TWENTIETH, DEFAULT] : [SCALED, TWENTIETH]) {
      rigs.set(setting, await createRig({ serverArgs: setting.serverArgs }));
    }
  });

  const workers: Worker[] = [];
  const proxies: FaultProxy[] = [];
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop({ deadlineMs: 0 })));
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });

  /** A worker behind a proxy, and another one with room for whatever the server gives away: what was ready goes first. */
  async function open(setting: Setting, began: () => void) {
    const rig = rigs.get(setting) as Rig;
    const queue = `round-${rounds++}`;
    const proxy = await createProxy(rig.address);
    const { keepaliveMs } = setting;
    const order = rig.workerOrder({ name: 'first', queue, concurrency: 10, keepaliveMs });
    const worker = createJobWorker({ ...order, server: proxy.address }, { began });
    const standby = createJobWorker(rig.workerOrder({ name: 'standby', queue, concurrency: 2 }), { began });
    proxies.push(proxy);
    workers.push(worker, standby);
    await Promise.all([worker.connected(), standby.connected()]);
    const close = async (): Promise<void> => {
      await Promise.all([worker.drain(), standby.drain()]);
      await proxy.close();
    };
    return { rig, queue, proxy, worker, standby, close };
  }

  const runWith =
    (disturb: Disturb): RunRound =>
    async (setting, chance): Promise<Figures> => {
      let begun = 0;
      const { rig, queue, proxy, close } = await open(setting, () => {
        begun += 1;
      });
      const faultsAt: number[] = [];
      const disturbed = disturb({
        proxy,
        setting,
        chance,
        hasBegun: async (least) => void (await until(() => begun >= least)),
        mark: () => void faultsAt.push(Date.now()),
      });
      await rig.enqueue(
        Array.from({ length: TASKS }, () => chance.between(1, 300)),
        { queue },
      );
      await disturbed;
      await rig.observe(TASKS, { queue });
      const figures = await checkAccount(rig, TASKS, { queue, faultsAt });
      console.log(`    ${proxy.accepted} connections; ${figures.redelivered} of ${TASKS} delivered again`);
      await close();
      return figures;
    };

  /** The line is dead and stays so: what was there begins elsewhere. */
  async function fallSilent(setting: Setting, chance: Chance): Promise<Figures> {
    const { pingMs, windowMs } = setting;
    let begun = 0;
    const { rig, queue, proxy, worker, standby } = await open(setting, () => {
      begun += 1;
    });
    const held = 10;
    // Two go to the other one, which has done with them at once.
    await rig.enqueue(Array(held).fill(3 * pingMs + windowMs + 2_000), { queue });
    await until(() => begun >= held);
    await sleep(chance.between(0, pingMs));
    const silentAt = Date.now();
    for (const direction of ['toServer', 'toClient'] as const) proxy.swallow(direction);
    proxy.refuse();
    const lost = rig
      .journal(queue)
      .filter((entry) => entry.kind === 'began' && entry.worker === 'first')
      .map(({ input }) => input);
    const others = Array.from({ length: 5 }, () =>
      createJobWorker(rig.workerOrder({ name: 'standby', queue, concurrency: 2 })),
    );
    workers.push(...others);
    const again = await until(() => {
      const runs = runsAgain(rig, queue);
      return runs.length >= lost.length ? runs : undefined;
    });
    const longestMs = Math.max(...again.map(({ at }) => at - silentAt));
    const leastMs = Math.min(...again.map(({ at }) => at - silentAt));
    console.log(`    ${again.length} begun elsewhere ${leastMs} to ${longestMs} ms after the line fell silent`);
    assert.ok(longestMs <= 3 * pingMs + windowMs + 1_000, `${longestMs} ms`);
    await rig.observe(held, { queue });
    const figures = await checkAccount(rig, held, { queue, executedTwice: lost.length, faultsAt: [silentAt] });
    await Promise.all([standby, ...others].map((one) => one.drain()));
    await worker.stop({ deadlineMs: 0 });
    await proxy.close();
    return figures;
  }

  /** Both the producer and an observer are behind the line. */
  async function cutEnqueue(setting: Setting, chance: Chance): Promise<Figures> {
    const rig = rigs.get(setting) as Rig;
    const queue = `round-${rounds++}`;
    const many = setting.scale === 'default' ? 20_000 : 3_000;
    const proxy = await createProxy(rig.address);
    proxies.push(proxy);
    const worker = createJobWorker(rig.workerOrder({ queue, concurrency: 100 }));
    workers.push(worker);
    let isDone = false;
    const faultsAt: number[] = [];
    async function cut(): Promise<void> {
      for (;;) {
        const bytes = proxy.countBytes('toServer') + chance.between(1, 60 * many);
        await until(() => isDone || proxy.countBytes('toServer') > bytes);
        if (isDone) return;
        faultsAt.push(Date.now());
        proxy.cut();
      }
    }
    const observed = rig.observe(many, { queue, server: proxy.address });
    const enqueued = rig.enqueue(Array(many).fill(0), { queue, server: proxy.address });
    const cutting = cut();
    const again = await enqueued;
    const seen = await observed;
    isDone = true;
    await cutting;
    console.log(`    ${faultsAt.length} cuts, ${again} tasks sent again that were stored`);
    assert.deepEqual(seen, await rig.observe(many, { queue }));
    const figures = await checkAccount(rig, many, { queue, faultsAt });
    await worker.drain();
    await proxy.close();
    return figures;
  }

  const FAULTS: Record<string, RunRound> = {};
  for (const [fault, disturb] of Object.entries(DISTURBANCES)) {
    FAULTS[fault] = runWith(disturb);
    itSurvives(`(${fault}) costs nothing but time`, { fault, setting: SCALED, sideBySide: 5 }, runWith(disturb));
  }
  const fault = 'line silent for good';
  FAULTS[fault] = fallSilent;
  itSurvives(`(${fault}) has its tasks begun elsewhere in time`, { fault, sideBySide: 5 }, fallSilent);
  const cut = 'line cut during enqueue';
  FAULTS[cut] = cutEnqueue;
  itSurvives(`(${cut}) stores and tells everything once`, { fault: cut, setting: SCALED, sideBySide: 2 }, cutEnqueue);
  itSurvivesAtDefaults(FAULTS);
});
