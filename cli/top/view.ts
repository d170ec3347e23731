import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Queue } from '../../gen/contact/v1/admin_service_pb.ts';
import { formatSpan } from '../age.ts';
import { escapeLine } from '../escape.ts';
import { formatRate } from '../rate.ts';
import { countTasks, describeCounts } from '../task.ts';
import { fitWidth } from '../width.ts';
import { type Browse, type Kind, scrollTo } from './browse.ts';
import { CLIENT_COLUMNS, oldestOf, QUEUE_COLUMNS } from './columns.ts';
import { renderHelp } from './help.ts';
import type { Line, Size } from './line.ts';
import { namesOf, type Rows } from './rows.ts';
import { renderSection } from './section.ts';
import type { Snapshot } from './snapshot.ts';

/** What one drawing of the screen shows. */
export interface Frame {
  readonly snapshot: Snapshot;
  /** Settled tasks per second by queue; null: not known yet. */
  readonly rates: ReadonlyMap<string, number> | null;
  /** HOST:PORT. */
  readonly server: string;
  /** What is asked for. */
  readonly browse: Browse;
  /** It is printed once, as long and wide as it is, and no screen. */
  readonly isPrinted?: boolean;
  readonly rows: Rows;
  /** What is wrong, for the last line; null: nothing is. */
  readonly trouble: string | null;
}

/** Lines for each table, and where they begin. */
export interface Layout {
  readonly head: readonly Line[];
  readonly heights: Readonly<Record<Kind, number>>;
}

const MAX_WARNINGS = 3;
/** Two headings, two blank lines and the last line. */
const FRAME_ROWS = 5;
const HINT = 'q quit  ? help  arrows  Tab table  s sort  r reverse  / filter  Enter  Esc back';

/** How the screen is shared out. */
export function layOut(frame: Frame, size: Size): Layout {
  const { snapshot, rows, isPrinted } = frame;
  const head: Line[] = [
    { text: describeServer(frame), style: 'bold' },
    { text: describeTasks(frame) },
    { text: describeClients(snapshot) },
    ...describeWarnings(snapshot.queues, isPrinted ? Number.POSITIVE_INFINITY : MAX_WARNINGS),
  ];
  const left = isPrinted ? Number.POSITIVE_INFINITY : Math.max(0, size.rows - head.length - FRAME_ROWS);
  const queue = Math.min(rows.queue.length, Math.max(Math.floor(left / 2), left - rows.client.length));
  return { head, heights: { queue, client: Math.min(rows.client.length, left - queue) } };
}

/** A whole screen, or what is printed once. */
export function renderTop(frame: Frame, size: Size): Line[] {
  const { snapshot, rates, browse, rows, isPrinted = false } = frame;
  const { head, heights } = layOut(frame, size);
  const moment = { now: snapshot.at, rates };
  const { looks, focus, only } = browse;
  const offsets = { queue: offsetOf('queue'), client: offsetOf('client') };
  const cut = <Item>(kind: Kind, items: readonly Item[]): readonly Item[] =>
    items.slice(offsets[kind], offsets[kind] + heights[kind]);
  const common = (kind: Kind) => ({
    moment,
    isFocused: !isPrinted && focus === kind,
    sort: looks[kind].sort,
    isReversed: looks[kind].isReversed,
    width: size.columns,
  });
  const queues = cut('queue', rows.queue);
  const clients = cut('client', rows.client);
  const tables: Line[] = [
    { text: '' },
    ...renderSection({
      ...common('queue'),
      columns: QUEUE_COLUMNS,
      items: queues,
      title: describeShown('queue', snapshot.queues.length),
      isMarked: ({ paused, unroutable }) => paused || unroutable > 0,
      isAt: ({ name }) => name === looks.queue.at && focus === 'queue',
    }),
    { text: '' },
    ...renderSection({
      ...common('client'),
      columns: CLIENT_COLUMNS,
      items: clients,
      title: describeShown('client', snapshot.clients.length),
      isMarked: () => false,
      isAt: ({ id }) => id === looks.client.at && focus === 'client',
    }),
  ];
  const lines = [...head, ...(browse.isHelp ? renderHelp() : tables)];
  return (isPrinted ? lines : [...fill(lines, size.rows - 1), describeFooter(frame.trouble, browse)]).map(
    ({ text, ...style }) => ({ text: fitWidth(escapeLine(text), size.columns), ...style }),
  );

  function offsetOf(kind: Kind): number {
    return isPrinted ? 0 : scrollTo(looks[kind], { names: namesOf(rows, kind), height: heights[kind] });
  }

  /** `queue (8-14 of 41, /mail)` */
  function describeShown(kind: Kind, total: number): string {
    const { filter } = looks[kind];
    const [found, first, height] = [rows[kind].length, offsets[kind], heights[kind]];
    const parts = [
      ...(height < found
        ? [`${first + 1}-${first + height} of ${found}`]
        : found < total
          ? [`${found} of ${total}`]
          : []),
      ...(only && only.kind !== kind ? [`of ${only.name}`] : []),
      ...(filter === '' ? [] : [`/${filter}`]),
    ];
    return parts.length === 0 ? kind : `${kind} (${parts.join(', ')})`;
  }
}

function describeFooter(trouble: string | null, { isTyping, isHelp, looks, focus }: Browse): Line {
  if (isTyping) return { text: `/${looks[focus].filter}_  Enter keep  Esc all`, style: 'bold' };
  if (trouble !== null) return { text: trouble, style: 'red' };
  return { text: isHelp ? 'any key: back' : HINT, style: 'dim' };
}
/** These lines, cut or filled up to exactly so many. */
function fill(lines: readonly Line[], rows: number): Line[] {
  return Array.from({ length: rows }, (_, row) => lines[row] ?? { text: '' });
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

function sum<T>(items: readonly T[], countOf: (item: T) => number): number {
  return items.reduce((total, item) => total + countOf(item), 0);
}
