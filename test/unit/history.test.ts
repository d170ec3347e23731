import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { BOUNDS_MS, BUCKETS, bucketOf, quantileOf } from '../../server/history/columns.ts';
import { createHistory, type History } from '../../server/history/history.ts';
import type { ClaimedTask } from '../../server/model/task.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { silentLogger } from '../../shared/logger.ts';
import { createFakeClock, type FakeClock } from '../scene/clock.ts';
import { claim, fail, openSession, settle, succeed } from '../scene/deliveries.ts';
import { measureMemory } from '../scene/memory.ts';
import { createTask } from '../scene/tasks.ts';

const STEP_MS = 10_000;
const NO_COUNTS = { scheduled: 0, running: 0, settled: { succeeded: 0, failed: 0, cancelled: 0, expired: 0 } };
const IN_MEMORY = {
  capabilities: { kind: 'sqlite', isDurable: false, isShared: false } as const,
  keepHistory: async () => undefined,
  listHistory: async () => [],
};
const EVER = { since: 0, stepMs: STEP_MS };

interface Scene {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly history: History;
  enqueue(queue: string, count?: number): Promise<void>;
  /** Ends the step that is under way, and what follows on it. */
  next(ms?: number): Promise<void>;
  close(): Promise<void>;
}

const open: Scene[] = [];

async function openHistory(maxOwn?: number): Promise<Scene> {
  const clock = createFakeClock(1_800_000_000_000);
  const history = createHistory({ clock, logger: silentLogger, stepMs: STEP_MS, ...(maxOwn && { maxOwn }) });
  const store = await openStore('memory:', { node: 'n', observer: history.observer });
  await history.start(store, 'n');
  const scene: Scene = {
    clock,
    store,
    history,
    async enqueue(queue, count = 1) {
      await store.insertTasks(
        Array.from({ length: count }, () => createTask({ queue })),
        clock.now(),
      );
    },
    async next(ms = STEP_MS) {
      clock.advance(ms);
      // The store is asked in between, in memory: it is done when the next timer is set.
      while (clock.pending === 0) await turn();
    },
    async close() {
      await history.close();
      await store.close();
    },
  };
  open.push(scene);
  return scene;
}

describe('quantileOf()', () => {
  it('is in the bucket of the one that has that rank, however they are spread', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(20), fc.nat(5_000), fc.nat(4_000_000)), { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.5, 0.95, 0.99, 1),
        (durations, share) => {
          const counts = new Uint32Array(BUCKETS);
          for (const ms of durations) counts[bucketOf(ms)]! += 1;
          const exact = durations.toSorted((a, b) => a - b)[Math.ceil(share * durations.length) - 1]!;
          const told = quantileOf(counts, 0, share)!;
          assert.equal(bucketOf(told), Math.min(bucketOf(exact), BUCKETS - 2), `${told} for ${exact}`);
        },
      ),
    );
  });

  it('is nothing of nothing, exact of what is small, and within two thirds of what is not', () => {
    assert.equal(quantileOf(new Uint32Array(BUCKETS), 0, 0.5), null);
    for (const ms of [1, 2, 3]) {
      const counts = new Uint32Array(BUCKETS);
      counts[bucketOf(ms)] = 7;
      assert.equal(quantileOf(counts, 0, 1), ms);
    }
    for (const [at, bound] of BOUNDS_MS.slice(3).entries())
      assert.ok(bound <= (5 / 3) * BOUNDS_MS[at + 2]!, `${bound}`);
  });
});

describe('createHistory()', () => {
  afterEach(async () => {
    for (const scene of open.splice(0)) await scene.close();
  });

  it('tells what was stored, taken and settled in each step, and how it stood at its end', async () => {
    const { history, store, clock, enqueue, next } = await openHistory();
    await enqueue('q', 5);
    await next();
    const { session } = await openSession(store, {}, clock.now());
    clock.advance(3_000);
    const [one, two, three] = await claim(store, session, { limit: 3 }, clock.now());
    clock.advance(2_000);
    const held = ({ id, delivery }: ClaimedTask) => ({ taskId: id, delivery });
    for (const task of [one!, two!]) await settle(store, succeed(held(task)), clock.now());
    await settle(store, fail(held(three!), { retry: { kind: 'never' } }), clock.now());
    await next(5_000);
    const frame = history.frame(EVER);
    const { wait, run, ...counts } = history.readQueue('q', frame)!;
    const last = (values: readonly unknown[]): unknown[] => values.slice(-2);
    assert.deepEqual(last(frame.coveredMs), [STEP_MS, STEP_MS]);
    assert.deepEqual(
      Object.fromEntries(Object.entries(counts).map(([name, v]) => [name, Array.isArray(v) ? last(v) : v])),
      {
        knownFrom: 0,
        enqueued: [5, 0],
        claimed: [0, 3],
        succeeded: [0, 2],
        failed: [0, 1],
        cancelled: [0, 0],
        expired: [0, 0],
        ready: [5, 2],
        scheduled: [0, 0],
        running: [0, 0],
        oldestReadyMs: [STEP_MS, 2 * STEP_MS],
      },
    );
    // From 10 to 15 seconds, and from 1.5 to 2.
    assert.deepEqual(last(wait.p50Ms), [null, 13_333]);
    assert.deepEqual(last(run.p99Ms), [null, 2_000]);
    assert.deepEqual(history.readTotal(frame).enqueued, history.readQueue('q', frame)!.enqueued);
    const both = history.readQueue('q', history.frame({ since: 0, stepMs: 2 * STEP_MS }))!;
    assert.deepEqual([both.enqueued.at(-1), both.ready.at(-1)], [5, 2]);
  });

  it('agrees with a plain count, whatever comes when, and however finely it is asked', async function () {
    this.timeout(20_000);
    const happening = fc.oneof(
      fc.record({ queue: fc.constantFrom('a', 'b', 'c'), count: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ steps: fc.integer({ min: 1, max: 4 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 40 }), fc.constantFrom(1, 2, 6, 30), async (all, size) => {
        const { history, clock, enqueue, next, close } = await openHistory();
        const counts = new Map<string, number>();
        const gaps = new Set<number>();
        for (const one of all) {
          const step = Math.floor(clock.now() / STEP_MS);
          if ('queue' in one) {
            await enqueue(one.queue, one.count);
            const key = `${one.queue} ${Math.floor(step / size)}`;
            counts.set(key, (counts.get(key) ?? 0) + one.count);
          } else {
            // A process that was stopped for several steps has seen the end of the first alone.
            clock.block(one.steps * STEP_MS);
            while (clock.pending === 0) await turn();
            for (let gap = 1; gap < one.steps; gap += 1) gaps.add(step + gap);
          }
        }
        await next();
        const frame = history.frame({ since: 0, stepMs: size * STEP_MS });
        const first = frame.startAt / frame.stepMs;
        for (const queue of ['a', 'b', 'c']) {
          const told = history.readQueue(queue, frame)?.enqueued ?? frame.coveredMs.map(() => 0);
          assert.deepEqual(
            told,
            frame.coveredMs.map((_, at) => counts.get(`${queue} ${first + at}`) ?? 0),
          );
        }
        if (size === 1) for (const gap of gaps) assert.equal(frame.coveredMs[gap - first] ?? 0, 0);
        await close();
        open.pop();
      }),
      { numRuns: 60 },
    );
  });

  it('keeps an hour and no more', async () => {
    const { history, enqueue, next } = await openHistory();
    await enqueue('q', 7);
    for (let step = 0; step < 365; step += 1) await next();
    const frame = history.frame(EVER);
    assert.equal(frame.coveredMs.length, 360);
    assert.ok(frame.coveredMs.every((ms) => ms === STEP_MS));
    const { enqueued, ready } = history.readQueue('q', frame)!;
    assert.deepEqual([enqueued.some((count) => count > 0), ready.every((count) => count === 7)], [false, true]);
  });

  it('gives a place to who did more in a step than the quietest within the hour, and counts everybody in the total', async () => {
    const { history, enqueue, next } = await openHistory(2);
    await enqueue('a', 10);
    await enqueue('b', 3);
    await enqueue('c', 3);
    await next();
    assert.deepEqual(history.queues(), ['a', 'b']);
    await enqueue('c', 4);
    await next();
    assert.deepEqual(history.queues(), ['a', 'c']);
    await enqueue('c', 2);
    await next();
    const frame = history.frame(EVER);
    const c = history.readQueue('c', frame)!;
    // From the step on in which its place was given all of it is known: that is the next one, since it had begun.
    assert.equal(c.knownFrom, frame.coveredMs.length);
    await enqueue('c', 5);
    await next();
    const later = history.frame(EVER);
    const known = history.readQueue('c', later)!;
    assert.deepEqual(known.enqueued.slice(known.knownFrom), [5]);
    assert.deepEqual(known.ready.slice(known.knownFrom), [14]);
    assert.deepEqual(history.readTotal(later).enqueued.slice(-4), [16, 4, 2, 5]);
    assert.deepEqual(history.readTotal(later).ready.slice(-4), [16, 20, 22, 27]);
  });

  it('takes a place from who had nothing for an hour', async () => {
    const { history, store, clock, next } = await openHistory();
    await store.insertTasks([createTask({ queue: 'q', expiresAt: clock.now() + 1 })], clock.now());
    await next();
    await store.wakeTasks(clock.now(), 10);
    await next();
    assert.deepEqual(history.queues(), ['q']);
    for (let step = 0; step < 360; step += 1) await next();
    assert.deepEqual(history.queues(), []);
  });

  it('begins anew when the clock is set back, and not when it is put right by a little', async () => {
    const { history, clock, enqueue, next } = await openHistory();
    await enqueue('q', 7);
    await next();
    clock.jump(-20);
    await next();
    assert.equal(history.readQueue('q', history.frame(EVER))!.enqueued.at(-1), 7);
    clock.jump(-3_600_000);
    await next();
    await next();
    const frame = history.frame(EVER);
    assert.ok(frame.coveredMs.slice(0, -1).every((ms) => ms === 0));
    assert.deepEqual(
      history.readTotal(frame).enqueued.filter((count) => count > 0),
      [],
    );
    assert.equal(history.readQueue('q', frame)!.ready.at(-1), 7);
  });

  it('has a gap where the queues could not be counted', async () => {
    const { history, store, clock, enqueue, next } = await openHistory();
    await enqueue('q', 7);
    await next();
    await history.close();
    const failing = { ...store, countQueues: () => Promise.reject(new Error('not now')) };
    await history.start(failing, 'n');
    await enqueue('q', 1);
    await next();
    await history.close();
    await history.start(store, 'n');
    await enqueue('q', 2);
    await next();
    await next();
    const frame = history.frame({ since: clock.now() - 3 * STEP_MS, stepMs: STEP_MS });
    assert.deepEqual(
      [frame.coveredMs, history.readTotal(frame).enqueued],
      [
        [0, STEP_MS, STEP_MS],
        [0, 2, 0],
      ],
    );
  });

  it('takes no more memory for 10,000 queues than for a hundred', async function () {
    this.timeout(60_000);
    const clock = createFakeClock(1_800_000_000_000);
    const history = createHistory({ clock, logger: silentLogger, stepMs: STEP_MS });
    const standings = (count: number) =>
      Array.from({ length: count }, (_, queue) => ({ ...NO_COUNTS, queue: `queue-${queue}`, ready: 1 }));
    let counts = standings(100);
    await history.start({ ...IN_MEMORY, countQueues: async () => counts, listOldest: async () => [] }, 'n');
    const before = await measureMemory();
    const next = async (): Promise<void> => {
      clock.advance(STEP_MS);
      while (clock.pending === 0) await turn();
    };
    await next();
    const hundred = (await measureMemory()) - before;
    counts = standings(10_000);
    const standing = await measureMemory();
    for (let step = 0; step < 10; step += 1) await next();
    const more = (await measureMemory()) - standing;
    assert.equal(history.queues().length, 100);
    assert.equal(history.readTotal(history.frame(EVER)).ready.at(-1), 10_000);
    await history.close();
    assert.ok(hundred > 10 << 20 && hundred < 15 << 20, `${hundred} bytes`);
    assert.ok(more < 1 << 20, `${more} bytes`);
  });
});
