import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { AdminService, ClientInfoSchema, QueueSchema } from '../../gen/index.ts';
import { invalid, invalidName } from '../../shared/errors.ts';
import type { Handlers } from '../../shared/grpc.ts';
import { isName } from '../../shared/ids.ts';
import type { Agreement } from '../api/events.ts';
import { cutPage } from '../api/page.ts';
import { REVISION } from '../api/registration.ts';
import type { QueueView } from '../dispatch/operations.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import type { ClientView } from '../session/clients.ts';
import type { Registry } from '../session/registry.ts';
import type { CallEnds } from './call.ts';

const MAX_PAGE = 500;
const DEFAULT_PAGE = 100;

export interface AdminHandlersOptions {
  readonly queue: TaskQueue;
  readonly registry: Registry;
  readonly ends: CallEnds;
  readonly agreement: Agreement;
  readonly version: string;
  readonly node: string;
  readonly startedAt: number;
}

/** AdminService: decode, call, encode. */
export function createAdminHandlers(options: AdminHandlersOptions): Handlers<typeof AdminService> {
  const { queue, registry, ends, agreement, version, node, startedAt } = options;
  const { operations } = queue;
  const { clients } = registry;

  return {
    listQueues: ends.unary(async ({ pageSize, pageToken }) => {
      const limit = readPageSize(pageSize);
      const views = await operations.listQueues(pageToken, limit);
      const { items, last, isCut } = cutPage(views, writeQueue);
      return { queues: items, nextPageToken: isCut || views.length === limit ? last!.queue : '' };
    }),
    pauseQueue: ends.unary(async (request) => {
      await operations.pauseQueue(readName('queue', request.queue), request.create);
      return {};
    }),
    resumeQueue: ends.unary(async (request) => {
      await operations.resumeQueue(readName('queue', request.queue));
      return {};
    }),
    setQueueLimits: ends.unary(async (request) => {
      const { maxWaiting = 0, maxRunning = 0 } = request.limits ?? {};
      await operations.setQueueLimits(readName('queue', request.queue), { maxWaiting, maxRunning }, request.create);
      return {};
    }),
    purgeQueue: ends.unary(async (request) => ({
      cancelled: await operations.purgeQueue(readName('queue', request.queue)),
    })),
    listClients: ends.unary(async ({ pageSize, pageToken, connectedOnly }) => {
      const limit = readPageSize(pageSize);
      const views = await clients.list(pageToken, limit, connectedOnly);
      const { items, last, isCut } = cutPage(views, writeClient);
      return { clients: items, nextPageToken: isCut || views.length === limit ? last!.clientId : '' };
    }),
    drainClient: ends.unary(async ({ clientId }) => {
      await clients.drain(readName('client_id', clientId));
      return {};
    }),
    resumeClient: ends.unary(async ({ clientId }) => {
      await clients.resume(readName('client_id', clientId));
      return {};
    }),
    disconnectClient: ends.unary(async ({ clientId }) => ({
      sessions: registry.disconnectClient(readName('client_id', clientId)),
    })),
    getServerInfo: ends.unary(async () => ({
      version,
      node,
      revision: REVISION,
      startedAt: timestampFromMs(startedAt),
      store: queue.store.capabilities.kind,
      limits: agreement.limits,
      intervals: { pingIntervalMs: agreement.pingIntervalMs, resumeWindowMs: agreement.resumeWindowMs },
      sessions: registry.sessions.size,
    })),
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
  };
}

function writeClient(view: ClientView): MessageInitShape<typeof ClientInfoSchema> {
  const { clientId, isNamed, isConnected, isDraining, labels, queues, session, lastSeenAt } = view;
  return {
    id: clientId,
    ephemeral: !isNamed,
    connected: isConnected,
    draining: isDraining,
    labels,
    queues: [...queues],
    ...(lastSeenAt === null ? {} : { lastSeenAt: timestampFromMs(lastSeenAt) }),
    ...(session
      ? {
          maxInFlight: session.ledger.credit,
          running: session.ledger.size,
          connectedAt: timestampFromMs(session.options.connectedAt),
          ...(session.lastReceiptAt > 0 ? { lastReceiptAt: timestampFromMs(session.lastReceiptAt) } : {}),
          status: session.text,
          plain: session.status === null,
          agent: session.options.agent,
          peer: session.options.outlet.peer,
        }
      : {}),
  };
}
