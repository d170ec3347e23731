import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { RingView } from '../../server/history/frame.ts';
import { createHistory, type History } from '../../server/history/history.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import type { Logger } from '../../shared/logger.ts';
import { createFakeClock, type FakeClock } from '../scene/clock.ts';
import { createFolder } from '../scene/folder.ts';
import { createTask } from '../scene/tasks.ts';

const STEP_MS = 10_000;
const T0 = 1_800_000_000_000;

/** A history over several processes, each of which has the file of the one before. */
interface Scene {
  readonly clock: FakeClock;
  history: History;
  store: Store;
  readonly warnings: string[];
  enqueue(queue: string, count?: number): Promise<void>;
  next(): Promise<void>;
  stop(): Promise<void>;
  /** As SIGKILL does: nothing is written any more. */
  kill(): Promise<void>;
  start(places?: number): Promise<void>;
  /** By step since the first, what was enqueued; null: a gap. */
  told(queue?: string): (number | null)[];
  end(): Promise<void>;
}

async function startScene(maxOwn?: number): Promise<Scene> {
  const folder = createFolder();
  const clock = createFakeClock(T0);
  const warnings: string[] = [];
  const logger: Logger = {
    info: () => undefined,
    warn: (_fields, message) => void warnings.push(message),
    error: (_fields, message) => void warnings.push(message),
  };
  const scene = {
    clock,
    warnings,
    async start(places = maxOwn) {
      scene.history = createHistory({ clock, logger, stepMs: STEP_MS, ...(places && { maxOwn: places }) });
      const { observer } = scene.history;
      scene.store = await openStore(`sqlite:${join(folder, 'contact.db')}`, { node: 'n', observer });
      await scene.history.start(scene.store, 'n');
    },
    async enqueue(queue: string, count = 1) {
      const tasks = Array.from({ length: count }, () => createTask({ queue }));
      await scene.store.insertTasks(tasks, clock.now());
    },
    async next() {
      clock.advance(STEP_MS);
      while (clock.pending === 0) await turn();
    },
    async stop() {
      await scene.history.close();
      await scene.store.close();
    },
    async kill() {
      await scene.store.close();
      await scene.history.close();
      warnings.length = 0;
    },
    told(queue?: string) {
      const frame = scene.history.frame({ since: T0, stepMs: STEP_MS });
      const view = queue === undefined ? scene.history.readTotal(frame) : scene.history.readQueue(queue, frame);
      return frame.coveredMs.map((ms, at) => (ms === 0 ? null : (view?.enqueued[at] ?? null)));
    },
    async end() {
      await scene.stop();
      rmSync(folder, { recursive: true });
    },
  } as unknown as Scene;
  await scene.start();
  return scene;
}

describe('the history of a node that is started again', () => {
  let scene: Scene;
  const open: Scene[] = [];
  afterEach(async () => {
    for (const one of open.splice(0)) await one.end();
  });

  async function begin(maxOwn?: number): Promise<void> {
    scene = await startScene(maxOwn);
    open.push(scene);
  }

  it('goes on after an orderly end, with a gap for as long as it was away', async () => {
    await begin();
    await scene.enqueue('q', 3);
    await scene.next();
    await scene.enqueue('q', 4);
    scene.clock.advance(STEP_MS / 2);
    await scene.stop();
    scene.clock.advance(3 * STEP_MS);
    await scene.start();
    await scene.enqueue('r', 5);
    await scene.next();
    assert.deepEqual(scene.told('q'), [3, 4, null, null, 0]);
    assert.deepEqual(scene.told(), [3, 4, null, null, 5]);
    const frame = scene.history.frame({ since: T0, stepMs: STEP_MS });
    assert.deepEqual(frame.coveredMs, [STEP_MS, STEP_MS / 2, 0, 0, STEP_MS / 2]);
    const { ready, oldestReadyMs } = scene.history.readQueue('q', frame) as RingView;
    assert.deepEqual(ready, [3, 7, 0, 0, 7]);
    assert.deepEqual(oldestReadyMs, [STEP_MS, 1.5 * STEP_MS, 0, 0, 5.5 * STEP_MS]);
  });

  it('loses a minute at most when it is killed', async () => {
    await begin();
    for (let step = 0; step < 8; step += 1) {
      await scene.enqueue('q', step + 1);
      await scene.next();
    }
    // The step after which it is kept has been written once the next one has passed.
    await scene.next();
    await scene.kill();
    await scene.start();
    await scene.next();
    assert.deepEqual(scene.told('q'), [1, 2, 3, 4, 5, 6, null, null, null, 0]);
  });

  it('counts on in the step in which it was stopped, however often, queues without a place too', async () => {
    await begin(1);
    await scene.enqueue('q', 3);
    await scene.next();
    for (const _restart of [1, 2, 3]) {
      await scene.enqueue('q', 2);
      await scene.enqueue('other', 1);
      scene.clock.advance(100);
      await scene.stop();
      await scene.start();
    }
    await scene.next();
    assert.deepEqual(
      [scene.told('q'), scene.told()],
      [
        [3, 6],
        [3, 9],
      ],
    );
  });

  it('says from which step on a queue is known that had no place before', async () => {
    await begin(1);
    await scene.enqueue('q', 1);
    await scene.next();
    await scene.enqueue('late', 9);
    await scene.next();
    await scene.next();
    await scene.stop();
    await scene.start();
    await scene.enqueue('late', 2);
    await scene.next();
    const frame = scene.history.frame({ since: T0, stepMs: STEP_MS });
    const view = scene.history.readQueue('late', frame) as RingView;
    assert.deepEqual([view.knownFrom, view.enqueued], [3, [0, 0, 0, 2]]);
    assert.deepEqual(scene.told(), [1, 9, 0, 2]);
  });

  it('knows of no queue that had no place before, where there are more places now', async () => {
    await begin(1);
    await scene.enqueue('q', 5);
    await scene.enqueue('late', 2);
    await scene.next();
    await scene.stop();
    scene.clock.advance(STEP_MS);
    await scene.start(2);
    await scene.enqueue('late', 1);
    await scene.next();
    await scene.enqueue('late', 1);
    await scene.next();
    const frame = scene.history.frame({ since: T0, stepMs: STEP_MS });
    const { knownFrom, enqueued } = scene.history.readQueue('late', frame) as RingView;
    assert.deepEqual([knownFrom, enqueued], [3, [0, 0, 0, 1]]);
    assert.deepEqual(scene.told(), [7, null, 1, 1]);
  });

  it('leaves the disk alone while nothing happens, and forgets what is an hour old', async () => {
    await begin();
    const kept = async (): Promise<number> => (await scene.store.listHistory('n', 0)).length;
    for (let step = 0; step < 20; step += 1) await scene.next();
    assert.equal(await kept(), 0);
    await scene.enqueue('q', 1);
    for (let step = 0; step < 420; step += 1) await scene.next();
    // A task waits, which is something; a record is of a minute.
    const count = await kept();
    assert.ok(count >= 60 && count <= 61, `${count}`);
    await scene.stop();
    await scene.start();
    await scene.next();
    const { coveredMs } = scene.history.frame({ since: 0, stepMs: STEP_MS });
    assert.ok(coveredMs.every((ms) => ms > 0) && coveredMs.length === 360);
  });

  it('begins anew where what was kept cannot be read, and goes on keeping', async () => {
    await begin();
    await scene.enqueue('q', 1);
    await scene.next();
    await scene.stop();
    await scene.start();
    await scene.store.keepHistory(
      { node: 'n', from: T0, until: scene.clock.now(), bytes: Buffer.from('what is it') },
      0,
    );
    await scene.kill();
    await scene.start();
    assert.deepEqual(scene.warnings, ['what was kept of the last hour cannot be read: its history begins anew']);
    for (let step = 0; step < 8; step += 1) await scene.next();
    await scene.stop();
    await scene.start();
    assert.ok(scene.told('q').at(-1) === 0);
  });

  it('is the same as that of one that was never stopped', async function () {
    this.timeout(60_000);
    const happening = fc.oneof(
      fc.record({ queue: fc.constantFrom('a', 'b', 'c'), count: fc.integer({ min: 1, max: 5 }) }),
      fc.constant('step' as const),
      fc.constant('restart' as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 25 }), async (all) => {
        const one = await startScene(2);
        try {
          const counts = [0];
          for (const what of all) {
            if (what === 'step') {
              await one.next();
              counts.push(0);
            } else if (what === 'restart') {
              await one.stop();
              await one.start();
            } else {
              await one.enqueue(what.queue, what.count);
              counts[counts.length - 1]! += what.count;
            }
          }
          await one.next();
          assert.deepEqual(one.told(), counts);
        } finally {
          await one.end();
        }
      }),
      { numRuns: 10 },
    );
  });
});
