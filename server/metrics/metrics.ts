import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Registry } from 'prom-client';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Figures } from '../model/figures.ts';
import type { StoreObserver } from '../store/observed.ts';
import type { QueueSettings } from '../store/queues.ts';
import type { Store } from '../store/store.ts';
import { FAMILIES } from './families.ts';
import type { QueueFigures, Scrape } from './family.ts';
import { createListener, type Page } from './listener.ts';
import { createQueueRows } from './rows.ts';
import { createTally } from './tally.ts';

/** Of the clock that measures how late the event loop is, in milliseconds. */
const LOOP_RESOLUTION_MS = 20;
/** Who asks again sooner is told the same, so that a flood of scrapes costs no more than ten of them a second. */
const FRESH_MS = 100;
const TEXT = 'text/plain; charset=utf-8';

/** What is read at a scrape. */
export interface MetricsSources {
  readonly version: string;
  figures(): Figures;
  readonly store: Pick<Store, 'countQueues' | 'space'>;
  /** The queues that somebody serves, or has set. */
  readonly queues: {
    readonly served: () => Iterable<string>;
    readonly settings: () => Iterable<QueueSettings>;
    readonly workers: (queue: string) => number;
  };
  /** Why the server is not ready; undefined: it is. */
  trouble(): string | undefined;
}

/** `/metrics`, `/livez` and `/readyz`. */
export interface Metrics {
  /** Counts what the store commits, from when it is opened. */
  readonly observer: StoreObserver;
  /** Listens; rejects as `net.Server.listen` does. */
  start(sources: MetricsSources): Promise<{ readonly host: string; readonly port: number }>;
  /** To be called when the server is gone: until then it says that it goes. */
  close(): Promise<void>;
}

export interface MetricsOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createMetrics({ host, port, clock, logger }: MetricsOptions): Metrics {
  const rows = createQueueRows();
  const { tally, observer } = createTally(rows, clock.now);
  const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  let sources: MetricsSources | undefined;
  let written: { readonly at: number; readonly page: Promise<Page> } | undefined;

  async function gather(from: MetricsSources): Promise<Scrape> {
    const counts = await from.store.countQueues();
    const served = [...from.queues.served()];
    const settings = [...from.queues.settings()];
    // Queues may be many: what is done for each is little, and nothing is made for it but this entry.
    const sizes = new Map<string, number>();
    for (const queue of served) sizes.set(queue, 0);
    for (const { queue } of settings) sizes.set(queue, 0);
    for (const { queue, ready, scheduled, running } of counts) sizes.set(queue, ready + scheduled + running);
    // Labels are given before anything is told by them.
    const told = rows.tell(sizes);
    const queues = new Map<string, QueueFigures>();
    const figuresOf = (queue: string): QueueFigures => {
      const label = rows.labelOf(queue);
      let figures = queues.get(label);
      if (!figures) {
        figures = { ready: 0, scheduled: 0, running: 0, workers: 0, paused: 0, maxWaiting: 0 };
        queues.set(label, figures);
      }
      return figures;
    };
    for (const { queue, ready, scheduled, running } of counts) {
      const figures = figuresOf(queue);
      figures.ready += ready;
      figures.scheduled += scheduled;
      figures.running += running;
    }
    for (const queue of served) figuresOf(queue).workers += from.queues.workers(queue);
    for (const { queue, isPaused, maxWaiting } of settings) {
      const figures = figuresOf(queue);
      figures.paused += Number(isPaused);
      // A sum of limits is none.
      if (rows.labelOf(queue) === queue) figures.maxWaiting = maxWaiting;
    }
    return {
      version: from.version,
      figures: from.figures(),
      queues,
      rows: told,
      queueCount: sizes.size,
      tally,
      space: from.store.space(),
      loopDelay: readDelay(),
      isReady: from.trouble() === undefined,
    };
  }

  function readDelay(): Scrape['loopDelay'] {
    const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - LOOP_RESOLUTION_MS / 1e3);
    const [p50, p99, max] = [delay.percentile(50), delay.percentile(99), delay.max].map(seconds);
    delay.reset();
    return { p50: p50!, p99: p99!, max: max! };
  }

  async function write(from: MetricsSources): Promise<Page> {
    const registry = new Registry();
    const scrape = await gather(from);
    for (const { name, type, help, read } of FAMILIES) {
      const values = read(scrape);
      // What has the methods of a metric is one: nothing is kept in the registry between two scrapes.
      const metric = { name, help, type, get: async () => ({ name, help, type, values, aggregator: 'sum' }) };
      registry.registerMetric(metric as unknown as Parameters<Registry['registerMetric']>[0]);
    }
    return { status: 200, type: registry.contentType, text: await registry.metrics() };
  }

  /** One scrape at a time, which all share who ask meanwhile. */
  function tellMetrics(): Page | Promise<Page> {
    if (!sources) return { status: 503, type: TEXT, text: 'the server is starting\n' };
    const at = clock.monotonic();
    if (!written || at - written.at >= FRESH_MS) {
      const page = write(sources);
      page.catch((error: unknown) => {
        written = undefined;
        logger.error({ err: error }, 'the metrics could not be read');
      });
      written = { at, page };
    }
    return written.page;
  }

  function tellReadiness(): Page {
    const trouble = sources ? sources.trouble() : 'the server is starting';
    if (trouble === undefined) return { status: 200, type: TEXT, text: 'ready\n' };
    return { status: 503, type: TEXT, text: `not ready: ${trouble}\n` };
  }

  const listener = createListener(
    new Map<string, () => Page | Promise<Page>>([
      ['/metrics', tellMetrics],
      ['/livez', () => ({ status: 200, type: TEXT, text: 'alive\n' })],
      ['/readyz', tellReadiness],
    ]),
  );

  return {
    observer,
    async start(given) {
      sources = given;
      delay.enable();
      return listener.listen(host, port);
    },
    async close() {
      delay.disable();
      await listener.close();
    },
  };
}
