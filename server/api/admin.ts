import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { AdminService, QueueSchema, Retention as RetentionMessage } from '../../gen/index.ts';
import { invalid, invalidName } from '../../shared/errors.ts';
import { isName } from '../../shared/ids.ts';
import type { DeleteQueue } from '../dispatch/deletion.ts';
import type { Operations, QueueView } from '../dispatch/operations.ts';
import type { HistoryReader } from '../history/history.ts';
import { type Caller, nameCaller } from '../model/caller.ts';
import type { Retention } from '../model/retention.ts';
import type { ClientView } from '../session/clients.ts';
import type { Registry } from '../session/registry.ts';
import type { Store } from '../store/store.ts';
import { createListActs } from './acts.ts';
import { createBackUp } from './backup.ts';
import { asSeerOf, checkClient, findClient, viewFor, writeClient, writeSession } from './clients.ts';
import { createListFailures } from './failures.ts';
import type { Handlers } from './handler.ts';
import { createGetHistory } from './history.ts';
import { createPace } from './pace.ts';
import { cutPage } from './page.ts';
import { checkQueue } from './scope.ts';
import { createServerInfo, type ServerInfoOptions } from './serverinfo.ts';
import type { OpenExplainer } from './waiting.ts';

const MAX_PAGE = 500;
const DEFAULT_PAGE = 100;

/** 100 years of 365 days. */
const MAX_AGE_SECONDS = 36_500 * 86_400;

export interface AdminHandlersOptions extends ServerInfoOptions {
  readonly operations: Operations;
  readonly deleteQueue: DeleteQueue;
  readonly registry: Registry;
  readonly openExplainer: OpenExplainer;
  readonly history: HistoryReader;
  readonly store: Pick<Store, 'backUp' | 'listActs' | 'listFailures' | 'noteAct' | 'refusal' | 'space'>;
}

/** AdminService. */
export function createAdminHandlers(options: AdminHandlersOptions): Handlers<typeof AdminService> {
  const { operations, registry, openExplainer, store } = options;
  const { clients } = registry;
  const pace = createPace();

  /** A page of clients that the caller sees: no page tells how many others there are, or what they are called. */
  async function listFor(
    caller: Caller,
    after: string,
    limit: number,
    isConnectedOnly: boolean,
  ): Promise<ClientView[]> {
    const seen: ClientView[] = [];
    // Who sees few of many is not to have all of them sorted again for each of the few.
    const count = caller.clients.clients === 'all' ? limit : MAX_PAGE;
    for (let from: string | undefined = after; from !== undefined && seen.length < limit; ) {
      await pace();
      const page: readonly ClientView[] = await clients.list(from, count, isConnectedOnly);
      seen.push(...page.flatMap((view) => viewFor(view, caller) ?? []));
      from = page.length === count ? page.at(-1)!.clientId : undefined;
    }
    return seen.slice(0, limit);
  }

  function write(view: ClientView, caller: Caller): ReturnType<typeof writeClient> {
    return writeClient(view, clients.runsOf(view.clientId), asSeerOf(view.clientId, caller));
  }

  return {
    async listQueues({ pageSize, pageToken }, { caller }) {
      const limit = readPageSize(pageSize);
      const views = await operations.listQueues(pageToken, limit, caller.scope);
      const explainer = openExplainer(caller);
      const explained = await Promise.all(
        views.map(async (view) => [view, await explainer.explainQueue(view)] as const),
      );
      const { items, last, isCut } = cutPage(explained, ([view, waiting]) => ({
        ...writeQueue(view),
        ...(waiting && { waiting }),
      }));
      return { queues: items, nextPageToken: isCut || views.length === limit ? last![0].queue : '' };
    },

    async pauseQueue({ queue, create }, { caller }) {
      await operations.pauseQueue(readQueue(queue, caller), create, nameCaller(caller));
      return {};
    },

    async resumeQueue({ queue }, { caller }) {
      await operations.resumeQueue(readQueue(queue, caller), nameCaller(caller));
      return {};
    },

    async setQueueLimits({ queue, limits, create }, { caller }) {
      const { maxWaiting = 0, maxRunning = 0 } = limits ?? {};
      const wanted = { maxWaiting, maxRunning };
      await operations.setQueueLimits(readQueue(queue, caller), wanted, create, nameCaller(caller));
      return {};
    },

    async setQueueRetention({ queue, retention, create }, { caller }) {
      const own = readRetention(retention);
      await operations.setQueueRetention(readQueue(queue, caller), own, create, nameCaller(caller));
      return {};
    },

    async purgeQueue({ queue }, { caller }) {
      return { cancelled: await operations.purgeQueue(readQueue(queue, caller), nameCaller(caller)) };
    },

    async deleteQueue({ queue, withTasks, dryRun, max }, { caller, signal }) {
      const { isDeleted, ...outcome } = await options.deleteQueue({
        ...{ queue: readQueue(queue, caller), withTasks, max, by: nameCaller(caller) },
        isDryRun: dryRun,
        isAbandoned: () => signal.aborted,
      });
      return { ...outcome, deleted: isDeleted };
    },

    listActs: createListActs(store),

    listFailures: createListFailures(store),

    getHistory: createGetHistory(options.history),

    async listClients({ pageSize, pageToken, connectedOnly }, { caller }) {
      const limit = readPageSize(pageSize);
      const views = await listFor(caller, pageToken, limit, connectedOnly);
      const { items, last, isCut } = cutPage(views, (view) => write(view, caller));
      return { clients: items, nextPageToken: isCut || views.length === limit ? last!.clientId : '' };
    },

    async describeClient({ clientId }, { caller }) {
      const { view, sessions } = await findClient(clients, readName('client_id', clientId), caller);
      return {
        client: write(view, caller),
        sessions: sessions.map((session) => writeSession(session, asSeerOf(clientId, caller))),
        methods: view.served?.methods().map(({ method, callCount }) => ({ method, calls: callCount })) ?? [],
      };
    },

    async drainClient({ clientId }, { caller }) {
      await checkClient(clients, readName('client_id', clientId), caller);
      await clients.drain(clientId, nameCaller(caller));
      return {};
    },

    async resumeClient({ clientId }, { caller }) {
      await checkClient(clients, readName('client_id', clientId), caller);
      await clients.resume(clientId, nameCaller(caller));
      return {};
    },

    async disconnectClient({ clientId }, { caller }) {
      await checkClient(clients, readName('client_id', clientId), caller);
      const sessions = registry.disconnectClient(clientId);
      const act = { kind: 'client_disconnected', at: options.now(), by: nameCaller(caller), clientId } as const;
      if (sessions > 0) await store.noteAct({ ...act, count: sessions });
      return { sessions };
    },

    async forgetClient({ clientId }, { caller }) {
      await checkClient(clients, readName('client_id', clientId), caller);
      await clients.forget(clientId, nameCaller(caller));
      return {};
    },

    backUp: createBackUp(store, options.now),

    getServerInfo: createServerInfo(options),
  };
}

function readPageSize(pageSize: number): number {
  if (pageSize > MAX_PAGE) throw invalid('page_size', `at most ${MAX_PAGE}`);
  return pageSize || DEFAULT_PAGE;
}

function readName(field: string, name: string): string {
  if (!isName(name)) throw invalidName(field, name);
  return name;
}

function readQueue(name: string, caller: Caller): string {
  readName('queue', name);
  checkQueue(caller, name, 'queue');
  return name;
}

function readRetention(given: RetentionMessage | undefined): Retention | null {
  if (!given) return null;
  if (given.seconds > MAX_AGE_SECONDS) throw invalid('retention.seconds', `at most ${MAX_AGE_SECONDS}, 100 years`);
  return { maxAgeMs: given.seconds * 1_000, maxCount: given.max };
}

function writeQueue(view: QueueView): MessageInitShape<typeof QueueSchema> {
  const { queue, isPaused, ready, scheduled, running, settled, workers, unroutable, oldest } = view;
  return {
    name: queue,
    paused: isPaused,
    ready,
    scheduled,
    running,
    ...settled,
    workers,
    unroutable,
    oldest: oldest.map(({ priority, createdAt }) => ({ priority, oldestCreatedAt: timestampFromMs(createdAt) })),
    limits: { maxWaiting: view.maxWaiting, maxRunning: view.maxRunning },
    retention: { seconds: Math.ceil(view.retention.maxAgeMs / 1_000), max: view.retention.maxCount },
    ownRetention: view.hasOwnRetention,
  };
}
