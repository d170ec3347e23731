import type { ClientInfo, Queue } from '../../gen/contact/v1/admin_service_pb.ts';
import { describeLabels, describeSession } from '../client.ts';
import type { Browse, Kind, Look } from './browse.ts';
import { CLIENT_COLUMNS, type Column, type Moment, QUEUE_COLUMNS } from './columns.ts';
import type { Snapshot } from './snapshot.ts';

/** What is shown of both tables, in its order. */
export interface Rows {
  readonly queue: readonly Queue[];
  readonly client: readonly ClientInfo[];
}

/** The rows that somebody wants to see, sorted as asked for; without that the busiest first. */
export function arrange({ queues, clients }: Snapshot, { looks, only }: Browse, moment: Moment): Rows {
  const of = narrow(only, clients);
  return {
    queue: sort(
      queues.filter((queue) => of.queue(queue) && holds(looks.queue.filter, textsOfQueue(queue))),
      looks.queue,
      { columns: QUEUE_COLUMNS, nameOf: ({ name }) => name, compareLoad: compareQueues },
      moment,
    ),
    client: sort(
      clients.filter((client) => of.client(client) && holds(looks.client.filter, textsOfClient(client))),
      looks.client,
      { columns: CLIENT_COLUMNS, nameOf: ({ id }) => id, compareLoad: compareClients },
      moment,
    ),
  };
}

/** The names by which rows are marked. */
export function namesOf(rows: Rows, kind: Kind): string[] {
  return kind === 'queue' ? rows.queue.map(({ name }) => name) : rows.client.map(({ id }) => id);
}

interface Sorting<Item> {
  readonly columns: readonly Column<Item>[];
  nameOf(item: Item): string;
  compareLoad(a: Item, b: Item): number;
}

function sort<Item>(
  items: readonly Item[],
  { sort: by, isReversed }: Look,
  { columns, nameOf, compareLoad }: Sorting<Item>,
  moment: Moment,
): readonly Item[] {
  const weigh = columns.find((column) => column.sort?.[0] === by)?.sort?.[1];
  const compareNames = (a: Item, b: Item): number => compare(nameOf(a), nameOf(b));
  const order = weigh
    ? items
        .map((item) => ({ item, weight: weigh(item, moment) }))
        .sort((a, b) => (a.weight === b.weight ? compareNames(a.item, b.item) : b.weight - a.weight))
        .map(({ item }) => item)
    : items.toSorted((a, b) => (by === 'name' ? 0 : compareLoad(a, b)) || compareNames(a, b));
  return isReversed ? order.toReversed() : order;
}

/** A queue and the clients that serve it; a client and the queues that it serves. */
function narrow(
  only: Browse['only'],
  clients: readonly ClientInfo[],
): { queue(queue: Queue): boolean; client(client: ClientInfo): boolean } {
  if (!only) return { queue: () => true, client: () => true };
  const { kind, name } = only;
  if (kind === 'queue') {
    return { queue: (queue) => queue.name === name, client: ({ queues }) => queues.includes(name) };
  }
  const served = new Set(clients.find(({ id }) => id === name)?.queues);
  return { queue: (queue) => served.has(queue.name), client: ({ id }) => id === name };
}

function holds(filter: string, texts: readonly string[]): boolean {
  if (filter === '') return true;
  const wanted = filter.toLowerCase();
  return texts.some((text) => text.toLowerCase().includes(wanted));
}

function textsOfQueue({ name, paused, unroutable }: Queue): string[] {
  return [name, paused ? 'paused' : '', unroutable > 0 ? 'unroutable' : ''];
}

function textsOfClient(client: ClientInfo): string[] {
  const { id, queues, services, status } = client;
  return [id, describeSession(client), describeLabels(client), status, ...queues, ...services];
}

function compareQueues(a: Queue, b: Queue): number {
  return b.ready + b.running - (a.ready + a.running);
}

/** Connected ones first, then those with more to do. */
function compareClients(a: ClientInfo, b: ClientInfo): number {
  return Number(b.connected) - Number(a.connected) || b.running - a.running;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
