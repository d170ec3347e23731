import { writeAddress } from '../shared/address.ts';
import type { TaskQueue } from './dispatch/queue.ts';
import { createHistory, type History, type HistoryOptions } from './history/history.ts';
import type { Metrics, MetricsSources } from './metrics/metrics.ts';
import type { readMetrics } from './options.ts';
import { joinObservers, type StoreObserver } from './store/observed.ts';

/** What counts what the store commits, for who looks after the server. */
export interface Watched {
  readonly history: History;
  /** Undefined: nobody asked for them. They are loaded when somebody does, so that a server without has nothing of them. */
  readonly metrics: Metrics | undefined;
  /** Both of them, to be told by the store. */
  readonly observer: StoreObserver;
}

/** @param address where metrics are told; undefined: nowhere */
export async function openWatched(
  address: ReturnType<typeof readMetrics>,
  { historyStepMs, ...options }: Omit<HistoryOptions, 'stepMs'> & { readonly historyStepMs: number },
): Promise<Watched> {
  const history = createHistory({ ...options, stepMs: historyStepMs });
  if (!address) return { history, metrics: undefined, observer: history.observer };
  const { createMetrics } = await import('./metrics/metrics.ts');
  const { host, port } = address;
  const metrics = createMetrics({ ...options, host, port });
  return { history, metrics, observer: joinObservers([history.observer, metrics.observer]) };
}

/** Answers where they are told, as HOST:PORT; undefined: nowhere. */
export async function startMetrics(
  metrics: Metrics | undefined,
  queue: TaskQueue,
  sources: Omit<MetricsSources, 'queues'>,
): Promise<string | undefined> {
  const { servedQueues: served, countReceivers: workers, operations } = queue;
  const place = await metrics?.start({ ...sources, queues: { served, workers, settings: operations.settings } });
  return place && writeAddress({ kind: 'port', ...place });
}
