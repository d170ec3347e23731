import { hostname } from 'node:os';
import type { Limits } from '../gen/contact/v1/contact_pb.ts';
import { invalid } from '../shared/errors.ts';
import { isName, newSessionId } from '../shared/ids.ts';
import type { Codec } from './codec.ts';
import type { ConnectionOptions } from './options.ts';
import type { Handler } from './task.ts';

/** What a server takes at least, until it has told. */
export const INITIAL_LIMITS: Limits = {
  $typeName: 'contact.v1.Limits',
  maxPayloadBytes: 1024 * 1024,
  maxResultBytes: 1024 * 1024,
  maxCheckpointBytes: 64 * 1024,
  maxMessageBytes: 1024 * 1024,
};

export interface WorkerOptions<P, R> extends ConnectionOptions {
  /** Queues to draw from; 1 to 1,000 names. */
  readonly queues: readonly string[];
  /** Runs one task: what it answers is the result, what it throws is the failure. */
  readonly handler: Handler<P, R>;
  /** Handlers at once; default 1. */
  readonly concurrency?: number;
  /** Tasks that wait here beside those that run, so that the next one begins at once; default 0. */
  readonly prefetch?: number;
  /** A name of your own: the server remembers it. Absent: one is drawn, and forgotten with this worker. */
  readonly clientId?: string;
  /** For tasks that select clients by labels; at most 64. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Decodes payloads and encodes results; default JSON. */
  readonly codec?: Codec<R, P>;
  /** Name and version of the program, shown to operators. */
  readonly agent?: string;
  /** Milliseconds between two words on the progress of one task; default 250. */
  readonly progressIntervalMs?: number;
  /**
   * Path of a file that keeps finished results until the server has them, so that no finished work is lost even when
   * this process is killed: the next one with the same file delivers them, as the same client, and what was running
   * goes back to the queue at once. One process at a time. What it does not do: survive a loss of power for sure (it
   * is not synced); then the tasks run again. Default: none.
   */
  readonly spool?: string;
  /** Bytes of results in that file; what is beyond is kept in memory alone. Default 256 MiB. */
  readonly spoolMaxBytes?: number;
}

const MAX_QUEUES = 1_000;
const MAX_CREDIT = 10_000;

/** Throws INVALID_ARGUMENT naming the option. */
export function validateWorker<P, R>(options: WorkerOptions<P, R>): void {
  const { queues, concurrency = 1, prefetch = 0, progressIntervalMs = 1, clientId } = options;
  if (queues.length === 0 || queues.length > MAX_QUEUES) {
    throw invalid('queues', `expected 1 to ${MAX_QUEUES} names, got ${queues.length}`);
  }
  for (const queue of queues) {
    if (!isName(queue)) throw invalid('queues', `expected [A-Za-z0-9._:/-]{1,128}, got ${JSON.stringify(queue)}`);
  }
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw invalid('concurrency', `expected an integer >= 1, got \`${concurrency}\``);
  }
  if (!Number.isInteger(prefetch) || prefetch < 0) {
    throw invalid('prefetch', `expected an integer >= 0, got \`${prefetch}\``);
  }
  if (concurrency + prefetch > MAX_CREDIT) {
    throw invalid('concurrency', `expected at most ${MAX_CREDIT} with prefetch, got ${concurrency + prefetch}`);
  }
  if (!Number.isInteger(progressIntervalMs) || progressIntervalMs < 1) {
    throw invalid('progressIntervalMs', `expected an integer >= 1, got \`${progressIntervalMs}\``);
  }
  if (clientId !== undefined && !isName(clientId)) {
    throw invalid('clientId', `expected [A-Za-z0-9._:/-]{1,128}, got ${JSON.stringify(clientId)}`);
  }
}

/** An id for a worker that was given none: host:pid:random, in the letters of a name. */
export function identifyClient(): string {
  const host =
    hostname()
      .replaceAll(/[^A-Za-z0-9._-]/g, '-')
      .slice(0, 64) || 'host';
  return `${host}:${process.pid}:${newSessionId().slice(0, 8)}`;
}
