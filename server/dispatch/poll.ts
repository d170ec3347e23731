import type { Clock } from '../../shared/clock.ts';
import { retryAfterMs } from '../store/failure.ts';
import type { QueueStore } from '../store/queues.ts';
import type { DueTimer } from './due.ts';
import type { LaneTable } from './lanes.ts';
import type { Operations } from './operations.ts';
import type { ResultsLog } from './results.ts';

/** The time between two looks. */
export const POLL_MS = 5_000;

export interface PollOptions {
  readonly store: Pick<QueueStore, 'findWaiting' | 'listQueueSettings'>;
  readonly clock: Clock;
  readonly pollMs: number;
  readonly lanes: LaneTable;
  readonly due: DueTimer;
  readonly operations: Operations;
  readonly results: ResultsLog;
  /** Looks for broadcasts that were given to this node; absent: no other has any. */
  readonly recover?: (() => Promise<void>) | undefined;
  readonly onWork: () => void;
  readonly onFatal: (error: unknown) => void;
}

/**
 * Covers signals that went missing: whatever is believed here, the store is asked for ready tasks, for what is due, for
 * the settings of queues and for results. Costs nothing to speak of while nothing waits. The answer stops it.
 */
export function startPoll(options: PollOptions): () => void {
  const { store, clock, pollMs, lanes, due, operations, results, recover, onWork, onFatal } = options;
  let isStopped = false;
  let stop = wait();

  function wait(): () => void {
    return clock.after(pollMs, () => look().catch(onFatal));
  }

  async function look(): Promise<void> {
    try {
      operations.learnAll(await store.listQueueSettings());
      const { readyQueues, isAny } = await store.findWaiting();
      for (const queue of readyQueues) lanes.markQueue(queue);
      // What waits may have an instant, or an expiry, that nobody expects.
      if (isAny) due.expect(clock.now());
      if (lanes.hasWork()) onWork();
      await results.catchUp();
      await recover?.();
    } catch (error) {
      // The next look is the next try, whenever the store would take one.
      retryAfterMs(error);
    }
    if (!isStopped) stop = wait();
  }

  return () => {
    isStopped = true;
    stop();
  };
}
