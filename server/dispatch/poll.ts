import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Store } from '../store/store.ts';
import type { LaneTable } from './lanes.ts';

const POLL_MS = 5_000;

export interface PollOptions {
  readonly store: Pick<Store, 'countQueues'>;
  readonly clock: Clock;
  readonly lanes: LaneTable;
  readonly onWork: () => void;
  readonly onFatal: (error: unknown) => void;
}

/**
 * Covers a wake-up that went missing: whatever the lanes believe, where the store has ready tasks somebody may take
 * them. Costs nothing to speak of while no task waits. The answer stops it.
 */
export function startPoll({ store, clock, lanes, onWork, onFatal }: PollOptions): () => void {
  let isStopped = false;
  let stop = wait();

  function wait(): () => void {
    return clock.after(POLL_MS, () => look().catch(onFatal));
  }

  async function look(): Promise<void> {
    try {
      for (const { queue, ready } of await store.countQueues()) if (ready > 0) lanes.markQueue(queue);
      if (lanes.hasWork()) onWork();
    } catch (error) {
      if (!(error instanceof ContactError)) throw error;
    }
    if (!isStopped) stop = wait();
  }

  return () => {
    isStopped = true;
    stop();
  };
}
