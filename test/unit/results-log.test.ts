import assert from 'node:assert/strict';
import { Subject } from 'rxjs';
import { createTaskQueue, type TaskQueue } from '../../server/dispatch/queue.ts';
import type { Signal } from '../../server/store/signals.ts';
import type { Store } from '../../server/store/store.ts';
import { createModelStore } from '../model/store.ts';
import { createFakeClock } from '../scene/clock.ts';
import { settle, startTask, succeed } from '../scene/deliveries.ts';

describe('the results log of a store that fails over', () => {
  let epoch: string;
  let positions: number;
  let signals: Subject<readonly Signal[]>;
  let store: Store;
  let queue: TaskQueue;

  beforeEach(async () => {
    epoch = 'one';
    positions = Number.POSITIVE_INFINITY;
    signals = new Subject();
    const model = createModelStore();
    model.signals$.subscribe(signals);
    store = {
      ...model,
      signals$: signals,
      get epoch() {
        return epoch;
      },
      resultBounds: async () => {
        const { newest, beforeOldest } = await model.resultBounds();
        return { newest: Math.min(newest, positions), beforeOldest };
      },
    };
    queue = await createTaskQueue({
      store,
      node: 'n',
      clock: createFakeClock(),
      onFatal: (error) => assert.fail(String(error)),
    });
  });
  afterEach(() => queue.close());

  async function succeedTwo(): Promise<void> {
    for (let count = 0; count < 2; count += 1) await settle(store, succeed(await startTask(store)));
  }

  /** The second result is lost. */
  async function failOver(): Promise<void> {
    epoch = 'two';
    positions = 1;
    signals.next([{ kind: 'epochChanged' }]);
    await store.resultBounds();
    await new Promise(setImmediate);
  }

  it('refuses those who follow it, and cursors of before', async () => {
    await succeedTwo();
    const { results } = queue;
    const before = results.epoch;
    const cursor = results.cursorAt(1);
    assert.equal((await results.read(1, before)).length, 1);
    let advances = 0;
    results.advanced$.subscribe(() => {
      advances += 1;
    });
    await failOver();
    // Whoever waits for more looks again, and hears why there is none.
    assert.equal(advances, 1);
    await assert.rejects(results.read(1, before), { code: 'OUT_OF_RANGE' });
    await assert.rejects(results.locate({ kind: 'cursor', cursor }), { code: 'OUT_OF_RANGE' });
  });

  it('goes on from what there is now', async () => {
    await succeedTwo();
    await failOver();
    const { results } = queue;
    assert.equal(results.newest, 1);
    assert.equal(results.cursorAt(1), 'two.1');
    assert.equal(await results.locate({ kind: 'cursor', cursor: 'two.1' }), 1);
    assert.deepEqual(await results.read(1), []);
  });
});
