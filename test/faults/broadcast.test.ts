import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { type Admin, createAdmin, createProducer, TaskState } from '../../client/index.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { newTaskId } from '../../shared/ids.ts';
import { connect } from '../scene/clients.ts';
import { createOpening } from '../scene/deliveries.ts';
import { closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, startNode, startServer, type TestProcess } from '../scene/process.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';
import type { Chance } from './chance.ts';
import { UNHARMED } from './figures.ts';
import type { Figures } from './figuretable.ts';
import { itSurvives, itSurvivesAtDefaults, type Setting } from './rounds.ts';
import { GAUGED } from './weight.ts';

const QUEUE = 'everybody';
const CLIENTS = 250;

/** The store of a server that remembers so many named clients; they are away. */
async function rememberClients(count: number): Promise<string> {
  const url = `sqlite:${join(createFolder(), 'contact.db')}`;
  const store = await openStore(url, { node: 'test' });
  const now = Date.now();
  const openings = Array.from({ length: count }, (_, n) =>
    store.openSession(createOpening({ clientId: `away-${n}`, isNamed: true, queues: [QUEUE] }), now),
  );
  for (const { session } of await Promise.all(openings)) void store.endSession(session, [], now);
  await store.close();
  return url;
}

async function startParts(store: string, listen = '127.0.0.1:0'): Promise<TestProcess & { address: string }> {
  const server = startNode([join(import.meta.dirname, 'partserver.ts'), listen, store]);
  const [, address = ''] = await server.waitFor(/^listening (\S+)$/m, 'stdout');
  return Object.assign(server, { address });
}

/** The clients that have a child of it, as often as they have one. */
async function listAddressed(admin: Admin, parentId: string): Promise<string[]> {
  const clients: string[] = [];
  for await (const { targetClientId } of admin.listAllTasks({ parentId }, { pageSize: 500 }))
    clients.push(targetClientId);
  return clients;
}

interface Killed {
  /** How the broadcast stood in the file then. */
  readonly phase: 'filling' | 'opening' | 'open';
  /** What the server after it made of what the producer sent again. */
  readonly deduplicated: boolean;
  readonly addressed: readonly string[];
}

/** Kills the server when `isReached`. */
async function killAt(isReached: (admin: Admin, parentId: string) => Promise<boolean>): Promise<Killed> {
  const store = await rememberClients(CLIENTS);
  const server = await startParts(store);
  const { address } = server;
  const backoff = { baseMs: 20, capMs: 100 };
  const producer = createProducer({ server: address, backoff });
  const admin = createAdmin({ server: address, backoff });
  const id = newTaskId();
  const enqueuing = producer.broadcast(QUEUE, 'ping', { id, known: true });
  // Not found at first.
  await until(() => isReached(admin, id).catch(() => false));
  await server.stop('SIGKILL');
  const [unopened] = await readStore(store, (file) => file.listUnopened('test'));
  const second = await startParts(store, address);
  const { deduplicated } = await enqueuing;
  const addressed = await listAddressed(admin, id);
  await Promise.all([producer.close(), admin.close(), second.stop('SIGKILL')]);
  return { phase: unopened ? (unopened.isOpening ? 'opening' : 'filling') : 'open', deduplicated, addressed };
}

async function readStore<T>(url: string, read: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(url, { node: 'test' });
  try {
    return await read(store);
  } finally {
    await store.close();
  }
}

/** Until the kill has come when it should: a busy machine may be late. */
async function killInPhase(
  chance: Chance,
  phase: Killed['phase'],
  isReached: (admin: Admin, parentId: string, count: number) => Promise<boolean>,
): Promise<Killed> {
  for (;;) {
    const count = chance.between(1, CLIENTS - 100);
    const killed = await killAt((admin, parentId) => isReached(admin, parentId, count));
    assertEverybodyOnce(killed.addressed, CLIENTS);
    if (killed.phase === phase) return killed;
    console.log(`    ${killed.phase} when it was killed at ${count}: another round`);
  }
}

/** It is stored anew by the one after. */
async function killWhileFilled(_: Setting, chance: Chance): Promise<Figures> {
  let waitingFor: string | undefined;
  const { deduplicated } = await killInPhase(chance, 'filling', async (admin, parentId, count) => {
    const { tasks } = await admin.listTasks({ parentId }, { pageSize: 1 });
    if (tasks[0]?.state === TaskState.SCHEDULED) ({ waitingFor } = tasks[0]);
    // A child is seen waiting before the kill comes.
    return waitingFor !== undefined && ((await admin.describeTask(parentId)).children?.total ?? 0) >= count;
  });
  assert.ok(!deduplicated);
  assert.match(waitingFor ?? '', /^its broadcast to be complete/);
  return SOUND;
}

/** It is opened by the one after. */
async function killWhileOpened(_: Setting, chance: Chance): Promise<Figures> {
  const { deduplicated } = await killInPhase(chance, 'opening', async (admin, parentId, count) => {
    const { tasks } = await admin.listTasks({ parentId, states: ['ready'] }, { pageSize: 500 });
    return tasks.length >= count;
  });
  assert.ok(deduplicated);
  return SOUND;
}

/** Each client was addressed once. */
const SOUND: Figures = { ...UNHARMED, tasks: CLIENTS };

const FAULTS = {
  'server killed while a broadcast is filled': killWhileFilled,
  'server killed while a broadcast opens': killWhileOpened,
};

function assertEverybodyOnce(addressed: readonly string[], count: number): void {
  assert.deepEqual([addressed.length, new Set(addressed).size], [count, count]);
}

describe('a large broadcast', () => {
  cleanUpProcesses();

  // They know no intervals but those of their clients: these rounds are the same at any scale.
  for (const [fault, run] of Object.entries(FAULTS)) {
    itSurvives(`(${fault}) reaches everybody once`, { fault, timeoutMs: 30_000, sideBySide: 2 }, run);
  }
  itSurvivesAtDefaults(FAULTS);

  it('to 12,000 clients holds nobody up', async function () {
    // No more are remembered when they are away.
    if (!isFull) this.skip();
    this.timeout(180_000);
    const [away, here] = [10_000, 2_000];
    const server = await startServer({
      store: await rememberClients(away),
      args: ['--log-level', 'warn'],
      nodeArgs: GAUGED,
    });
    const clients = connect(server);
    const workers = await Promise.all(
      Array.from({ length: here }, () => openWorker(clients, { queues: [QUEUE], isFull: false, ephemeral: true })),
    );
    await readPause(server);
    const producer = createProducer({ server: server.address });
    const startedAt = performance.now();
    const { id } = await producer.broadcast(QUEUE, 'ping', { known: true });
    const tookMs = performance.now() - startedAt;
    const pauseMs = await readPause(server);
    console.log(`    ${away + here} children in ${tookMs.toFixed()} ms; the longest pause: ${pauseMs.toFixed()} ms`);
    for (const worker of workers) await worker.receive(1);
    const admin = createAdmin({ server: server.address });
    assertEverybodyOnce(await listAddressed(admin, id), away + here);
    assert.deepEqual(new Set(workers.map(({ tasks }) => tasks.length)), new Set([1]));
    // In one transaction it would be 100 ms and more.
    assert.ok(pauseMs < 60, `${pauseMs} ms`);
    await Promise.all([producer.close(), admin.close(), closeScene()]);
    await server.stop();
  });
});

/** The longest time, since it was last asked, that the server's event loop stood still. */
async function readPause(server: TestProcess): Promise<number> {
  const pattern = /^gauge (.+)$/gm;
  const count = (): number => [...server.stderr.matchAll(pattern)].length;
  const before = count();
  server.child.kill('SIGUSR2');
  await until(() => count() > before);
  return JSON.parse([...server.stderr.matchAll(pattern)].at(-1)![1]!).pauseMs;
}
