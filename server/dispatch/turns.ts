import { ChurnMap } from '../../shared/churn.ts';
import type { LaneRef } from '../model/task.ts';
import type { Receiver } from './receiver.ts';

/** Queues, those served last, of which it is known when any receiver of several queues was served from them. */
const MAX_QUEUES = 10_000;

/**
 * Whose turn it is among the queues of a receiver: a claim begins with the one that was served the longest ago, so that
 * turns go on where they stopped, whatever the credit. No queue waits more turns than the receiver has queues while it
 * has ready tasks. One that was never served begins where the others are, lest those that come anew for each task
 * always begin with the same queue. Bounded by the queues that were served of the receivers attached, and MAX_QUEUES.
 */
export interface Turns {
  /** The lanes in the order in which their queues are to be served. */
  order<L extends LaneRef>(receiver: Receiver, lanes: readonly L[]): readonly L[];
  served(receiver: Receiver, tasks: readonly { readonly queue: string }[]): void;
  forget(receiver: Receiver): void;
}

export function createTurns(): Turns {
  /** When each queue was served last, by receiver; those of a single queue have no turns. */
  const servedAt = new Map<Receiver, Map<string, number>>();
  /** When each queue was served last for any receiver, the longest ago first. */
  const servedLast = new ChurnMap<string, number>();
  let count = 0;

  function note(queue: string): number {
    count += 1;
    servedLast.delete(queue);
    servedLast.set(queue, count);
    if (servedLast.size > MAX_QUEUES) servedLast.delete(servedLast.keys().next().value!);
    return count;
  }

  return {
    order(receiver, lanes) {
      if (lanes.length < 2) return lanes;
      const times = servedAt.get(receiver) ?? servedLast;
      const timeOf = ({ queue }: LaneRef): number => times.get(queue) ?? 0;
      return lanes.toSorted((a, b) => timeOf(a) - timeOf(b));
    },

    served(receiver, tasks) {
      if (receiver.queues.length < 2 || tasks.length === 0) return;
      const times = servedAt.get(receiver) ?? new Map<string, number>();
      servedAt.set(receiver, times);
      tasks.forEach(({ queue }, index) => {
        if (tasks[index + 1]?.queue !== queue) times.set(queue, note(queue));
      });
    },

    forget: (receiver) => void servedAt.delete(receiver),
  };
}
