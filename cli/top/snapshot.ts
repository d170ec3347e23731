import type { Admin, GetServerInfoResponse } from '../../client/index.ts';
import type { ClientInfo, Queue } from '../../gen/contact/v1/admin_service_pb.ts';

/** Everything that is shown at one moment. */
export interface Snapshot {
  readonly info: GetServerInfoResponse;
  readonly queues: readonly Queue[];
  readonly clients: readonly ClientInfo[];
  /** There are more queues or clients than are looked at. */
  readonly isCut: boolean;
  /** Wall clock, in milliseconds. */
  readonly at: number;
  /** Milliseconds of the monotonic clock, for rates. */
  readonly monotonicAt: number;
}

/** How many queues and clients are looked at; what a person can take in is far less. */
const MAX_ITEMS = 10_000;

export async function takeSnapshot(admin: Admin): Promise<Snapshot> {
  const [info, queues, clients] = await Promise.all([
    admin.serverInfo(),
    take(admin.listAllQueues()),
    take(admin.listAllClients()),
  ]);
  const isCut = queues.length === MAX_ITEMS || clients.length === MAX_ITEMS;
  return { info, queues, clients, isCut, at: Date.now(), monotonicAt: performance.now() };
}

async function take<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) {
    if (items.push(item) === MAX_ITEMS) break;
  }
  return items;
}

/**
 * Tasks settled per second by queue, between two snapshots. What was deleted meanwhile makes it less, never negative.
 */
export function rateQueues(before: Snapshot, now: Snapshot): ReadonlyMap<string, number> {
  const seconds = (now.monotonicAt - before.monotonicAt) / 1_000;
  const earlier = new Map(before.queues.map((queue) => [queue.name, countSettled(queue)]));
  return new Map(
    now.queues.map((queue) => {
      const settled = countSettled(queue) - (earlier.get(queue.name) ?? 0);
      return [queue.name, seconds > 0 ? Math.max(0, settled) / seconds : 0];
    }),
  );
}

function countSettled({ succeeded, failed, cancelled, expired }: Queue): number {
  return succeeded + failed + cancelled + expired;
}
