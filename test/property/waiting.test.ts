import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FreshTask, openContent } from '../../server/store/sqlite/fresh/task.ts';
import { createFreshWaiting } from '../../server/store/sqlite/fresh/waiting.ts';
import type { LaneEntry } from '../../server/store/sqlite/rows/entries.ts';
import type { TaskTerms } from '../../server/store/sqlite/rows/task.ts';

// What waits in memory, against a plain list: enough of it that void places are forgotten many times.

const seed = Number(process.env.CONTACT_SEED ?? Date.now());
const LANES = ['a', 'b'].map((name) => ({ name })) as unknown as readonly LaneEntry[];
const TERMS = { contentType: 'x/y', metadata: null } as TaskTerms;
const KEPT_BYTES = 60_000;

const payloadOf = (key: number): Buffer => Buffer.alloc((key * 37) % 1_500, `${key} `);

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), lane: fc.nat(1), nprio: fc.nat(1) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('claim' as const), lane: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('takeBack' as const), count: fc.nat(150) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('oldest' as const) }) },
);

describe('fresh tasks that wait', () => {
  it('are found as a plain list has them, with what was sent', () => {
    console.log(`      seed ${seed}`);
    fc.assert(
      fc.property(fc.array(step, { minLength: 200, maxLength: 400 }), fc.nat(30), (steps, many) => {
        const waiting = createFreshWaiting({ payloadBytes: KEPT_BYTES });
        let plain: FreshTask[] = [];
        let nextKey = 1;
        const next = (lane: LaneEntry) =>
          plain.filter((task) => task.lane === lane).sort((a, b) => a.nprio - b.nprio || a.task_key - b.task_key);
        const leave = (task: FreshTask): void => {
          waiting.leave(task);
          plain = plain.filter((other) => other !== task);
        };
        for (const one of steps) {
          if (one.kind === 'add') {
            for (let i = 0; i <= many; i++) {
              const key = nextKey++;
              const payload = payloadOf(key);
              const task = new FreshTask(key, one.nprio, key, payload.byteLength, LANES[one.lane]!);
              waiting.add(task, { id: `t${key}`, payload }, TERMS);
              // What was received is somebody else's afterwards.
              payload.fill(0);
              plain.push(task);
            }
          } else if (one.kind === 'claim') {
            const lane = LANES[one.lane]!;
            const found = waiting.peek(lane, many + 2);
            assert.deepEqual(found, next(lane).slice(0, many + 2));
            for (const task of found) {
              if (task.content) {
                const { key, id, payload } = openContent(task, task.content);
                assert.deepEqual([key, id, Buffer.from(payload)], [task.task_key, `t${key}`, payloadOf(key)]);
              }
              leave(task);
            }
          } else if (one.kind === 'leave') {
            const task = plain[one.at % Math.max(1, plain.length)];
            if (task) leave(task);
          } else if (one.kind === 'oldest') {
            assert.deepEqual(waiting.oldest(many), plain.slice(0, many));
          } else {
            nextKey = Math.max(1, nextKey - one.count);
            waiting.dropFrom(nextKey);
            plain = plain.filter((task) => task.task_key < nextKey);
          }
          const kept = plain.filter((task) => task.content).reduce((sum, { bytes }) => sum + bytes, 0);
          assert.ok(kept <= KEPT_BYTES, `${kept} bytes are kept`);
          assert.equal(waiting.size, plain.length);
          for (const key of [1, nextKey >> 1, nextKey - 1]) {
            assert.equal(
              waiting.find(key),
              plain.find((task) => task.task_key === key),
            );
          }
        }
        assert.deepEqual(waiting.oldest(10), plain.slice(0, 10));
        const middle = nextKey >> 1;
        assert.deepEqual(
          [...waiting.before(middle)],
          plain.filter((task) => task.task_key < middle),
        );
      }),
      { numRuns: 30, seed },
    );
  }).timeout(60_000);
});
