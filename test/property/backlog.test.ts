import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { TaskInput } from '../../server/model/task.ts';
import { openStore } from '../../server/store/open.ts';
import { claim, openSession, settle, succeed } from '../scene/deliveries.ts';
import { createTask, Q, T0 } from '../scene/tasks.ts';

// A backlog that is read many tasks at a time is what was put in, byte for byte.

const seed = Number(process.env.CONTACT_SEED ?? Date.now());
const LIMITS = {
  ready: 4,
  soon: 2,
  payloadBytes: 1_000,
  behind: 100_000,
  step: 2,
  shortest: 3,
  claims: 5,
  runs: 5_000,
};
/** As many as may come between in one run. */
const DUE = 24;

const TERMS: readonly Partial<TaskInput>[] = [
  {},
  {},
  {},
  { metadata: { trace: 'ä,"\\' } },
  { contentType: 'a/b', maxAttempts: 2 },
  { timeoutMs: 7, backoffBaseMs: 1, backoffCapMs: 2 },
];

/** Some come one after the other in the order, at one instant, with payloads of one length; some do not. */
const part = fc.record({
  payloads: fc.oneof(
    fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 40 }),
    fc.nat(6).chain((size) => fc.array(fc.uint8Array({ minLength: size, maxLength: size }), { minLength: 20 })),
    fc
      .tuple(fc.integer({ min: 9, max: 30 }), fc.nat(255))
      .map(([count, byte]) => Array.from({ length: count }, (_, i) => new Uint8Array(5_000).fill(byte ^ i))),
  ),
  terms: fc.nat(TERMS.length - 1),
  pauseMs: fc.constantFrom(0, 0, 1, 1_000),
  dueBefore: fc.constantFrom(0, 1, 3),
});

describe('a backlog', () => {
  it('is claimed as it was inserted, whatever lies together', async function () {
    this.timeout(60_000);
    console.log(`      seed ${seed}`);
    await fc.assert(
      fc.asyncProperty(
        fc.array(part, { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 }),
        async (parts, limits) => {
          const store = await openStore('memory:', { node: 'test', fresh: LIMITS });
          try {
            // They come into the order when they are due, between two that lie together.
            const due = Array.from({ length: DUE }, (_, i) => createTask({ runAt: T0 + i + 1 }));
            await store.insertTasks(due, T0);
            let now = T0 + 10_000;
            const put: (TaskInput & { readonly createdAt: number })[] = [];
            for (const { payloads, terms, pauseMs, dueBefore } of parts) {
              now += pauseMs;
              await store.wakeTasks(T0 + DUE, dueBefore);
              put.push(...due.splice(0, dueBefore).map((task) => ({ ...task, createdAt: T0 })));
              const tasks = payloads.map((payload) => createTask({ ...TERMS[terms], payload }));
              await store.insertTasks(tasks, now);
              put.push(...tasks.map((task) => ({ ...task, createdAt: now })));
            }
            const { session } = await openSession(store);
            for (let at = 0, turn = 0; at < put.length; turn++) {
              const limit = limits[turn % limits.length]!;
              const tasks = await claim(store, session, { lanes: [Q], limit, maxBytes: 8 << 20 });
              assert(tasks.length > 0, `nothing after ${at} of ${put.length}`);
              for (const task of tasks) {
                const expected = put[at++]!;
                for (const field of [
                  'id',
                  'contentType',
                  'metadata',
                  'priority',
                  'maxAttempts',
                  'timeoutMs',
                ] as const) {
                  assert.deepEqual(task[field], expected[field]);
                }
                assert.deepEqual(Buffer.from(task.payload), Buffer.from(expected.payload));
                const { event } = await settle(store, succeed({ taskId: task.id, delivery: 1 }));
                assert.equal(event!.createdAt, expected.createdAt);
              }
            }
          } finally {
            await store.close();
          }
        },
      ),
      { seed, numRuns: 60 },
    );
  });
});
