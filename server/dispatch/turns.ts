import type { LaneRef } from '../model/task.ts';
import type { Receiver } from './receiver.ts';

/**
 * Whose turn it is among the queues of a receiver: a claim begins with the one that was served the longest ago, so that
 * turns go on where they stopped, whatever the credit. No queue waits more turns than the receiver has queues while it
 * has ready tasks. Bounded by the queues that were served of the receivers attached.
 */
export interface Turns {
  /** In the order in which their queues are to be served. */
  order<L extends LaneRef>(receiver: Receiver, lanes: readonly L[]): readonly L[];
  served(receiver: Receiver, tasks: readonly { readonly queue: string }[]): void;
  forget(receiver: Receiver): void;
}

export function createTurns(): Turns {
  /** When each queue was served last, by receiver; those of a single queue have no turns. */
  const servedAt = new Map<Receiver, Map<string, number>>();
  let count = 0;

  return {
    order(receiver, lanes) {
      const times = lanes.length > 1 ? servedAt.get(receiver) : undefined;
      if (!times) return lanes;
      const timeOf = ({ queue }: LaneRef): number => times.get(queue) ?? 0;
      return lanes.toSorted((a, b) => timeOf(a) - timeOf(b));
    },

    served(receiver, tasks) {
      if (receiver.queues.length < 2 || tasks.length === 0) return;
      const times = servedAt.get(receiver) ?? new Map<string, number>();
      servedAt.set(receiver, times);
      for (const { queue } of tasks) times.set(queue, ++count);
    },

    forget: (receiver) => void servedAt.delete(receiver),
  };
}
