import { ChurnMap } from '../../shared/churn.ts';
import type { ClaimedTask } from '../model/task.ts';
import type { Capacity, Receiver } from './receiver.ts';

/**
 * What was claimed for receivers and has not been pushed to them: it is on its way to disk, and the next claim is
 * planned meanwhile. Bounded by the claims under way.
 */
export interface Reserved {
  add(receiver: Receiver, tasks: readonly ClaimedTask[]): void;
  /** These tasks are pushed now. */
  remove(receiver: Receiver, tasks: readonly ClaimedTask[]): void;
  /** What the receiver takes beside them. */
  capacityOf(receiver: Receiver): Capacity;
}

const NO_CAPACITY: Capacity = Object.freeze({ limit: 0, maxBytes: 0, mayExceed: false });

export function createReserved(): Reserved {
  const byReceiver = new ChurnMap<Receiver, { count: number; bytes: number }>();

  return {
    add(receiver, tasks) {
      const sum = byReceiver.get(receiver) ?? { count: 0, bytes: 0 };
      sum.count += tasks.length;
      sum.bytes += bytesOf(tasks);
      byReceiver.set(receiver, sum);
    },

    remove(receiver, tasks) {
      const sum = byReceiver.get(receiver);
      if (!sum) return;
      sum.count -= tasks.length;
      sum.bytes -= bytesOf(tasks);
      if (sum.count === 0) byReceiver.delete(receiver);
    },

    capacityOf(receiver) {
      const capacity = receiver.capacity();
      const sum = byReceiver.get(receiver);
      if (!sum) return capacity;
      const [limit, maxBytes] = [capacity.limit - sum.count, capacity.maxBytes - sum.bytes];
      return limit > 0 && maxBytes > 0 ? { limit, maxBytes, mayExceed: false } : NO_CAPACITY;
    },
  };
}

function bytesOf(tasks: readonly ClaimedTask[]): number {
  let bytes = 0;
  for (const { payload } of tasks) bytes += payload.byteLength;
  return bytes;
}
