import { ask, type Query, RequestError } from './request.ts';
import type {
  Act,
  Caller,
  Client,
  ClientDetail,
  Credential,
  Failures,
  History,
  Page,
  Queue,
  Server,
  Task,
  TaskCounts,
  TaskFilter,
} from './shapes.ts';

// The one file that knows the paths of the server's routes, and what they call what they are given.

/** What was done to tasks; `nextPage`: the filter has found more. */
export interface Done {
  readonly total: number;
  readonly nextPage?: string;
}

export type BulkAct = 'retry' | 'cancel' | 'delete';

/** Which part of a list. */
export interface PageQuery {
  readonly limit?: number;
  readonly page?: string;
}

/** Settled tasks as they settle: a stream of events. */
export const RESULTS = '/v1/results';

/** As many items as a page has at most. */
export const MAX_PAGE = 500;

const named = (name: string): string => encodeURIComponent(name);

const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
  ask<T>('GET', path, { ...(query && { query }), ...(signal && { signal }) });
const post = <T>(path: string, body: object = {}): Promise<T> => ask<T>('POST', path, { body });

async function list<T>(path: string, name: string, query: Query, signal?: AbortSignal): Promise<Page<T>> {
  const { [name]: items, next } = await get<Record<string, unknown>>(path, query, signal);
  return { items: items as readonly T[], ...(next !== undefined && { nextPage: next as string }) };
}

const asQuery = ({ queues, states, errorCodes, clients, ...rest }: TaskFilter) => ({
  queue: queues,
  state: states,
  error: errorCodes,
  client: clients,
  ...rest,
});

/** In a body the pairs of metadata are an object. */
function asBody(filter: TaskFilter): object {
  const { metadata, ...query } = asQuery(filter);
  const pairs = metadata?.map((pair): [string, string] => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return { ...query, ...(pairs && { metadata: Object.fromEntries(pairs) }) };
}

export const readCaller = (signal?: AbortSignal) => get<Caller>('/v1/whoami', {}, signal);
export const readServer = (signal?: AbortSignal) => get<Server>('/v1/server', {}, signal);

export const listQueues = (query: PageQuery, signal?: AbortSignal) =>
  list<Queue>('/v1/queues', 'queues', { ...query }, signal);
export const pauseQueue = (queue: string) => post(`/v1/queues/${named(queue)}/pause`);
export const resumeQueue = (queue: string) => post(`/v1/queues/${named(queue)}/resume`);
export const purgeQueue = (queue: string) => post<{ cancelled: number }>(`/v1/queues/${named(queue)}/purge`);
export const limitQueue = (queue: string, limits: { maxWaiting: number; maxRunning: number }) =>
  ask('PUT', `/v1/queues/${named(queue)}/limits`, { body: limits });

export const listTasks = (filter: TaskFilter, query: PageQuery, signal?: AbortSignal) =>
  list<Task>('/v1/tasks', 'tasks', { ...asQuery(filter), ...query }, signal);
export const countTasks = (filter: TaskFilter, signal?: AbortSignal) =>
  get<TaskCounts>('/v1/tasks/count', asQuery(filter), signal);
export const readTask = (id: string, signal?: AbortSignal) => get<Task>(`/v1/tasks/${named(id)}`, {}, signal);

/** Does something to the tasks that a filter finds, at most so many. */
export async function actOnFound(act: BulkAct, filter: TaskFilter, max: number, page?: string): Promise<Done> {
  const body = { ...asBody(filter), max, ...(page && { page }) };
  const { total, next } = await post<{ total: number; next?: string }>(`/v1/tasks/${act}`, body);
  return { total, ...(next !== undefined && { nextPage: next }) };
}

/** Does something to one task. Rejects where its state does not let it, or it is not there. */
export async function actOnTask(act: BulkAct, id: string): Promise<void> {
  const { tasks = [] } = await post<{ tasks?: { id: string; refused?: string }[] }>(`/v1/tasks/${act}`, { ids: [id] });
  const refused = tasks.find((task) => task.id === id)?.refused;
  if (refused !== undefined) throw new RequestError(refused, `The server refuses that: ${refused}`, 'id');
}

export const enqueue = (queue: string, task: object) =>
  post<{ id: string; deduplicated: boolean }>(`/v1/queues/${named(queue)}/tasks`, task);

export const listFailures = (
  query: { since?: string; queue?: readonly string[]; limit: number },
  signal?: AbortSignal,
) => get<Failures>('/v1/failures', query, signal);
export const listActs = (query: { queue?: readonly string[] } & PageQuery, signal?: AbortSignal) =>
  list<Act>('/v1/acts', 'acts', { ...query }, signal);

/** The last hour of a queue, or of all together; undefined: nobody counts that queue by itself. */
export async function readHistory(queue: string | undefined, stepMs: number, signal?: AbortSignal) {
  const query = queue === undefined ? { totalOnly: true, stepMs } : { queue, stepMs };
  const { total, queues } = await get<{ total?: History; queues: readonly History[] }>('/v1/history', query, signal);
  return queue === undefined ? total : queues[0];
}

export const listClients = (query: PageQuery, signal?: AbortSignal) =>
  list<Client>('/v1/clients', 'clients', { ...query }, signal);
export const readClient = (client: string, signal?: AbortSignal) =>
  get<ClientDetail>(`/v1/clients/${named(client)}`, {}, signal);
export const orderClient = (client: string, order: 'drain' | 'resume' | 'disconnect') =>
  post(`/v1/clients/${named(client)}/${order}`);

export const listCredentials = (query: PageQuery, signal?: AbortSignal) =>
  list<Credential>('/v1/credentials', 'credentials', { ...query }, signal);
export const revokeCredential = (id: string) => ask('DELETE', `/v1/credentials/${named(id)}`);
