import assert from 'node:assert/strict';
import { isSettled } from '../../server/model/states.ts';
import type { ResultRecord, TaskRecord } from '../../server/model/task.ts';
import type { World } from './acts.ts';
import { nameOf } from './books.ts';
import { SETTINGS } from './house.ts';
import type { Line } from './line.ts';

/** Between the end of a window and what comes of it, a refusal by the store included. */
const SLACK_MS = 1_500;

/** What holds whenever nothing is under way. */
export async function checkPromises(world: World): Promise<void> {
  const { house, books } = world;
  assert.deepEqual(house.faults, []);
  assert.deepEqual(books.complaints, []);
  const records = await house.store.listTasks({}, null, 500);
  const known = new Map(records.map((record) => [record.id, record]));
  for (const id of books.acknowledged) assert(known.has(id), `the acknowledged task ${id} is there`);
  for (const record of records) {
    checkAttempts(world, record);
    const isAsked = record.cancelRequested || isSettled(record.state);
    assert(isAsked || !books.cancelled.has(record.id), `${record.id} knows of its cancel`);
    if (record.state === 'running') checkRunning(world, record);
    else if (record.cancelRequested) assert(isSettled(record.state), `${record.id} is cancelled, and ${record.state}`);
  }
  await checkResults(world);
  checkBudget(world);
  for (const line of books.lines) await checkLine(world, line, records);
  for (const line of books.lines) line.ceiling = line.credit;
  for (const queue of books.pausing) books.paused.add(queue);
  books.pausing.clear();
}

/** Only what has begun burns an attempt or fails. */
function checkAttempts({ books }: World, record: TaskRecord): void {
  const { id, state, attempt } = record;
  const begun = books.begun.get(id)?.size ?? 0;
  const isCurrent = state === 'running' || state === 'succeeded' || state === 'cancelled';
  const burnt = isCurrent ? attempt - 1 : attempt;
  assert(burnt <= begun, `${id} is ${state} with ${burnt} attempts burnt, of ${begun} begun`);
  if (state === 'failed') assert(begun > 0, `${id} failed and never began`);
}

/** It is with somebody who is there, or somebody whose window runs. */
function checkRunning({ house, books }: World, { id, delivery, cancelRequested }: TaskRecord): void {
  const name = nameOf({ taskId: id, delivery });
  const line = [...books.lines].find(({ open }) => open.has(name));
  if (line) {
    if (cancelRequested && line.session) assert(line.cancelled.has(name), `${name} heard of its cancel`);
    return;
  }
  if (house.refused.size > 0) return;
  const now = house.clock.monotonic();
  const until = books.lostUntil.get(name) ?? Math.max(0, ...books.lostUntil.values());
  assert(now <= until + SLACK_MS, `${name} runs with nobody, since ${now - until} ms`);
}

/** Dense positions, one result for a task and redrive, and every stored success among them. */
async function checkResults({ house, books }: World): Promise<void> {
  const results: ResultRecord[] = [];
  for (let page = await house.queue.results.read(0); page.length > 0; ) {
    results.push(...page);
    page = await house.queue.results.read(results.length);
  }
  const counts = new Map<string, number>();
  const told = new Map<string, string>();
  results.forEach((record, index) => {
    assert.equal(record.position, index + 1);
    counts.set(record.taskId, (counts.get(record.taskId) ?? 0) + 1);
    if (record.state === 'succeeded') told.set(Buffer.from(record.result).toString(), record.taskId);
  });
  for (const [id, count] of counts) {
    assert(count <= 1 + (books.redriven.get(id) ?? 0), `${id} has ${count} results`);
  }
  assert.deepEqual(told, books.succeeded);
}

/** The common budget is what all sessions have not seen, and nothing that has gone is left in it. */
function checkBudget({ house }: World): void {
  const sessions = [...house.registry.sessions];
  const owed = sessions.reduce((sum, { ledger }) => sum + ledger.unreceiptedBytes, 0);
  for (const { options } of sessions) assert.equal(options.budget.used, owed, 'bytes in the common budget');
}

/** Its credit is what it is owed, and nothing waits that it could be given, unless others have the common budget. */
async function checkLine({ house, books }: World, line: Line, records: readonly TaskRecord[]): Promise<void> {
  const { session } = line;
  if (!session || line.inbox.length > 0 || line.isStalled || session.isDraining) return;
  const { budget, settings, brake } = session.options;
  // It gave back and has finished nothing since: its pause is over before the end, when this is looked at once more. Or it
  // is plain, and let an attempt time out.
  if (brake.isOn || (session.isOverdue && !line.isFull)) {
    assert.equal(session.room().limit, 0);
    return;
  }
  const { unreceiptedBytes, isReader } = session.ledger;
  // Others have the common budget; what is left of it is for those who read and owe nothing.
  const isReserved = isReader && unreceiptedBytes === 0 && budget.used < settings.unreceiptedBudgetBytes * (7 / 8);
  if (!budget.isTrusting && !isReserved) return;
  const free = Math.max(0, line.credit - line.open.size);
  const open = [...line.open.keys()].join(', ');
  assert.equal(session.room().limit, free, `${line.worker.clientId} has a credit of ${line.credit}, and open: ${open}`);
  if (free === 0 || house.refused.size > 0) return;
  const now = house.clock.now();
  const waiting = records.filter(
    ({ state, queue, lane, expiresAt }) =>
      state === 'ready' &&
      line.queues.includes(queue) &&
      (lane === '' || lane === `c:${line.worker.clientId}`) &&
      // While the clock jumps, what was too late may be in time again.
      (expiresAt === null || (expiresAt > now && !books.hasJumped)) &&
      !house.queue.operations.isPaused(queue),
  );
  const ids = waiting.map(({ id }) => id).join(', ');
  assert.equal(ids, '', `${line.worker.clientId} has room for ${free} and these wait`);
}

/** Everything ends, once somebody does the work. */
export async function checkEnd(world: World, pass: (world: World, ms: number) => Promise<void>): Promise<void> {
  const { house, books, crew } = world;
  house.refused.clear();
  house.lagTurns = 0;
  crew.cutAll();
  await pass(world, 2 * SETTINGS.resumeWindowMs);
  await house.rest();
  await checkPromises(world);
  assert.equal(
    (await house.store.listTasks({ states: ['running'] }, null, 1)).length,
    0,
    'nobody is there, and none runs',
  );
  const { operations } = house.queue;
  for (const queue of ['a', 'b']) if (operations.isPaused(queue)) await operations.resumeQueue(queue);
  books.paused.clear();
  // Beyond whatever was delayed before the clock went back.
  house.clock.jump(1_000 * 3_600_000);
  const [n0, n1, e] = crew.workers;
  for (const worker of [n0!, n1!, e!]) {
    await house.registry.clients.resume(worker.clientId).catch(() => undefined);
    const opening = { isFull: true, isStatusFirst: true, isResumable: true, queues: ['a', 'b'] };
    crew.open(worker, { kind: 'fresh', credit: 100, ...opening });
    await house.rest();
  }
  for (let round = 0; round < 100; round += 1) {
    for (const worker of [n0!, n1!, e!]) {
      crew.read(worker);
      const done = [...worker.holding.values()].map((one) => ({ ...one, kind: 'succeeded' as const }));
      if (done.length > 0) crew.say(worker, done, 'line');
    }
    await pass(world, 200);
    await house.rest();
    const open = await house.store.listTasks({ states: ['ready', 'scheduled', 'running'] }, null, 500);
    if (open.length === 0) break;
    assert(
      round < 99,
      `left: ${open.map(({ id, state, lane, queue }) => `${id} ${state} ${queue} ${lane}`).join('; ')}`,
    );
  }
  await checkPromises(world);
  const { results } = house.queue;
  for (let position = 0; position < results.newest; position += 1) {
    assert.equal((await results.read(position))[0]?.position, position + 1);
  }
}
