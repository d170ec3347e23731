import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createLaneTable } from '../../server/dispatch/lanes.ts';
import type { Receiver } from '../../server/dispatch/receiver.ts';
import type { ClaimedTask } from '../../server/model/task.ts';
import { openStore } from '../../server/store/open.ts';
import { openSession } from '../scene/deliveries.ts';
import { freeStanding } from '../scene/receiver.ts';
import { addTasks, T0 } from '../scene/tasks.ts';

interface Crew {
  readonly queueCount: number;
  /** Tasks of each queue. */
  readonly tasks: readonly number[];
  readonly credits: readonly number[];
  /** How many of what it holds each session ends between two claims, in turn. */
  readonly paces: readonly number[];
}

const crews: fc.Arbitrary<Crew> = fc.integer({ min: 2, max: 6 }).chain((queueCount) =>
  fc.record({
    queueCount: fc.constant(queueCount),
    tasks: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: queueCount, maxLength: queueCount }),
    credits: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
    paces: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 7 }),
  }),
);

type Serving = Receiver & { open: ClaimedTask[]; readonly given: string[] };

/** Claims until nothing is left; answers for each claimed task who got it and which queues had ready tasks before. */
async function serve({ queueCount, tasks, credits, paces }: Crew): Promise<void> {
  const store = await openStore('memory:', { node: 'n', minFreeBytes: 0, onFatal: (error) => assert.ifError(error) });
  const queues = Array.from({ length: queueCount }, (_, n) => `q${n}`);
  const waiting = new Map(queues.map((queue, n) => [queue, tasks[n]!]));
  for (const [queue, count] of waiting) {
    if (count > 0) await addTasks(store, ...Array.from({ length: count }, () => ({ queue })));
  }
  const lanes = createLaneTable();
  const refs = queues.map((queue) => ({ queue, lane: '' }));
  const servings: Serving[] = [];
  for (const [n, credit] of credits.entries()) {
    const { session } = await openSession(store, { clientId: `c${n}` });
    const serving: Serving = {
      ...{ session, clientId: `c${n}`, queues, labels: {}, open: [], given: [] },
      capacity: () => ({ limit: credit - serving.open.length, maxBytes: 1 << 20, mayExceed: true }),
      standing: freeStanding,
      push: (some) => {
        serving.open.push(...some);
      },
    };
    servings.push(serving);
    lanes.attach(serving, refs);
  }
  let pace = 0;
  for (let idle = 0; idle < 20; ) {
    const before = new Map(waiting);
    const outcomes = await store.claimTasks(
      () => lanes.plan(),
      () => T0,
      () => undefined,
    );
    for (const grant of lanes.learn(outcomes)) {
      lanes.take(grant);
      const serving = grant.receiver as Serving;
      serving.push(grant.outcome.tasks);
      for (const { queue } of grant.outcome.tasks) {
        serving.given.push(queue);
        waiting.set(queue, waiting.get(queue)! - 1);
      }
    }
    // A queue that still has tasks after this claim had some in every one before.
    for (const { given } of servings) {
      for (const queue of queues) {
        const waited = given.length - 1 - given.lastIndexOf(queue);
        if (waiting.get(queue)! > 0) assert.ok(waited < queueCount, `${queue} waits: ${given.join(' ')}`);
      }
    }
    idle = [...before].every(([queue, count]) => waiting.get(queue) === count) ? idle + 1 : 0;
    for (const serving of servings) {
      serving.open = serving.open.slice(paces[pace++ % paces.length]!);
      lanes.freed(serving);
    }
  }
  await store.close();
}

describe('turns between queues', () => {
  it('come to each queue within as many tasks as a session has queues, whatever its credit', async () => {
    await fc.assert(fc.asyncProperty(crews, serve), { numRuns: 60 });
  });
});
