import { styleText } from 'node:util';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { ClientInfo, Queue } from '../../gen/contact/v1/admin_service_pb.ts';
import { formatAge, formatSpan } from '../age.ts';
import { describeCalls, describeLabels, describeQueues, describeServices, describeSession } from '../client.ts';
import { escapeLine, shorten } from '../escape.ts';
import { describeRuns, RUN_COLUMNS } from '../runs.ts';
import { layOutTable } from '../table.ts';
import { countTasks, describeCounts } from '../task.ts';
import type { Snapshot } from './snapshot.ts';

/** What one drawing of the screen shows. */
export interface Frame {
  readonly snapshot: Snapshot;
  /** Settled tasks per second by queue; null: not known yet. */
  readonly rates: ReadonlyMap<string, number> | null;
  /** HOST:PORT. */
  readonly server: string;
  /** The last line: what is wrong, or what can be done. */
  readonly footer: Line | null;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** One line of a screen, free of control characters and no wider than the screen. */
export interface Line {
  readonly text: string;
  readonly style?: 'bold' | 'dim' | 'yellow' | 'red';
}

const QUEUE_COLUMNS = ['waiting#', 'scheduled#', 'running#', 'failed#', 'workers#', 'settled/s#', 'oldest', ''];
const CLIENT_COLUMNS = [
  'running#',
  'credit#',
  'calls#',
  'state',
  'since',
  'receipt',
  ...RUN_COLUMNS,
  'queues',
  'serves',
  'labels',
  'status',
];
const MAX_NAME = 40;
const MAX_WARNINGS = 3;

/** The busiest queues and clients first. With a footer: a whole screen; without: as many lines as there are. */
export function renderTop(frame: Frame, { columns, rows }: Size): Line[] {
  const { snapshot, rates, footer } = frame;
  const queues = snapshot.queues.toSorted((a, b) => loadOf(b) - loadOf(a) || compare(a.name, b.name));
  const clients = snapshot.clients.toSorted(compareClients);
  const head: Line[] = [
    { text: describeServer(frame), style: 'bold' },
    { text: describeTasks(frame) },
    { text: describeClients(snapshot) },
    ...describeWarnings(queues, footer ? MAX_WARNINGS : Number.POSITIVE_INFINITY),
  ];
  // Less two headings, two blank lines and the footer.
  const leftRows = footer ? Math.max(0, rows - head.length - 5) : Number.POSITIVE_INFINITY;
  const shownQueues = queues.slice(0, Math.max(Math.floor(leftRows / 2), leftRows - clients.length));
  const shownClients = clients.slice(0, leftRows - shownQueues.length);
  const body: Line[] = [
    { text: '' },
    ...renderSection(
      [describeShown('queue', shownQueues.length, queues.length), ...QUEUE_COLUMNS],
      shownQueues.map((queue) => queueToRow(queue, snapshot.at, rates)),
      shownQueues.map((queue) => queue.paused || queue.unroutable > 0),
    ),
    { text: '' },
    ...renderSection(
      [describeShown('client', shownClients.length, clients.length), ...CLIENT_COLUMNS],
      shownClients.map((client) => clientToRow(client, snapshot.at)),
      shownClients.map(() => false),
    ),
  ];
  const lines = [...head, ...body];
  return (footer ? [...fill(lines, rows - 1), footer] : lines).map(({ text, ...style }) => ({
    text: shorten(escapeLine(text), columns),
    ...style,
  }));
}

/** These lines, cut or filled up to exactly so many. */
function fill(lines: readonly Line[], rows: number): Line[] {
  return Array.from({ length: rows }, (_, row) => lines[row] ?? { text: '' });
}

/** A line as a terminal takes it; without colours when NO_COLOR is set. */
export function styleLine({ text, style }: Line): string {
  return style ? styleText(style, text) : text;
}

function renderSection(headings: string[], rows: string[][], isMarked: readonly boolean[]): Line[] {
  const [heading = '', ...lines] = layOutTable(headings, rows);
  return [
    { text: heading, style: 'dim' },
    ...lines.map((text, place): Line => (isMarked[place] ? { text, style: 'yellow' } : { text })),
  ];
}

function describeServer({ snapshot: { info, at }, server }: Frame): string {
  const up = info.startedAt ? `up ${formatSpan(at - timestampMs(info.startedAt))}` : '';
  return [`contact ${info.version}`, server, info.node, info.store, up, new Date(at).toISOString().replace(/\.\d+/, '')]
    .filter(Boolean)
    .join('  ');
}

function describeTasks({ snapshot: { queues, at }, rates }: Frame): string {
  const counts = describeCounts({
    waiting: sum(queues, ({ ready }) => ready),
    scheduled: sum(queues, ({ scheduled }) => scheduled),
    running: sum(queues, ({ running }) => running),
    failed: sum(queues, ({ failed }) => failed),
  });
  const oldest = oldestOf(queues);
  const rate = rates && [...rates.values()].reduce((total, one) => total + one, 0);
  const parts = [
    counts || 'none',
    oldest === null ? '' : `oldest ${formatSpan(at - oldest)}`,
    rate === null ? '' : `${formatRate(rate)} settled/s`,
  ];
  return `tasks:   ${parts.filter(Boolean).join(', ')}`;
}

function describeClients({ clients, isCut }: Snapshot): string {
  const connected = clients.filter((client) => client.connected).length;
  const draining = clients.filter((client) => client.draining).length;
  const counts = describeCounts({ connected, away: clients.length - connected, draining });
  return `clients: ${counts || 'none'}${isCut ? ' (there are more, of clients or queues, than are counted here)' : ''}`;
}

/** A line for each queue whose tasks wait for clients that are not there, `most` of them at most. */
function describeWarnings(queues: readonly Queue[], most: number): Line[] {
  const stuck = queues.filter(({ unroutable }) => unroutable > 0).toSorted((a, b) => b.unroutable - a.unroutable);
  const lines = stuck.slice(0, most).map(
    ({ name, unroutable, workers }): Line => ({
      text:
        workers === 0
          ? `! ${name}: ${countTasks(unroutable)} waiting, but no client that is connected serves the queue`
          : `! ${name}: ${countTasks(unroutable)} waiting for clients that are not connected`,
      style: 'yellow',
    }),
  );
  const rest = stuck.length - lines.length;
  return rest > 0 ? [...lines, { text: `! and ${rest} more`, style: 'yellow' }] : lines;
}

function queueToRow(queue: Queue, now: number, rates: Frame['rates']): string[] {
  const { name, ready, scheduled, running, failed, workers, unroutable, paused } = queue;
  const oldest = oldestOf([queue]);
  const rate = rates?.get(name);
  return [
    shorten(name, MAX_NAME),
    ...[ready, scheduled, running, failed, workers].map(formatCount),
    rate === undefined ? '' : formatRate(rate),
    oldest === null ? '' : formatSpan(now - oldest),
    [paused ? 'paused' : '', unroutable > 0 ? `${formatCount(unroutable)} unroutable` : ''].filter(Boolean).join(', '),
  ];
}

function clientToRow(client: ClientInfo, now: number): string[] {
  const { id, connected, running, maxInFlight, connectedAt, lastSeenAt, lastReceiptAt, status } = client;
  return [
    shorten(id, MAX_NAME),
    connected ? formatCount(running) : '',
    connected ? formatCount(maxInFlight) : '',
    describeCalls(client),
    describeSession(client),
    formatAge(connected ? connectedAt : lastSeenAt, now),
    formatAge(lastReceiptAt, now),
    ...describeRuns(client, now),
    describeQueues(client),
    describeServices(client),
    describeLabels(client),
    status,
  ];
}

function describeShown(what: string, shown: number, total: number): string {
  return shown === total ? what : `${what} (${shown} of ${total})`;
}

/** Connected ones first, then those with more to do, then by id. */
function compareClients(a: ClientInfo, b: ClientInfo): number {
  return Number(b.connected) - Number(a.connected) || b.running - a.running || compare(a.id, b.id);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function loadOf({ ready, running }: Queue): number {
  return ready + running;
}

/** When the oldest waiting task was created, in milliseconds since 1970; null: nothing waits. */
function oldestOf(queues: readonly Queue[]): number | null {
  const instants = queues.flatMap(({ oldest }) =>
    oldest.flatMap(({ oldestCreatedAt }) => (oldestCreatedAt ? [timestampMs(oldestCreatedAt)] : [])),
  );
  return instants.length === 0 ? null : instants.reduce((a, b) => Math.min(a, b));
}

function sum<T>(items: readonly T[], countOf: (item: T) => number): number {
  return items.reduce((total, item) => total + countOf(item), 0);
}

function formatCount(count: number): string {
  return count.toLocaleString('en');
}

function formatRate(rate: number): string {
  return rate > 0 && rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en');
}
