import type { Clock } from '../../shared/clock.ts';
import type { Retention } from '../model/retention.ts';
import { retryAfterMs } from '../store/failure.ts';
import type { TaskStore } from '../store/tasks.ts';

/** Tasks that one step forgets. */
const STEP = 200;
/** The time between two looks for something to prune. */
const LOOK_MS = 1_000;
/** The pause after a step, in which others have the store for themselves. */
const PAUSE_MS = 10;

/** Between two words about what was forgotten. */
const TOLD_MS = 60_000;

export interface PruningOptions {
  readonly store: Pick<TaskStore, 'pruneTasks'>;
  readonly clock: Clock;
  /** Of queues that have none of their own. */
  readonly retention: Retention;
  readonly onFatal: (error: unknown) => void;
  /** Told at most once a minute how many tasks were forgotten since. */
  readonly onPruned: (count: number) => void;
}

/**
 * Forgets settled tasks that are kept no longer, in small steps beside everything else: 200 tasks, each step a part of
 * the commit of its turn, and a pause. The answer stops it.
 */
export function startPruning({ store, clock, retention, onFatal, onPruned }: PruningOptions): () => void {
  let isStopped = false;
  let untold = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  let stop = wait(LOOK_MS);

  function wait(ms: number): () => void {
    return clock.after(ms, () => step().catch(onFatal));
  }

  async function step(): Promise<void> {
    let pauseMs: number;
    try {
      const { taskIds, isDone } = await store.pruneTasks(retention, STEP, clock.now());
      untold += taskIds.length;
      if (untold > 0 && clock.monotonic() - toldAt >= TOLD_MS) {
        toldAt = clock.monotonic();
        onPruned(untold);
        untold = 0;
      }
      pauseMs = isDone ? LOOK_MS : PAUSE_MS;
    } catch (error) {
      pauseMs = retryAfterMs(error);
    }
    if (!isStopped) stop = wait(pauseMs);
  }

  return () => {
    isStopped = true;
    stop();
  };
}
