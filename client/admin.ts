import {
  type Act,
  AdminService,
  type ClientInfo,
  type DescribeClientResponse,
  type GetServerInfoResponse,
  type ListActsResponse,
  type ListClientsResponse,
  type ListFailuresResponse,
} from '../gen/contact/v1/admin_service_pb.ts';
import type { Task } from '../gen/contact/v1/task_pb.ts';
import {
  type CancelTasksResponse,
  type DeleteTasksResponse,
  type ListTasksResponse,
  type RetryTasksResponse,
  TaskService,
  type WatchTaskResponse,
} from '../gen/contact/v1/task_service_pb.ts';
import { Health, HealthCheckResponse_ServingStatus } from '../gen/grpc/health/v1/health_pb.ts';
import { ContactError } from '../shared/errors.ts';
import { type ActsQuery, buildActsRequest } from './acts.ts';
import { createAsking } from './asking.ts';
import { type BackupOptions, readBackup } from './backup.ts';
import * as check from './check.ts';
import { createConnection } from './connection.ts';
import { buildFailuresRequest, type FailuresOptions } from './failures.ts';
import { buildFilter, newerConditions, type TaskQuery } from './filter.ts';
import { CONNECTION_RULES, type ConnectionOptions, checkObject } from './options.ts';
import { PAGE_RULES, type PageOptions, readPages } from './pages.ts';
import { createQueueAdmin, type QueueAdmin } from './queues.ts';
import { selectTasks, type TaskSelection } from './selection.ts';
import type { TaskCounts } from './state.ts';
import type { UnaryOptions } from './unary.ts';
import { readTask } from './watch.ts';

/** What `createAdmin()` takes. */
export interface AdminOptions extends ConnectionOptions {
  /** Milliseconds for each call; default 10,000. */
  readonly deadlineMs?: number;
  /**
   * Milliseconds for which a read, and an act that may well be done twice (pause, resume, limits, drain), is tried
   * again while the server is out of reach; default 0: it rejects at once. What cancels, redrives, deletes, purges or
   * disconnects goes once, since a second answer would not tell what the first one did.
   */
  readonly patienceMs?: number;
}

/**
 * What an operator asks and orders. Every call rejects with a ContactError: UNAVAILABLE while the server is out of
 * reach, DEADLINE_EXCEEDED when it does not answer in time, INVALID_ARGUMENT naming what is wrong.
 */
export interface Admin extends QueueAdmin, AsyncDisposable {
  /**
   * One task with its payload and result, what it waits for, its attempts with their errors and logs, and who did what to it.
   * @throws ContactError NOT_FOUND: there is none of this id
   * @example
   * const { state, waitingFor, attempts } = await admin.describeTask(id);
   * console.log(state === TaskState.READY, waitingFor, attempts.at(-1)?.error?.message);
   */
  describeTask(id: string): Promise<Task>;
  /** A page of tasks, newest first; `withPayload`: with payloads and results, which are left out by default. */
  listTasks(filter?: TaskQuery, options?: PageOptions & { readonly withPayload?: boolean }): Promise<ListTasksResponse>;
  /**
   * The tasks of every page, one at a time, the newest first.
   * @throws ContactError as all of these
   * @example
   * for await (const { id, queue } of admin.listAllTasks({ states: ['running'], runningForMs: 300_000 })) console.log(id, queue);
   */
  listAllTasks(
    filter?: TaskQuery,
    options?: { readonly pageSize?: number; readonly withPayload?: boolean },
  ): AsyncGenerator<Task, void, undefined>;
  /**
   * How many tasks a filter finds, by state: what an act with the same filter would find.
   * @throws ContactError as all of these
   * @example
   * const { failed } = await admin.countTasks({ queues: ['mails'], settledAfter: new Date(Date.now() - 3_600_000) });
   */
  countTasks(filter?: TaskQuery): Promise<TaskCounts>;
  /**
   * Cancels tasks that wait at once, and asks the workers of those that run to end; `reason` is told to them.
   * @throws ContactError as all of these
   * @example
   * const { total } = await admin.cancelTasks({ filter: { queues: ['mails'], states: ['ready'] } }, 'sent twice');
   */
  cancelTasks(selection: TaskSelection, reason?: string): Promise<CancelTasksResponse>;
  /**
   * Redrives failed tasks: they are ready again, with all their attempts before them.
   * @throws ContactError as all of these
   * @example
   * await admin.retryTasks({ filter: { queues: ['mails'], errorCodes: ['ECONNREFUSED'] } });
   */
  retryTasks(selection: TaskSelection): Promise<RetryTasksResponse>;
  /**
   * Forgets settled tasks and their results: of these ids, at most 1,000, or all that a filter finds.
   * @throws ContactError as all of these
   * @example
   * await admin.deleteTasks({ filter: { queues: ['mails'], states: ['cancelled'] } });
   */
  deleteTasks(selection: readonly string[] | TaskSelection): Promise<DeleteTasksResponse>;
  /**
   * One task, live, until it is settled or the signal ends it: itself with each change, its start, its newest progress and what
   * its worker logs.
   * @throws ContactError NOT_FOUND; UNAVAILABLE when the connection breaks: watch it again
   * @example
   * for await (const { event } of admin.watchTask(id)) {
   *   if (event.case === 'progress') console.log(event.value.fraction);
   *   if (event.case === 'log') console.log(event.value.line?.text);
   * }
   */
  watchTask(
    id: string,
    options?: { readonly signal?: AbortSignal },
  ): AsyncGenerator<WatchTaskResponse, void, undefined>;
  /**
   * What failed of the tasks that are kept, in groups of failures that are alike, the most first.
   * @throws ContactError as all of these
   * @example
   * const { groups } = await admin.listFailures({ since: new Date(Date.now() - 3_600_000), by: 'error' });
   * for (const { count, newest } of groups) console.log(count, newest?.code, newest?.message);
   */
  listFailures(options?: FailuresOptions): Promise<ListFailuresResponse>;
  /** A page of what operators have ordered, and programs in their name, the newest first: who did what. */
  listActs(query?: ActsQuery, options?: PageOptions): Promise<ListActsResponse>;
  /** The acts of every page, one at a time. */
  listAllActs(query?: ActsQuery, options?: { readonly pageSize?: number }): AsyncGenerator<Act, void, undefined>;
  /** A page of clients by id: those that are connected and, unless `connectedOnly`, named ones that are away. */
  listClients(options?: PageOptions & { readonly connectedOnly?: boolean }): Promise<ListClientsResponse>;
  /** The clients of every page, one at a time. */
  listAllClients(options?: {
    readonly pageSize?: number;
    readonly connectedOnly?: boolean;
  }): AsyncGenerator<ClientInfo, void, undefined>;
  /** One client, with its sessions and what they hold, and the methods that it serves. NOT_FOUND: no such client. */
  describeClient(clientId: string): Promise<DescribeClientResponse>;
  /** Gives the client nothing new, also after it has come back, until `resumeClient()`. NOT_FOUND: no such client. */
  drainClient(clientId: string): Promise<void>;
  /** Ends a drain. NOT_FOUND: no such client. */
  resumeClient(clientId: string): Promise<void>;
  /** Closes the sessions of the client, which may come back; answers how many sessions that were. */
  disconnectClient(clientId: string): Promise<number>;
  /** Forgets a client that is away. FAILED_PRECONDITION: it is connected, may come back to tasks, or a join's credential has its id. */
  forgetClient(clientId: string): Promise<void>;
  /**
   * A copy of all that the server has stored, as of now, in pieces: to be written one after the other, and to be thrown
   * away unless the last one was followed by the end.
   * @throws ContactError PERMISSION_DENIED: the caller has not all queues; FAILED_PRECONDITION: the store is in memory;
   *   RESOURCE_EXHAUSTED: not now, for want of disk or another backup
   * @example
   * await pipeline(admin.backUp(), createWriteStream('contact.backup'));
   */
  backUp(options?: BackupOptions): AsyncGenerator<Uint8Array, void, undefined>;
  /** Version, limits and counts of the server. */
  serverInfo(options?: UnaryOptions): Promise<GetServerInfoResponse>;
  /**
   * Whether the server serves, by the health checking protocol of gRPC: false while it starts, goes, or refuses new tasks,
   * for want of disk say. `service`, such as `contact.v1.TaskService`, may be one that clients serve: false while none
   * does. Default: the server as a whole. NOT_FOUND: there is no such service. Asked once, whatever `patienceMs` is.
   */
  checkHealth(service?: string, options?: UnaryOptions): Promise<boolean>;
  /** Lets go of the connection; calls under way go on to their end. */
  close(): Promise<void>;
}

const ADMIN_RULES: Readonly<Record<keyof AdminOptions, check.Check>> = Object.freeze({
  ...CONNECTION_RULES,
  deadlineMs: check.waitMs,
  patienceMs: check.waitMs,
});
const TASK_PAGE_RULES = Object.freeze({ ...PAGE_RULES, withPayload: check.flag });
const CLIENT_PAGE_RULES = Object.freeze({ ...PAGE_RULES, connectedOnly: check.flag });
/**
 * An operator over a connection of its own.
 * @throws ContactError INVALID_ARGUMENT naming the option that is wrong
 * @example
 * const admin = createAdmin({ server: '127.0.0.1:50051' });
 * for await (const { id } of admin.listAllTasks({ queues: ['mails'], states: ['failed'] })) console.log(id);
 * await admin.retryTasks({ filter: { queues: ['mails'], states: ['failed'] } });
 * await admin.close();
 */
export function createAdmin(options: AdminOptions): Admin {
  checkObject(options, ADMIN_RULES);
  const connection = createConnection(options);
  const asking = createAsking(connection, options);
  const { call, persist } = asking;
  const tasks = TaskService.method;
  const operator = AdminService.method;

  async function listTasks(
    filter: TaskQuery = {},
    page: PageOptions & { readonly withPayload?: boolean } = {},
  ): Promise<ListTasksResponse> {
    check.checkFields(page, TASK_PAGE_RULES);
    const built = buildFilter(filter);
    await checkKnown(filter);
    return persist(tasks.listTasks, { ...page, filter: built });
  }

  async function countTasks(filter: TaskQuery = {}): Promise<TaskCounts> {
    const {
      $typeName: _,
      $unknown: _unknown,
      ...counts
    } = await persist(tasks.countTasks, {
      filter: buildFilter(filter),
    });
    const entries = Object.entries(counts).map(([state, count]) => [state, Number(count)]);
    return Object.fromEntries(entries) as TaskCounts;
  }

  /** A server that does not know a condition would act as if there were none, on more tasks than were meant. */
  async function checkKnown(filter: TaskQuery): Promise<void> {
    const [newer] = newerConditions(filter);
    if (newer === undefined) return;
    try {
      // Of a single queue the server has the counts at hand.
      await persist(tasks.countTasks, { filter: { queues: ['-'] } });
    } catch (error) {
      if (!(error instanceof ContactError) || error.code !== 'UNIMPLEMENTED') throw error;
      throw new ContactError('FAILED_PRECONDITION', 'the server is older than this condition', { field: newer });
    }
  }

  async function select(selection: TaskSelection): Promise<ReturnType<typeof selectTasks>> {
    const selected = selectTasks(selection);
    if ('filter' in selection) await checkKnown(selection.filter);
    return selected;
  }

  async function listActs(query: ActsQuery = {}, page: PageOptions = {}): Promise<ListActsResponse> {
    return persist(operator.listActs, buildActsRequest(query, page));
  }

  async function listClients(
    page: PageOptions & { readonly connectedOnly?: boolean } = {},
  ): Promise<ListClientsResponse> {
    check.checkFields(page, CLIENT_PAGE_RULES);
    return persist(operator.listClients, page);
  }

  return {
    async describeTask(id) {
      check.checkValue('id', id, check.text);
      const { task } = await persist(tasks.describeTask, { id });
      if (!task) throw new ContactError('NOT_FOUND', `no task ${JSON.stringify(id)}`, { field: 'id' });
      return task;
    },
    listTasks,
    listAllTasks: (filter, given) =>
      readPages(
        given,
        (page) => listTasks(filter, page),
        (answer) => answer.tasks,
      ),
    countTasks,
    async cancelTasks(selection, reason = '') {
      check.checkValue('reason', reason, check.string);
      return call(tasks.cancelTasks, { ...(await select(selection)), reason });
    },
    retryTasks: async (selection) => call(tasks.retryTasks, await select(selection)),
    deleteTasks: async (given) => call(tasks.deleteTasks, await select(isList(given) ? { ids: given } : given)),
    watchTask: (id, given = {}) => readTask(connection, id, given),
    listActs,
    listAllActs: (query, given) =>
      readPages(
        given,
        (page) => listActs(query, page),
        (answer) => answer.acts,
      ),
    listFailures: async (given = {}) => persist(operator.listFailures, buildFailuresRequest(given)),
    ...createQueueAdmin(asking),
    listClients,
    listAllClients: (given) => readPages(given, listClients, (answer) => answer.clients),
    describeClient: async (clientId) => persist(operator.describeClient, clientNamed(clientId)),
    drainClient: async (clientId) => void (await persist(operator.drainClient, clientNamed(clientId))),
    resumeClient: async (clientId) => void (await persist(operator.resumeClient, clientNamed(clientId))),
    disconnectClient: async (clientId) => (await call(operator.disconnectClient, clientNamed(clientId))).sessions,
    forgetClient: async (clientId) => void (await call(operator.forgetClient, clientNamed(clientId))),
    backUp: (given = {}) => readBackup(connection, given),
    serverInfo: (unary) => call(operator.getServerInfo, {}, unary),
    async checkHealth(service = '', unary) {
      check.checkValue('service', service, check.string);
      const { status } = await call(Health.method.check, { service }, unary);
      return status === HealthCheckResponse_ServingStatus.SERVING;
    },
    close: async () => connection.close(),
    [Symbol.asyncDispose]: async () => connection.close(),
  };
}

function isList(given: readonly string[] | TaskSelection): given is readonly string[] {
  return Array.isArray(given);
}

function clientNamed(clientId: string): { clientId: string } {
  check.checkValue('clientId', clientId, check.name);
  return { clientId };
}
