import { bytes, createAdmin, createObserver, createProducer, newTaskId, type Observer } from '../../client/index.ts';
import type { CommandContext } from '../context.ts';
import { CommandFailure, EXIT } from '../exit.ts';
import { reachServer, readConnection } from '../reach.ts';
import { exitCodeOfSignal, onStopSignal } from '../signals.ts';
import type { TargetOptions } from '../target.ts';
import { createLoad } from './load.ts';
import { checkUnused, clearQueue } from './queue.ts';
import { createReport, renderReport } from './report.ts';
import { createTally, type Tally } from './tally.ts';
import { startWorkers } from './workers.ts';

export interface BenchOptions extends TargetOptions {
  readonly queue?: string;
  readonly tasks?: number;
  readonly seconds?: number;
  readonly payload: number;
  readonly batch: number;
  readonly rate?: number;
  readonly outstanding: number;
  readonly workers: number;
  readonly concurrency: number;
  readonly fork?: boolean;
}

const DEFAULT_SECONDS = 10;
/** What is acknowledged and does not come back for so long is lost. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 100;
/** The deadline of what may take a server long: to purge a queue, to delete its tasks. */
const BULK_DEADLINE_MS = 600_000;

export async function runBench(options: BenchOptions, context: CommandContext): Promise<void> {
  const connection = readConnection(options, context.say);
  await reachServer(connection, options.connectTimeout);
  const { logger: _, ...bare } = connection;
  const queue = options.queue ?? `bench-${newTaskId()}`;
  const admin = createAdmin({ ...connection, deadlineMs: BULK_DEADLINE_MS });
  const producer = createProducer({ ...bare, codec: bytes, enqueueDeadlineMs: 0 });
  const observer = createObserver<Uint8Array>({ ...bare, codec: bytes });
  const stop = new AbortController();
  const stopListening = onStopSignal((count, signal) => {
    context.exitCode = exitCodeOfSignal(signal);
    if (count > 1) process.exit(context.exitCode);
    context.say('cleaning up; a second signal leaves it as it is');
    stop.abort();
  });
  const tally = createTally();
  const load = createLoad({
    queue,
    producer,
    tally,
    payloadBytes: options.payload,
    batch: options.batch,
    rate: options.rate,
    outstanding: options.outstanding,
    maxTasks: options.tasks ?? Number.POSITIVE_INFINITY,
    maxSeconds: options.seconds ?? (options.tasks === undefined ? DEFAULT_SECONDS : Number.POSITIVE_INFINITY),
    signal: stop.signal,
  });
  try {
    if (options.queue !== undefined) await checkUnused(admin, queue);
    const watching = await watchResults(observer, queue, tally, load.wake);
    const workers = await startWorkers(
      { connection: bare, queue, concurrency: options.concurrency },
      options.workers,
      options.fork === true,
    );
    try {
      const work = load.run().then(() => waitForResults(tally, stop.signal));
      await Promise.race([work, workers.failed, watching.failed]);
      if (!stop.signal.aborted) await tell(createReport(queue, options.payload, tally.read()), options, context);
    } finally {
      stop.abort();
      // What waits is purged first: then nothing can be on its way to a worker that goes.
      await admin.purgeQueue(queue);
      await workers.stop();
      await clearQueue(admin, queue, load.sent);
    }
  } finally {
    stopListening();
    await Promise.all([producer.close({ deadlineMs: 0 }), observer.close(), admin.close()]);
  }
}

/** Counts results as they settle; resolves when none that settles from now on is missed. */
async function watchResults(
  observer: Observer<Uint8Array>,
  queue: string,
  tally: Tally,
  onSettled: () => void,
): Promise<{ readonly failed: Promise<never> }> {
  const ready = Promise.withResolvers<void>();
  const failed = (async (): Promise<never> => {
    for await (const result of observer.results({ queues: [queue], onCursor: () => ready.resolve() })) {
      tally.settle(result);
      onSettled();
    }
    return new Promise(() => undefined);
  })();
  failed.catch(() => undefined);
  await Promise.race([ready.promise, failed]);
  return { failed };
}

/** Waits until all that was acknowledged has a result, or none came for PATIENCE_MS. */
async function waitForResults(tally: Tally, signal: AbortSignal): Promise<void> {
  let settled = tally.settled;
  let movedAt = performance.now();
  while (tally.settled < tally.acknowledged && !signal.aborted && performance.now() - movedAt < PATIENCE_MS) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    if (tally.settled > settled) movedAt = performance.now();
    settled = tally.settled;
  }
}

async function tell(
  report: ReturnType<typeof createReport>,
  { json }: BenchOptions,
  { out }: CommandContext,
): Promise<void> {
  await (json ? out.writeJson(report) : out.write(renderReport(report, out.isTerminal)));
  const { lost, failed, duplicates } = report;
  if (lost + failed + duplicates === 0) return;
  throw new CommandFailure(`${lost} lost, ${failed} failed, ${duplicates} settled twice`, EXIT.refused);
}
