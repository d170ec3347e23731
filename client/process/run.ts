import * as check from '../check.ts';
import { silentLogger } from '../options.ts';
import type { Worker, WorkerOptions } from '../registration.ts';
import { createWorker } from '../worker.ts';

/** What `runWorker()` takes. */
export interface RunOptions<P, R> extends WorkerOptions<P, R> {
  /** Milliseconds that handlers and reports get after the first signal, before what runs is aborted; default 20,000. */
  readonly drainMs?: number;
  /** Told of the worker once it was created: `connected()`, `status$`, `serve()`. */
  readonly onWorker?: (worker: Worker) => void;
}

const DRAIN_MS = 20_000;
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * A worker that is the whole of a program. SIGTERM or SIGINT: it takes nothing new, finishes what runs and delivers its
 * reports, and this resolves; after `drainMs` what runs is aborted. A second signal ends the process at once, as it would
 * without this; what ran then is run again, or fails at its last attempt.
 * @throws ContactError INVALID_ARGUMENT naming the option that is wrong; what the server refuses for good
 * @example
 * await runWorker({ server: '127.0.0.1:50051', tasks: [sums.handle(({ a, b }) => a + b)] });
 */
export async function runWorker<P = unknown, R = unknown>(options: RunOptions<P, R>): Promise<void> {
  check.checkValue('options', options, check.object);
  const { drainMs = DRAIN_MS, onWorker, ...given } = options;
  check.checkValue('drainMs', drainMs, check.waitMs);
  if (onWorker !== undefined) check.checkValue('onWorker', onWorker, check.method);
  const worker = createWorker(given);
  const { logger = silentLogger } = options;
  const letGo = (): void => SIGNALS.forEach((signal) => void process.off(signal, onSignal));

  // Without a listener the second signal does what it does to any program.
  function onSignal(signal: NodeJS.Signals): void {
    letGo();
    logger.info(`${signal}: finishes what runs, for at most ${drainMs} ms; a second signal ends at once`);
    worker.drain({ deadlineMs: drainMs }).catch(() => undefined);
  }

  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    onWorker?.(worker);
    await worker.finished;
  } catch (error) {
    worker.stop({ deadlineMs: 0 }).catch(() => undefined);
    throw error;
  } finally {
    letGo();
  }
}
