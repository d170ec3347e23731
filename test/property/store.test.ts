import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Retention } from '../../server/model/retention.ts';
import type { ClaimOutcome, SettleOutcome } from '../../server/store/deliveries.ts';
import { openStore } from '../../server/store/open.ts';
import type { StoreBounds, StoreOptions } from '../../server/store/options.ts';
import { rankOf } from '../../server/store/request.ts';
import type { OpenedSession } from '../../server/store/sessions.ts';
import type { Store } from '../../server/store/store.ts';
import type { InsertOutcome, TaskFilter } from '../../server/store/tasks.ts';
import { createModelStore } from '../model/store.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import type { Scene, Step } from './draw.ts';
import { turns } from './steps.ts';

/** What operators ask for; the instants are those of the first turns. */
const FILTERS: readonly TaskFilter[] = [
  {},
  { states: ['ready'] },
  { states: ['running', 'scheduled'] },
  { states: ['failed', 'expired'] },
  { settledAfter: 1_800_000_000_000 },
  { settledBefore: 1_800_000_060_000, states: ['failed', 'cancelled'] },
  { errorCodes: ['E', 'CANCELLED'] },
  { clientIds: ['client0', 'client1'] },
  { metadata: { b: '1' } },
  { claimedBefore: 1_800_000_030_000 },
];

/** A thorough run takes twenty times as many. */
const scale = isFull ? 20 : 1;

/** Few enough that some are refused, and what comes back is beyond it. */
const BOUNDS: StoreBounds = { maxWaitingTasksPerPrincipal: 6 };

type Turns = typeof turns extends fc.Arbitrary<infer T> ? T : never;

/** The same steps on a store and on the model: equal answers, and at the end equal contents. */
async function compare(drawn: Turns, open: () => Promise<Store>, reopens: boolean): Promise<void> {
  const serving = new Set<string>();
  const model = createModelStore(BOUNDS, serving);
  let store = await open();
  try {
    const scene: Scene = { now: 1_800_000_000_000, tasks: [], deliveries: [], sessions: [] };
    const seen = createLedger();
    for (const turn of drawn) {
      scene.now += turn.passesMs;
      if (turn.reopens && reopens) {
        await store.close();
        store = await open();
        serving.clear();
      }
      const steps = turn.steps.map((draw) => draw(scene));
      if (turn.fails) {
        await runInVain(steps, store);
        continue;
      }
      // The store gets the turn at once, the model one by one in the order that the port promises.
      const answers = await Promise.all(steps.map((step) => settleStep(step, store)));
      for (const [i, step] of [...steps.entries()].sort(([, a], [, b]) => a.rank - b.rank)) {
        assert.deepEqual(answers[i], await settleStep(step, model), `${step.name} of a turn of ${steps.length}`);
        remember(scene, step.name, answers[i]);
        seen.note(step.name, answers[i]);
      }
      if (turn.prunes) seen.forget(await comparePruning(turn.prunes, scene.now, store, model));
    }
    assert.deepEqual(await dump(store), await dump(model));
    await seen.check(store);
  } finally {
    await store.close();
  }
}

/** What is kept no longer is forgotten by both; answers the tasks. */
async function comparePruning(retention: Retention, now: number, store: Store, model: Store): Promise<string[]> {
  const [gone, expected] = [await pruneAll(store, retention, now), await pruneAll(model, retention, now)];
  assert.deepEqual(gone, expected, 'what is pruned, in this order');
  return gone;
}

async function pruneAll(store: Store, retention: Retention, now: number): Promise<string[]> {
  const gone: string[] = [];
  for (;;) {
    const { taskIds, isDone } = await store.pruneTasks(retention, 2, now);
    gone.push(...taskIds);
    if (isDone) return gone;
  }
}

/** A turn at the end of which the disk is full: as if it had not been. */
async function runInVain(steps: readonly Step[], store: Store): Promise<void> {
  const fail = (): never => {
    throw Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 });
  };
  const claimed = store.claimTasks(fail, () => 0);
  await Promise.all([
    assert.rejects(claimed, { code: 'RESOURCE_EXHAUSTED' }),
    ...steps.map((step) => settleStep(step, store)),
  ]);
}

async function settleStep(step: Step, store: Store): Promise<unknown> {
  try {
    return plain(await step.run(store));
  } catch (error) {
    // A bug is no outcome.
    if (!(error instanceof Error && 'code' in error)) throw error;
    return { refused: error.code, field: error.message.split(':')[0] };
  }
}

/** Bytes of any kind as text. */
function plain<T>(value: T): T {
  return JSON.parse(
    JSON.stringify(value, (_key, each) => {
      if (each?.type === 'Buffer') return Buffer.from(each.data).toString('hex');
      return each instanceof Uint8Array ? Buffer.from(each).toString('hex') : each;
    }) ?? 'null',
  ) as T;
}

function remember(scene: Scene, name: string, answer: unknown): void {
  if (name === 'openSession' && (answer as OpenedSession).session) {
    const { session, hash, client, subject } = answer as OpenedSession & Omit<Scene['sessions'][number], 'ref'>;
    scene.sessions.push({ ref: session, hash, client, subject });
  }
  if (name !== 'claim') return;
  for (const { session, tasks } of answer as ClaimOutcome[]) {
    for (const { id, delivery } of tasks) scene.deliveries.push({ taskId: id, delivery, session });
  }
}

async function dump(store: Store): Promise<unknown> {
  const counts = (await store.countQueues())
    .filter((each) => {
      const { succeeded, failed, cancelled, expired } = each.settled;
      return each.ready + each.running + each.scheduled + succeeded + failed + cancelled + expired > 0;
    })
    .sort((a, b) => (a.queue < b.queue ? -1 : 1));
  const tasks = await store.listTasks({}, null, 500);
  const found = [];
  for (const filter of FILTERS) {
    const ids = (await store.listTasks(filter, null, 500)).map(({ id }) => id);
    found.push([filter, ids, await store.countTasks(filter)]);
  }
  const failures = [];
  for (const by of ['error', 'client', 'queue'] as const) {
    for (const since of [0, 1_800_000_030_000]) {
      // Which of equal ones comes first is nobody's business.
      const { groups } = await store.listFailures({ by, since }, 100);
      const told = groups.map(({ common, count, finalCount, newest }) => [common, count, finalCount, newest.endedAt]);
      failures.push(told.map((group) => JSON.stringify(group)).sort());
    }
  }
  const queues = [];
  for (const { queue } of counts) {
    queues.push([queue, await store.countLanes(queue, 10), await store.listOldest(queue, 10)]);
  }
  const children = [];
  const histories = [];
  for (const { id } of tasks) {
    children.push(await store.countChildren(id));
    const { attempts, acts, log } = (await store.describeTask(id))!;
    const said = log.map(({ delivery, number, text }) => `${delivery}.${number} ${text}`).join();
    histories.push({ attempts, acts, said });
  }
  return plain({
    tasks,
    found,
    failures,
    queues,
    children,
    histories,
    unopened: await store.listUnopened('test'),
    selectors: await store.listSelectorLanes(10),
    settings: await store.listQueueSettings(),
    clients: await store.listClients('', 10),
    serving: await store.listServing('', 10),
    owners: await Promise.all([0, 1, 2].map((client) => store.ownerOf(`client${client}`, 0))),
    results: await store.readResults(0, 500),
    bounds: await store.resultBounds(),
    counts,
  });
}

/** What the answers promised, told apart from how the model keeps it. */
function createLedger() {
  const acknowledged = new Set<string>();
  const newest = new Map<string, number>();
  const accepted = new Map<string, number>();
  const redriven = new Map<string, number>();
  function forget(ids: readonly string[]): void {
    for (const id of ids) {
      acknowledged.delete(id);
      for (const map of [newest, accepted, redriven]) map.delete(id);
    }
  }

  return {
    forget,
    note(name: string, answer: unknown): void {
      if (!Array.isArray(answer)) return;
      if (name === 'insert') {
        // What was there before may be the child of a broadcast that is abandoned, and nobody's insert.
        for (const { id, deduplicated } of answer as InsertOutcome[]) if (!deduplicated) acknowledged.add(id);
      }
      if (name === 'claim') {
        for (const { id, delivery } of (answer as ClaimOutcome[]).flatMap((each) => each.tasks)) {
          assert.equal(delivery, (newest.get(id) ?? 0) + 1, 'a delivery number follows the one before');
          newest.set(id, delivery);
        }
      }
      if (name === 'delete') {
        forget(answer.filter((each) => each.isGone).map(({ id }) => id));
      }
      if (name === 'redrive') {
        for (const { id, kind } of answer) if (kind === 'ready') redriven.set(id, (redriven.get(id) ?? 0) + 1);
      }
      if (name === 'settle') {
        for (const { event } of answer as SettleOutcome[]) {
          if (!event) continue;
          assert.equal(event.delivery, newest.get(event.taskId), 'only the newest delivery ends a task');
          accepted.set(event.taskId, (accepted.get(event.taskId) ?? 0) + 1);
        }
      }
    },
    async check(store: Store): Promise<void> {
      for (const id of acknowledged) {
        const task = await store.describeTask(id);
        assert(task, 'no acknowledged task is lost');
        if (task.state === 'running') assert.notEqual(task.clientId, '', 'a running task has a session row');
      }
      for (const [id, count] of accepted) {
        assert(count <= (redriven.get(id) ?? 0) + 1, 'one accepted result for a task and redrive');
      }
    },
  };
}

describe('every store against the model', function () {
  this.timeout(60_000 * scale);

  it('gives the same answers in memory', async () => {
    await fc.assert(
      fc.asyncProperty(turns, (drawn) =>
        compare(drawn, () => openStore('memory:', { node: 'n', bounds: BOUNDS }), false),
      ),
      { numRuns: 120 * scale },
    );
  });

  async function compareOnFiles(numRuns: number, options: Partial<StoreOptions>): Promise<void> {
    const folder = createFolder();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(turns, (drawn) => {
        const url = `sqlite:${join(folder, `${run++}.db`)}`;
        return compare(drawn, () => openStore(url, { node: 'n', bounds: BOUNDS, ...options }), true);
      }),
      { numRuns },
    );
    rmSync(folder, { recursive: true });
  }

  it('gives the same answers on a file that is closed and opened in between', async () => {
    await compareOnFiles(25 * scale, {});
  });

  it('gives the same answers when little is kept, over restarts', async () => {
    await compareOnFiles(60 * scale, {
      fresh: { ready: 5, soon: 3, payloadBytes: 20, behind: 8, step: 3, shortest: 2, claims: 2, runs: 4 },
    });
  });

  it('runs a turn in the order that the port promises', () => {
    const kinds = ['settle', 'release', 'openSession', 'insert', 'wake', 'claim'];
    const ranks = kinds.map((kind) => rankOf({ kind } as Parameters<typeof rankOf>[0]));
    assert.deepEqual(
      [...ranks].sort((a, b) => a - b),
      ranks,
    );
    assert.equal(new Set(ranks).size, ranks.length);
  });
});
