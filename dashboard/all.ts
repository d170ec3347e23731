import { listClients, listCredentials, listQueues, MAX_PAGE, type PageQuery } from './api.ts';
import { RequestError } from './request.ts';
import type { Client, Credential, Page, Queue } from './shapes.ts';

/** As many queues and clients are looked at, as `contact top` does. */
const MAX_ITEMS = 10_000;

/** All of a list, as far as is looked at. */
export interface Listed<T> {
  readonly items: readonly T[];
  /** There are more than were looked at. */
  readonly isCut: boolean;
}

type ReadPage<T> = (query: PageQuery, signal: AbortSignal) => Promise<Page<T>>;

async function readAll<T>(readPage: ReadPage<T>, signal: AbortSignal): Promise<Listed<T>> {
  const items: T[] = [];
  let page: string | undefined;
  do {
    const part: Page<T> = await readPage({ limit: MAX_PAGE, ...(page && { page }) }, signal);
    items.push(...part.items);
    page = part.nextPage;
  } while (page && items.length < MAX_ITEMS);
  return { items, isCut: page !== undefined };
}

export const readQueues = (signal: AbortSignal): Promise<Listed<Queue>> => readAll(listQueues, signal);
export const readClients = (signal: AbortSignal): Promise<Listed<Client>> => readAll(listClients, signal);
export const readCredentials = (signal: AbortSignal): Promise<Listed<Credential>> => readAll(listCredentials, signal);

/** The page that the queue was found on last, which is asked for first. */
let foundOn: { readonly name: string; readonly page: string } | undefined;

/** One queue, out of the list of all: nothing tells of one alone. */
export async function readQueue(name: string, signal: AbortSignal): Promise<Queue> {
  const find = async (page: string) => {
    const part = await listQueues({ limit: MAX_PAGE, ...(page && { page }) }, signal);
    const queue = part.items.find(({ queue: one }) => one === name);
    if (queue) foundOn = { name, page };
    return { queue, nextPage: part.nextPage };
  };
  if (foundOn?.name === name) {
    const { queue } = await find(foundOn.page);
    if (queue) return queue;
  }
  for (let page: string | undefined = ''; page !== undefined; ) {
    const { queue, nextPage }: Awaited<ReturnType<typeof find>> = await find(page);
    if (queue) return queue;
    page = nextPage;
  }
  throw new RequestError('NOT_FOUND', `There is no queue ${name}: it has no task, no worker and no settings.`);
}
