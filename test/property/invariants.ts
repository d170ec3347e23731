import assert from 'node:assert/strict';
import { isSettled } from '../../server/model/states.ts';
import type { ResultRecord, TaskRecord } from '../../server/model/task.ts';
import { nameOf } from './accounts.ts';
import type { World } from './acts.ts';
import type { Line } from './line.ts';
import { type BareServer, SETTINGS } from './server.ts';

/** Between the end of a window and what comes of it, a refusal by the store included. */
const SLACK_MS = 1_500;

/**
 * What holds whenever nothing is under way.
 * @param isCalm every node has had the time to hear of what the others did
 */
export async function checkInvariants(world: World, isCalm = true): Promise<void> {
  const { server, servers, accounts } = world;
  for (const { faults } of servers) assert.deepEqual(faults, []);
  assert.deepEqual(accounts.complaints, []);
  const records = await server.store.listTasks({}, null, 500);
  const known = new Map(records.map((record) => [record.id, record]));
  for (const id of accounts.acknowledged) assert(known.has(id), `the acknowledged task ${id} is there`);
  for (const record of records) {
    checkAttempts(world, record);
    const isAsked = record.cancelRequested || isSettled(record.state);
    assert(isAsked || !accounts.cancelled.has(record.id), `${record.id} knows of its cancel`);
    if (record.state === 'running') checkRunning(world, record, isCalm);
    else if (record.cancelRequested) assert(isSettled(record.state), `${record.id} is cancelled, and ${record.state}`);
  }
  for (const one of servers) {
    if (isCalm) await checkResults({ ...world, server: one });
    checkBudget(one);
  }
  if (isCalm) {
    for (const line of accounts.lines) await checkLine(world, line, records);
    await checkDrains(world);
  }
  for (const line of accounts.lines) line.ceiling = line.credit;
  accounts.paused.clear();
  for (const { queue, isPaused } of await server.store.listQueueSettings()) if (isPaused) accounts.paused.add(queue);
}

/**
 * Only what has begun burns an attempt or fails; and what was on its way from one node to a client while that registered
 * at another, which cannot know.
 */
function checkAttempts({ accounts }: World, record: TaskRecord): void {
  if (accounts.hasMoved) return;
  const { id, state, attempt } = record;
  const begun = accounts.begun.get(id)?.size ?? 0;
  const isCurrent = state === 'running' || state === 'succeeded' || state === 'cancelled';
  const burnt = isCurrent ? attempt - 1 : attempt;
  assert(burnt <= begun, `${id} is ${state} with ${burnt} attempts burnt, of ${begun} begun`);
  if (state === 'failed') assert(begun > 0, `${id} failed and never began`);
}

/** It is with somebody who is there, or somebody whose window runs. */
function checkRunning(
  { server, accounts }: World,
  { id, delivery, cancelRequested }: TaskRecord,
  isCalm: boolean,
): void {
  const name = nameOf({ taskId: id, delivery });
  const line = [...accounts.lines].find(({ open }) => open.has(name));
  if (line) {
    if (isCalm && cancelRequested && line.session) assert(line.cancelled.has(name), `${name} heard of its cancel`);
    return;
  }
  if (server.refused.size > 0) return;
  const now = server.clock.monotonic();
  const until = accounts.lostUntil.get(name) ?? Math.max(0, ...accounts.lostUntil.values());
  assert(now <= until + SLACK_MS, `${name} runs with nobody, since ${now - until} ms`);
}

/** Dense positions, one result for a task and redrive, and every stored success among them. */
async function checkResults({ server, accounts }: World): Promise<void> {
  const results: ResultRecord[] = [];
  for (let page = await server.queue.results.read(0); page.length > 0; ) {
    results.push(...page);
    page = await server.queue.results.read(results.length);
  }
  const counts = new Map<string, number>();
  const told = new Map<string, string>();
  results.forEach((record, index) => {
    assert.equal(record.position, index + 1);
    counts.set(record.taskId, (counts.get(record.taskId) ?? 0) + 1);
    if (record.state === 'succeeded') told.set(Buffer.from(record.result).toString(), record.taskId);
  });
  for (const [id, count] of counts) {
    assert(count <= 1 + (accounts.redriven.get(id) ?? 0), `${id} has ${count} results`);
  }
  assert.deepEqual(told, accounts.succeeded);
}

/** The common budget is what all sessions have not seen, and nothing that has gone is left in it. */
function checkBudget(server: BareServer): void {
  const sessions = [...server.registry.sessions];
  const owed = sessions.reduce((sum, { ledger }) => sum + ledger.unreceiptedBytes, 0);
  for (const { options } of sessions) assert.equal(options.budget.used, owed, 'bytes in the common budget');
}

/** Its credit is what it is owed, and nothing waits that it could be given, unless others have the common budget. */
async function checkLine({ accounts }: World, line: Line, records: readonly TaskRecord[]): Promise<void> {
  const { session, server } = line;
  if (!session || line.inbox.length > 0 || line.isStalled || session.isDraining) return;
  const { budget, settings, brake } = session.options;
  // It gave back and has finished nothing since: its pause is over before the end, when this is looked at once more. Or it
  // is plain, and let an attempt time out.
  if (brake.isOn || (session.isOverdue && !line.isFull)) {
    assert.equal(session.capacity().limit, 0);
    return;
  }
  const { unreceiptedBytes, isReader } = session.ledger;
  // Others have the common budget; what is left of it is for those who read and owe nothing.
  const isReserved = isReader && unreceiptedBytes === 0 && budget.used < settings.unreceiptedBudgetBytes * (7 / 8);
  if (!budget.isTrusting && !isReserved) return;
  const free = Math.max(0, line.credit - line.open.size);
  const open = [...line.open.keys()].join(', ');
  if (line.isUnsure) return;
  assert.equal(
    session.capacity().limit,
    free,
    `${line.worker.clientId} has a credit of ${line.credit}, and open: ${open}`,
  );
  if (free === 0 || server.refused.size > 0) return;
  const now = server.clock.now();
  const waiting = records.filter(
    ({ state, queue, lane, expiresAt }) =>
      state === 'ready' &&
      line.queues.includes(queue) &&
      (lane === '' || lane === `c:${line.worker.clientId}`) &&
      // While the clock jumps, what was too late may be in time again.
      (expiresAt === null || (expiresAt > now && !accounts.hasJumped)) &&
      !server.queue.operations.settingsOf(queue).isPaused,
  );
  const ids = waiting.map(({ id }) => id).join(', ');
  assert.equal(ids, '', `${line.worker.clientId} has room for ${free} and these wait`);
}

/** Every line of a named client is drained, or not, as the operator has it. */
async function checkDrains({ server, accounts }: World): Promise<void> {
  const clients = await server.store.listClients('', 500);
  const drained = new Set(clients.flatMap(({ clientId, isDrained }) => (isDrained ? [clientId] : [])));
  for (const { session, worker } of accounts.lines) {
    if (!session || !worker.isNamed) continue;
    assert.equal(session.isDraining, drained.has(worker.clientId), `${worker.clientId} knows whether it is drained`);
  }
}

/** Everything ends, once somebody does the work. */
export async function checkEnd(world: World, pass: (world: World, ms: number) => Promise<void>): Promise<void> {
  const { server, servers, accounts, workers } = world;
  for (const one of servers) {
    one.refused.clear();
    one.lagTurns = 0;
  }
  workers.cutAll();
  await pass(world, 2 * SETTINGS.resumeWindowMs);
  await restAll(world);
  await checkInvariants(world);
  assert.equal(
    (await server.store.listTasks({ states: ['running'] }, null, 1)).length,
    0,
    'nobody is there, and none runs',
  );
  const { operations } = server.queue;
  for (const queue of accounts.paused) await operations.resumeQueue(queue);
  accounts.paused.clear();
  // Beyond whatever was delayed before the clock went back.
  server.clock.jump(1_000 * 3_600_000);
  const [n0, n1, e] = workers.all;
  for (const [index, worker] of [n0!, n1!, e!].entries()) {
    await server.registry.clients.resume(worker.clientId).catch(() => undefined);
    const opening = { isFull: true, isStatusFirst: true, isResumable: true, queues: ['a', 'b'] };
    workers.open(worker, { kind: 'fresh', credit: 100, ...opening }, servers[index % servers.length]);
    await restAll(world);
  }
  for (let round = 0; round < 100; round += 1) {
    for (const worker of [n0!, n1!, e!]) {
      workers.read(worker);
      const done = [...worker.holding.values()].map((one) => ({ ...one, kind: 'succeeded' as const }));
      if (done.length > 0) workers.say(worker, done, 'line');
    }
    await pass(world, 200);
    await restAll(world);
    const open = await server.store.listTasks({ states: ['ready', 'scheduled', 'running'] }, null, 500);
    if (open.length === 0) break;
    assert(
      round < 99,
      `left: ${open.map(({ id, state, lane, queue }) => `${id} ${state} ${queue} ${lane}`).join('; ')}`,
    );
  }
  await checkInvariants(world);
  for (const { queue } of servers) {
    const { results } = queue;
    for (let position = 0; position < results.newest; position += 1) {
      assert.equal((await results.read(position))[0]?.position, position + 1);
    }
  }
}

/** Until no node has anything under way. */
export async function restAll({ servers }: Pick<World, 'servers'>): Promise<void> {
  for (const _ of servers) for (const server of servers) await server.rest();
}
