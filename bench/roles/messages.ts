import type { Spread } from '../statistics.ts';
import type { BatchShape, Counts } from '../system.ts';

// What the main process asks of the two processes that make the load. Instants are `nowMs()`.

/** The server that a role is to load. */
export interface LoadTarget {
  /** Name of the system. */
  readonly system: string;
  readonly address: string;
}

/** A load of equal tasks, as fast as they are acknowledged. */
export interface Burst {
  /** Ends at so many tasks or after so many milliseconds, whichever is first. */
  readonly tasks: number;
  readonly forMs: number;
  /** Tasks one by one, so many at a time, or batches. */
  readonly shape: BatchShape | { readonly one: true; readonly outstanding: number };
  readonly payloadBytes: number;
  /** The tasks go round them. */
  readonly queues: readonly string[];
  /** Every so many-th task fails its first attempt; 0: none. */
  readonly failEvery: number;
}

export interface BurstResult {
  readonly acknowledged: number;
  readonly startedAt: number;
  readonly endedAt: number;
}

/** A load that comes by the clock, whatever the server does; each task carries the instant of its enqueue. */
export interface Pace {
  readonly perSecond: number;
  readonly forMs: number;
  readonly payloadBytes: number;
  readonly queue: string;
}

export interface PaceResult {
  readonly acknowledged: number;
  /** From the enqueue to its acknowledgement, in milliseconds. */
  readonly stored: Spread;
}

export interface ProducerAsks {
  open(target: LoadTarget): Promise<void>;
  burst(burst: Burst): Promise<BurstResult>;
  pace(pace: Pace): Promise<PaceResult>;
  /** Waits for the result of each task; milliseconds. */
  call(pace: Pace): Promise<Spread>;
  counts(): Promise<Counts>;
  close(): Promise<void>;
}

export interface WorkerTarget extends LoadTarget {
  readonly queues: readonly string[];
  readonly concurrency: number;
}

export interface Progress {
  readonly done: number;
  /** When the last one was done. */
  readonly at: number;
}

export interface WorkerAsks {
  open(target: WorkerTarget): Promise<void>;
  /** Begins to consume; answers when that was. */
  begin(): Promise<number>;
  /** Resolves once so many are done, or after so many milliseconds with what is. */
  until(count: number, forMs: number): Promise<Progress>;
  /** Pick-up of the tasks since the last call, from enqueue to the start of the work, in milliseconds. */
  pickup(): Promise<Spread>;
  close(): Promise<void>;
}

/** Unary calls, as fast as they are answered; each answer is compared with its request. */
export interface CallLoad {
  /** Ends after so many calls or milliseconds, whichever is first. */
  readonly calls: number;
  readonly forMs: number;
  readonly outstanding: number;
  readonly bytes: number;
}

/** Unary calls by the clock. */
export interface CallPace {
  readonly perSecond: number;
  readonly forMs: number;
  readonly bytes: number;
}

export interface CallsMade {
  readonly tookMs: number;
  /** How long each call took, in milliseconds. */
  readonly spread: Spread;
}

/** The messages of one stream, each of so many bytes. */
export interface Transfer {
  readonly messages: number;
  readonly bytes: number;
}

export interface CallerAsks {
  open(target: LoadTarget): Promise<void>;
  call(load: CallLoad): Promise<CallsMade>;
  pace(pace: CallPace): Promise<CallsMade>;
  /** From the callee; resolves with the milliseconds until all had come, and were what they should be. */
  down(transfer: Transfer): Promise<number>;
  /** To the callee; resolves with the milliseconds until it has said that it has all. */
  up(transfer: Transfer): Promise<number>;
  /** Unary calls that the callee says it has answered. */
  count(): Promise<number>;
  close(): Promise<void>;
}

export interface CalleeAsks {
  open(target: LoadTarget): Promise<void>;
  close(): Promise<void>;
}
