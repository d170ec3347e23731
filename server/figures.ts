import type { Clock } from '../shared/clock.ts';
import { readDescriptorLimit } from './config/descriptors.ts';
import type { TaskQueue } from './dispatch/queue.ts';
import type { EventCounts, Figures, LimitUse } from './model/figures.ts';
import type { Registry } from './session/registry.ts';
import type { Store } from './store/store.ts';
import type { TlsIdentity } from './tls/identity.ts';
import type { ConnectionLimits } from './transport/connection_limits.ts';

/** Parts of a server that have a number to tell. */
export interface FigureSources {
  readonly counts: EventCounts;
  readonly registry: Pick<Registry, 'measure'>;
  readonly results: Pick<TaskQueue['results'], 'newest' | 'lags'>;
  readonly connections: { readonly size: number; readonly admitted: number; readonly limits: ConnectionLimits };
  readonly openCalls: { readonly size: number };
  readonly front: { readonly size: number };
  /** Undefined: gRPC is all that is spoken. */
  readonly web: { readonly size: number } | undefined;
  /** Undefined: the server speaks no TLS. */
  readonly tls: { readonly identity: Pick<TlsIdentity, 'expiresAt' | 'examine'> } | undefined;
  readonly store: Pick<Store, 'usage'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly limits: {
    readonly maxOpenCalls: number;
    readonly unreceiptedBudgetBytes: number;
  };
}

/** Reads what a server is like now. As cheap as its sessions are many. */
export function readFigures(sources: FigureSources): Figures {
  const { counts, registry, results, limits } = sources;
  const sessions = registry.measure();
  const openCalls = sources.openCalls.size + (sources.web?.size ?? 0);
  const openReverseCalls = sources.front.size;
  const { size: connections, admitted, limits: places } = sources.connections;
  const used: readonly LimitUse[] = [
    { name: 'connections', used: connections, max: places.maxConnections },
    { name: 'admitted_connections', used: admitted, max: places.maxConnections - places.reserved },
    { name: 'open_calls', used: openCalls, max: limits.maxOpenCalls },
    { name: 'open_reverse_calls', used: openReverseCalls, max: limits.maxOpenCalls },
    { name: 'unreceipted_bytes', used: sessions.unreceiptedBytes, max: limits.unreceiptedBudgetBytes },
    ...sources.store.usage(),
  ];
  return {
    ...counts,
    ...sessions,
    connections,
    admittedConnections: admitted,
    openCalls,
    openReverseCalls,
    position: results.newest,
    lags: results.lags(),
    limits: used,
    certificateExpiresAt: sources.tls?.identity.expiresAt,
    fileProblems: sources.tls?.identity.examine(sources.clock.now()) ?? [],
    maxFiles: readDescriptorLimit(),
  };
}
