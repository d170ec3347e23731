import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { ClientInfo } from '../gen/contact/v1/admin_service_pb.ts';
import { formatAge, formatMs } from './age.ts';

/** Columns that say how a client runs its tasks. */
export const RUN_COLUMNS = ['p50#', 'p99#', 'failed#', 'oldest'];

/** Run times of the last hour; which part of the runs failed, of how many; how long the oldest task runs. */
export function describeRuns({ runs, oldestRunning }: ClientInfo, now: number): [string, string, string, string] {
  return [
    runs?.p50Ms === undefined ? '' : formatMs(runs.p50Ms),
    runs?.p99Ms === undefined ? '' : formatMs(runs.p99Ms),
    runs ? `${formatPart(Number(runs.failed) / Number(runs.ended))} of ${runs.ended}` : '',
    formatAge(oldestRunning?.since, now),
  ];
}

/** Which task it has run longest; empty: nobody says. */
export function nameOldest({ oldestRunning }: ClientInfo): string {
  return oldestRunning?.taskId ?? '';
}

/** `0%`, `<0.1%`, `2.5%`, `100%`: something is never shown as nothing. */
function formatPart(part: number): string {
  const percent = Number((100 * part).toFixed(part < 0.1 ? 1 : 0));
  return percent === 0 && part > 0 ? '<0.1%' : `${percent}%`;
}

/** What clients can be sorted by: what is worst comes first. */
export const ORDERS = ['id', 'p50', 'p99', 'failed', 'oldest', 'running'] as const;
export type Order = (typeof ORDERS)[number];

/** Larger is worse; -1: nobody knows. */
export const RUN_WEIGHTS: Readonly<Record<Exclude<Order, 'id'>, (client: ClientInfo) => number>> = {
  p50: ({ runs }) => runs?.p50Ms ?? -1,
  p99: ({ runs }) => runs?.p99Ms ?? -1,
  failed: ({ runs }) => (runs ? Number(runs.failed) / Number(runs.ended) : -1),
  oldest: ({ oldestRunning }) => (oldestRunning?.since ? -timestampMs(oldestRunning.since) : Number.NEGATIVE_INFINITY),
  running: ({ connected, running }) => (connected ? running : -1),
};

/** Those of equal weight stay as they are: by id. */
export function sortClients(clients: readonly ClientInfo[], order: Order): readonly ClientInfo[] {
  if (order === 'id') return clients;
  const weightOf = RUN_WEIGHTS[order];
  const weighed = clients.map((client) => ({ client, weight: weightOf(client) }));
  return weighed.sort((a, b) => (a.weight === b.weight ? 0 : b.weight - a.weight)).map(({ client }) => client);
}
