import type { LaneTable } from '../../server/dispatch/lanes.ts';
import type { Capacity, Receiver } from '../../server/dispatch/receiver.ts';
import type { Standing } from '../../server/model/drawer.ts';
import type { ClaimedTask } from '../../server/model/task.ts';

export const LANE = { queue: 'q', lane: '' };

export interface TestReceiver extends Receiver {
  space: Capacity;
}

export function createReceiver(key: number, limit = 10): TestReceiver {
  return {
    session: { key, epoch: 1 },
    clientId: `client-${key}`,
    queues: ['q'],
    labels: {},
    space: { limit, maxBytes: 1_000, mayExceed: true },
    capacity() {
      return this.space;
    },
    standing: freeStanding,
    push: () => {},
  };
}

export const freeStanding = (): Standing => ({ kind: 'free', credit: 10, owedBytes: 0, roomBytes: 1_000 });

/** Answers the newest plan: `count` tasks for each session, the lanes empty afterwards or not. */
export function answer(table: LaneTable, receiver: Receiver, count: number, exhausted: boolean): void {
  const outcome = { session: receiver.session, tasks: createTasks(count), exhausted };
  for (const grant of table.learn([outcome])) table.take(grant);
}

export function createTasks(count: number, queue = 'q', bytes = 0): ClaimedTask[] {
  return Array.from({ length: count }, () => ({ queue, payload: Buffer.alloc(bytes) }) as unknown as ClaimedTask);
}

export const planned = (table: LaneTable): number[] => table.plan().map(({ session }) => session.key);
