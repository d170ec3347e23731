import { setTimeout as sleep } from 'node:timers/promises';
import { createWorker, type Worker } from '../../client/index.ts';
import { type Answer, answerJob, type Job } from './job.ts';
import { openJournal } from './journal.ts';

export interface WorkerOrder {
  readonly server: string;
  /** Path. */
  readonly journal: string;
  readonly queue: string;
  /** In the journal. */
  readonly name: string;
  readonly concurrency: number;
  /** Told to the server; absent: the SDK draws one. */
  readonly clientId?: string;
  /** Default: the SDK's. */
  readonly backoff?: { readonly baseMs: number; readonly capMs: number };
  /** Default: the SDK's. */
  readonly keepaliveMs?: number;
  /** Path; default: none. */
  readonly spool?: string;
}

export interface JobWorkerListener {
  /** The Nth handler is entered. */
  began(count: number): void;
  said(message: string): void;
  warned(message: string): void;
}

/** A worker that does jobs and notes down when; `finished` closes its journal. */
export function createJobWorker(order: WorkerOrder, listener: Partial<JobWorkerListener> = {}): Worker {
  const journal = openJournal(order.journal);
  let beganCount = 0;
  const worker = createWorker<Job, Answer>({
    server: order.server,
    queues: [order.queue],
    concurrency: order.concurrency,
    ...(order.clientId === undefined ? {} : { clientId: order.clientId }),
    ...(order.backoff === undefined ? {} : { backoff: order.backoff }),
    ...(order.spool === undefined ? {} : { spool: order.spool }),
    ...(order.keepaliveMs === undefined ? {} : { keepaliveMs: order.keepaliveMs }),
    logger: { info: (message) => listener.said?.(message), warn: (message) => listener.warned?.(message) },
    handler: async (job, { taskId: id, delivery }) => {
      const about = { input: job.input, id, delivery, worker: order.name };
      journal.write([{ kind: 'began', ...about, at: Date.now() }]);
      beganCount += 1;
      listener.began?.(beganCount);
      if (job.workMs > 0) await sleep(job.workMs);
      journal.write([{ kind: 'ended', ...about, at: Date.now() }]);
      return answerJob(job);
    },
  });
  void worker.finished.catch(() => undefined).then(() => journal.close());
  return worker;
}
