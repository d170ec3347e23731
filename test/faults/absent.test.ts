import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import type { SessionRef } from '../../server/model/task.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { claim, openSession, succeed } from '../scene/deliveries.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { createTask, Q, T0 } from '../scene/tasks.ts';
import { noteRound, UNHARMED } from './figures.ts';

const ABSENT = isFull ? 1_000_000 : 20_000;
const CLIENTS = 1_000;
const ROUNDS = isFull ? 400 : 30;
/** Plain tasks of each round, claimed at once. */
const CLAIM = 100;

interface Side {
  readonly store: Store;
  readonly session: SessionRef;
  readonly claimMs: number[];
}

async function open(folder: string, name: string): Promise<Side> {
  const store = await openStore(`sqlite:${join(folder, `${name}.db`)}`, { node: name, minFreeBytes: 0 });
  const { session } = await openSession(store);
  return { store, session, claimMs: [] };
}

async function insertAbsent(store: Store): Promise<void> {
  for (let done = 0; done < ABSENT; done += 2_000) {
    const tasks = Array.from({ length: 2_000 }, (_, place) =>
      createTask({ lane: `c:absent-${(done + place) % CLIENTS}` }),
    );
    await store.insertTasks(tasks, T0);
  }
}

async function runRound({ store, session, claimMs }: Side): Promise<void> {
  await store.insertTasks(
    Array.from({ length: CLAIM }, () => createTask()),
    T0,
  );
  const startedAt = performance.now();
  const tasks = await claim(store, session, { lanes: [Q, { ...Q, lane: 'c:present' }] });
  claimMs.push(performance.now() - startedAt);
  assert.equal(tasks.length, CLAIM);
  await store.settleTasks(
    tasks.map(({ id, delivery }) => succeed({ taskId: id, delivery })),
    T0,
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

describe('tasks for absent clients', () => {
  it(`${ABSENT} of them cost a plain claim next to nothing`, async function () {
    this.timeout(180_000);
    const folder = createFolder();
    const full = await open(folder, 'full');
    const empty = await open(folder, 'empty');
    await insertAbsent(full.store);
    // Side by side, each in front as often as the other: the machine's moods are the same for both.
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const side of round % 2 === 0 ? [full, empty] : [empty, full]) await runRound(side);
    }
    const ratio = median(full.claimMs) / median(empty.claimMs);
    const [with_, without] = [full, empty].map(({ claimMs }) => `${median(claimMs).toFixed(3)} ms`);
    console.log(
      `    claim of ${CLAIM}: ${with_} beside ${ABSENT} tasks, ${without} without: ratio ${ratio.toFixed(3)}`,
    );
    if (isFull) assert.ok(ratio < 1.2, `${ratio}`);
    const tasks = ABSENT + 2 * ROUNDS * CLAIM;
    noteRound('tasks for absent clients', isFull ? 'default' : 'scaled', { ...UNHARMED, tasks });
    await full.store.close();
    await empty.store.close();
    rmSync(folder, { recursive: true });
  });
});
