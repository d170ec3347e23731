import assert from 'node:assert/strict';
import { Subject } from 'rxjs';
import { type Run, runWhenWoken } from '../../server/dispatch/wake.ts';

interface Scene {
  readonly wake$: Subject<void>;
  readonly values: number[];
  readonly errors: unknown[];
  readonly started: number;
  finish(again?: boolean): Promise<void>;
  fail(error: Error): Promise<void>;
  readonly isComplete: boolean;
}

function createScene(): Scene {
  const wake$ = new Subject<void>();
  const values: number[] = [];
  const errors: unknown[] = [];
  let started = 0;
  let isComplete = false;
  let current = Promise.withResolvers<Run<number>>();
  wake$
    .pipe(
      runWhenWoken(() => {
        started += 1;
        return current.promise;
      }),
    )
    .subscribe({
      next: (value) => values.push(value),
      error: (error) => errors.push(error),
      complete: () => {
        isComplete = true;
      },
    });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    wake$,
    values,
    errors,
    get started() {
      return started;
    },
    get isComplete() {
      return isComplete;
    },
    finish(again = false) {
      const { resolve } = current;
      current = Promise.withResolvers();
      resolve({ value: started, again });
      return turn();
    },
    fail(error) {
      current.reject(error);
      return turn();
    },
  };
}

describe('runWhenWoken()', () => {
  it('runs once for many wake-ups before the first run ends, and once more for them', async () => {
    const scene = createScene();
    scene.wake$.next();
    scene.wake$.next();
    scene.wake$.next();
    assert.equal(scene.started, 1);
    await scene.finish();
    assert.equal(scene.started, 2);
    await scene.finish();
    assert.equal(scene.started, 2);
    assert.deepEqual(scene.values, [1, 2]);
  });

  it('does not lose a wake-up that arrives during a run', async () => {
    const scene = createScene();
    scene.wake$.next();
    await scene.finish();
    assert.equal(scene.started, 1);
    scene.wake$.next();
    scene.wake$.next();
    await scene.finish();
    assert.equal(scene.started, 3);
  });

  it('goes on at once when the run says so', async () => {
    const scene = createScene();
    scene.wake$.next();
    await scene.finish(true);
    assert.equal(scene.started, 2);
  });

  it('tells an error and stops', async () => {
    const scene = createScene();
    scene.wake$.next();
    await scene.fail(new Error('broken'));
    assert.equal(String(scene.errors[0]), 'Error: broken');
  });

  it('completes after the run that is under way', async () => {
    const scene = createScene();
    scene.wake$.next();
    scene.wake$.complete();
    assert.equal(scene.isComplete, false);
    await scene.finish();
    assert.equal(scene.isComplete, true);
  });
});
