import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { AdminService } from '../../gen/index.ts';
import type { Handlers } from '../../shared/grpc.ts';
import type { Registry } from '../session/registry.ts';
import type { StoreCapabilities } from '../store/store.ts';
import type { CallEnds } from './call.ts';
import type { Agreement } from './events.ts';
import { REVISION } from './registration.ts';
import { unimplemented } from './task_service.ts';

export interface AdminHandlersOptions {
  readonly registry: Registry;
  readonly ends: CallEnds;
  readonly agreement: Agreement;
  readonly version: string;
  readonly node: string;
  readonly startedAt: number;
  readonly store: StoreCapabilities;
}

/** AdminService. What is not there yet says so. */
export function createAdminHandlers(options: AdminHandlersOptions): Handlers<typeof AdminService> {
  const { registry, ends, agreement, version, node, startedAt, store } = options;
  const later = <I, O>(method: string): ReturnType<typeof ends.unary<I, O>> =>
    ends.unary<I, O>(() => Promise.reject(unimplemented(method)));

  return {
    listQueues: later('ListQueues'),
    pauseQueue: later('PauseQueue'),
    resumeQueue: later('ResumeQueue'),
    setQueueLimits: later('SetQueueLimits'),
    purgeQueue: later('PurgeQueue'),
    listClients: later('ListClients'),
    drainClient: later('DrainClient'),
    resumeClient: later('ResumeClient'),
    disconnectClient: later('DisconnectClient'),
    getServerInfo: ends.unary(async () => ({
      version,
      node,
      revision: REVISION,
      startedAt: timestampFromMs(startedAt),
      store: store.kind,
      limits: agreement.limits,
      intervals: { pingIntervalMs: agreement.pingIntervalMs, resumeWindowMs: agreement.resumeWindowMs },
      sessions: registry.sessions.size,
    })),
  };
}
