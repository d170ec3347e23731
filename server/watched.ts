import { writeAddress } from '../shared/address.ts';
import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/logger.ts';
import type { TaskQueue } from './dispatch/queue.ts';
import type { Metrics, MetricsSources } from './metrics/metrics.ts';
import type { readMetrics } from './options.ts';

/** Loaded when they are asked for, so that a server without metrics has nothing of them in memory. */
export async function openMetrics(
  address: ReturnType<typeof readMetrics>,
  clock: Clock,
  logger: Logger,
): Promise<Metrics | undefined> {
  if (!address) return undefined;
  const { createMetrics } = await import('./metrics/metrics.ts');
  const { host, port } = address;
  return createMetrics({ host, port, clock, logger });
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
