import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, before, describe } from 'mocha';
import { type Clients, connect } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { createProxy, type FaultProxy } from '../scene/proxy.ts';
import { until } from '../scene/until.ts';
import { nameOf, openWorker, type RawWorker } from '../scene/worker.ts';
import { checkAccount } from './account.ts';
import { rightAnswers } from './answers.ts';
import type { Chance } from './chance.ts';
import type { Figures } from './figuretable.ts';
import { createJobWorker } from './jobworker.ts';
import { createRig, type Rig } from './rig.ts';
import { DEFAULT, itSurvives, itSurvivesAtDefaults, type Setting, scaled } from './rounds.ts';

const TASKS = 20;
/** A long window: nothing has to be given away. */
const SCALED = scaled(200, 5_000);

describe('a session', () => {
  const rigs = new Map<Setting, Rig>();
  let rounds = 0;

  cleanUpProcesses();
  before(async () => {
    for (const setting of isFull ? [SCALED, DEFAULT] : [SCALED]) {
      rigs.set(setting, await createRig({ serverArgs: setting.serverArgs }));
    }
  });
  afterEach(closeScene);

  async function openProxy(rig: Rig): Promise<FaultProxy> {
    const proxy = await createProxy(rig.address);
    atEnd(() => proxy.close());
    return proxy;
  }

  /** A worker that holds all tasks, and then another one with nothing to do, which must not get any. */
  async function occupy(rig: Rig, queue: string, clients: Pick<Clients, 'contact'>): Promise<RawWorker> {
    const worker = await openWorker(clients as Clients, { queues: [queue], maxInFlight: TASKS });
    await rig.enqueue(Array(TASKS).fill(0), { queue });
    await worker.receive(TASKS);
    worker.send({ started: worker.tasks.map(nameOf) });
    const standby = createJobWorker(rig.workerOrder({ name: 'standby', queue, concurrency: 5 }));
    atEnd(() => standby.stop({ deadlineMs: 0 }));
    await standby.connected();
    return worker;
  }

  /** The next session of the same client, which still has everything. */
  function resume(clients: Clients, { sessionId, clientId, tasks }: RawWorker, queue: string): Promise<RawWorker> {
    const holding = { previousSession: sessionId, holding: tasks.map(nameOf) };
    return openWorker(clients, { clientId, queues: [queue], maxInFlight: TASKS, resume: holding });
  }

  async function finish(rig: Rig, queue: string, faultAt: number): Promise<Figures> {
    await rig.observe(TASKS, { queue });
    assert.deepEqual(
      rig.journal(queue).filter(({ kind }) => kind === 'began'),
      [],
      'the other one got none',
    );
    return await checkAccount(rig, TASKS, { queue, faultsAt: [faultAt] });
  }

  /** Each stream has a connection of its own, and one of them dies: so does the session, and its client resumes it. */
  async function loseOneStream(setting: Setting, chance: Chance): Promise<Figures> {
    const rig = rigs.get(setting) as Rig;
    const queue = `round-${rounds++}`;
    const proxies = [await openProxy(rig), await openProxy(rig)];
    const [down, up] = proxies.map((proxy) => connect(proxy).contact) as [Clients['contact'], Clients['contact']];
    const contact = { getTask: down.getTask.bind(down), sendStatus: up.sendStatus.bind(up) } as Clients['contact'];
    const worker = await occupy(rig, queue, { contact });
    const which = chance.between(0, 1);
    const proxy = proxies[which] as FaultProxy;
    const isCut = chance.next() < 0.5;
    const faultAt = Date.now();
    if (isCut) proxy.cut();
    else for (const direction of ['toServer', 'toClient'] as const) proxy.swallow(direction);
    // The one that lives is ended by the server.
    const end = which === 0 ? worker.statusEnded : worker.ended;
    const { metadata } = await end;
    const noticedMs = Date.now() - faultAt;
    const [reason] = metadata.get('contact-reason');
    console.log(
      `    ${which === 0 ? 'GetTask' : 'SendStatus'} ${isCut ? 'cut' : 'silent'}: ` + `${reason} after ${noticedMs} ms`,
    );
    assert.ok(noticedMs <= (isCut ? 1_000 : 3 * setting.pingMs + 1_000), `${noticedMs} ms`);
    // At these intervals that would be in time as well.
    if (isCut) assert.notEqual(reason, 'SILENT');
    const next = await resume(connect(rig), worker, queue);
    assert.ok(next.registered.resumed);
    const outcomes = await next.report({ succeeded: rightAnswers(worker.tasks) });
    assert.deepEqual(new Set(outcomes), new Set(['STORED']));
    return await finish(rig, queue, faultAt);
  }

  /** What an old session said arrives after the new one is there: it may have answered, and given back. */
  async function hearLate(setting: Setting, chance: Chance): Promise<Figures> {
    const rig = rigs.get(setting) as Rig;
    const queue = `round-${rounds++}`;
    const proxy = await openProxy(rig);
    const worker = await occupy(rig, queue, connect(proxy));
    const faultAt = Date.now();
    proxy.stall('toServer');
    const at = chance.between(0, TASKS);
    worker.send({ succeeded: rightAnswers(worker.tasks.slice(0, at)), released: worker.tasks.slice(at).map(nameOf) });
    worker.send({ credit: 0, stopped: worker.tasks.map(nameOf) });
    await sleep(chance.between(0, setting.pingMs));
    const next = await resume(connect(rig), worker, queue);
    assert.ok(next.registered.resumed);
    const bytes = proxy.countBytes('toServer');
    proxy.release('toServer');
    await until(() => proxy.countBytes('toServer') > bytes);
    await sleep(chance.between(0, 50));
    const outcomes = await next.report({ succeeded: rightAnswers(worker.tasks) });
    console.log(`    ${at} answered and ${TASKS - at} given back too late: ${[...new Set(outcomes)].join(', ')}`);
    assert.ok(outcomes.every((outcome) => outcome === 'STORED' || outcome === 'DUPLICATE'));
    return await finish(rig, queue, faultAt);
  }

  /** The server stands still, for so long that its workers leave or just not; tasks finish meanwhile. */
  async function pauseServer(setting: Setting, chance: Chance): Promise<Figures> {
    const { pingMs, windowMs, serverArgs, keepaliveMs, backoff } = setting;
    const rig = await createRig({ serverArgs });
    const workers = ['w0', 'w1'].map((name) =>
      createJobWorker(rig.workerOrder({ name, concurrency: 10, keepaliveMs, backoff })),
    );
    await Promise.all(workers.map((worker) => worker.connected()));
    const tasks = 40;
    const pauseMs = chance.between(pingMs, Math.min(3 * pingMs + windowMs + 1_000, 8 * pingMs));
    await rig.enqueue(Array.from({ length: tasks }, () => chance.between(1, 1.5 * pauseMs)));
    await rig.observe(chance.between(1, 10));
    const faultAt = Date.now();
    rig.server.child.kill('SIGSTOP');
    await sleep(pauseMs);
    rig.server.child.kill('SIGCONT');
    await rig.observe(tasks);
    console.log(`    stood still for ${pauseMs} ms`);
    const figures = await checkAccount(rig, tasks, { faultsAt: [faultAt] });
    await Promise.all(workers.map((worker) => worker.drain()));
    await rig.stop();
    return figures;
  }

  const FAULTS = {
    'one of the two streams dies': loseOneStream,
    'late events of old streams after a resume': hearLate,
    'server paused': pauseServer,
  };
  for (const [fault, run] of Object.entries(FAULTS)) {
    itSurvives(`(${fault}) goes on with what it has`, { fault, setting: SCALED, sideBySide: 4 }, run);
  }
  itSurvivesAtDefaults(FAULTS);
});
