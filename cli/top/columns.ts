import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { ClientInfo, Queue } from '../../gen/contact/v1/admin_service_pb.ts';
import { formatAge, formatSpan } from '../age.ts';
import { describeCalls, describeLabels, describeQueues, describeServices, describeSession } from '../client.ts';
import { shorten } from '../escape.ts';
import { formatRate } from '../rate.ts';
import { describeRuns, RUN_COLUMNS, RUN_WEIGHTS } from '../runs.ts';

/** What cells are told beside their item. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Settled tasks per second by queue; null: not known yet. */
  readonly rates: ReadonlyMap<string, number> | null;
}

/** One column of a table of `contact top`. */
export interface Column<Item> {
  /** Of numbers, which are aligned to the right, it ends with `#`. */
  readonly heading: string;
  cell(item: Item, moment: Moment): string;
  /** How `--sort` and the keys call it, and what they go by: the largest first. Absent: nothing is sorted by it. */
  readonly sort?: readonly [name: string, weigh: (item: Item, moment: Moment) => number];
  /** Where not all columns fit, those with the largest are left out first; 0: it stays. */
  readonly rank: number;
}

const MAX_NAME = 40;
const UNKNOWN = Number.NEGATIVE_INFINITY;

export const QUEUE_COLUMNS: readonly Column<Queue>[] = [
  { heading: 'queue', cell: ({ name }) => shorten(name, MAX_NAME), rank: 0 },
  counted('waiting', 0, ({ ready }) => ready),
  counted('scheduled', 3, ({ scheduled }) => scheduled),
  counted('running', 1, ({ running }) => running),
  counted('failed', 2, ({ failed }) => failed),
  counted('workers', 2, ({ workers }) => workers),
  {
    heading: 'settled/s#',
    cell({ name }, { rates }) {
      const rate = rates?.get(name);
      return rate === undefined ? '' : formatRate(rate);
    },
    sort: ['settled', ({ name }, { rates }) => rates?.get(name) ?? UNKNOWN],
    rank: 2,
  },
  {
    heading: 'oldest',
    cell(queue, { now }) {
      const oldest = oldestOf([queue]);
      return oldest === null ? '' : formatSpan(now - oldest);
    },
    sort: ['oldest', (queue) => 0 - (oldestOf([queue]) ?? Number.POSITIVE_INFINITY)],
    rank: 1,
  },
  {
    heading: '',
    cell: ({ paused, unroutable }) =>
      [paused ? 'paused' : '', unroutable > 0 ? `${formatCount(unroutable)} unroutable` : '']
        .filter(Boolean)
        .join(', '),
    rank: 1,
  },
];

const [p50, p99, failed, oldest] = RUN_COLUMNS.map((_, column) => runColumn(column));

export const CLIENT_COLUMNS: readonly Column<ClientInfo>[] = [
  { heading: 'client', cell: ({ id }) => shorten(id, MAX_NAME), rank: 0 },
  ofConnected('running', 0, ({ running }) => running),
  ofConnected('credit', 5, ({ maxInFlight }) => maxInFlight),
  { heading: 'calls#', cell: describeCalls, sort: ['calls', ({ calls }) => calls], rank: 6 },
  { heading: 'state', cell: describeSession, rank: 1 },
  {
    heading: 'since',
    cell: ({ connected, connectedAt, lastSeenAt }, { now }) => formatAge(connected ? connectedAt : lastSeenAt, now),
    sort: ['since', ({ connectedAt }) => (connectedAt ? timestampMs(connectedAt) : UNKNOWN)],
    rank: 4,
  },
  { heading: 'receipt', cell: ({ lastReceiptAt }, { now }) => formatAge(lastReceiptAt, now), rank: 7 },
  ...[p50!, p99!, failed!, oldest!],
  { heading: 'queues', cell: describeQueues, rank: 3 },
  { heading: 'serves', cell: describeServices, rank: 6 },
  { heading: 'labels', cell: describeLabels, rank: 4 },
  { heading: 'status', cell: ({ status }) => status, rank: 3 },
];

/** What either table can be sorted by. */
export const SORTS: readonly string[] = [
  ...new Set(['name', ...[...QUEUE_COLUMNS, ...CLIENT_COLUMNS].flatMap(({ sort }) => (sort ? [sort[0]] : []))]),
];

function counted(name: string, rank: number, countOf: (queue: Queue) => number): Column<Queue> {
  return { heading: `${name}#`, cell: (queue) => formatCount(countOf(queue)), sort: [name, countOf], rank };
}

function ofConnected(name: string, rank: number, countOf: (client: ClientInfo) => number): Column<ClientInfo> {
  return {
    heading: `${name}#`,
    cell: (client) => (client.connected ? formatCount(countOf(client)) : ''),
    sort: [name, (client) => (client.connected ? countOf(client) : UNKNOWN)],
    rank,
  };
}

function runColumn(column: number): Column<ClientInfo> {
  const heading = RUN_COLUMNS[column]!;
  const name = heading.replace('#', '') as keyof typeof RUN_WEIGHTS;
  return {
    heading,
    cell: (client, { now }) => describeRuns(client, now)[column]!,
    sort: [name, RUN_WEIGHTS[name]],
    rank: name === 'p50' ? 4 : 2,
  };
}

/** When the oldest waiting task was created, in milliseconds since 1970; null: nothing waits. */
export function oldestOf(queues: readonly Queue[]): number | null {
  let first: number | null = null;
  for (const { oldest } of queues) {
    for (const { oldestCreatedAt } of oldest) {
      if (oldestCreatedAt) first = Math.min(first ?? Number.POSITIVE_INFINITY, timestampMs(oldestCreatedAt));
    }
  }
  return first;
}

export function formatCount(count: number): string {
  return count.toLocaleString('en');
}
