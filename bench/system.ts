import type { Payload } from './payload.ts';

/** What not every system can do; a scenario that needs one is skipped, with its name, where it is absent. */
export type Ability =
  /** Takes tasks, which every scenario needs that does not say what it needs. */
  | 'tasks'
  /** Answers unary calls of the service `control.Calls`. */
  | 'calls'
  /** And those of its methods that stream. */
  | 'streams'
  /** Waits for the result of one task (`Producer.call`). */
  | 'call'
  /** Runs a failed task again at once. */
  | 'retry'
  /** One worker for a thousand queues. */
  | 'queues'
  /** Payloads of 1 MiB. */
  | 'large';

export interface StartOptions {
  /** An empty folder of its own for data, on the disk that is measured. */
  readonly folder: string;
  /** Arguments for the Node of a server that is a Node program; other systems ignore them. */
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A program with its arguments that becomes the server (`prlimit …`); other than Node programs ignore it. */
  readonly under?: readonly string[];
}

/** A server that runs, with its own data, on a loopback port of its own. */
export interface RunningServer {
  /** Whatever `produce` and `work` need to find it. */
  readonly address: string;
  /** The roots of its process tree. */
  readonly pids: readonly number[];
  /** Its version and its settings as read back from it, for the record. */
  readonly note?: string;
  stop(): Promise<void>;
}

export interface BenchTask {
  readonly queue: string;
  readonly payload: Payload;
}

export interface Counts {
  /** What the server still holds unfinished. */
  readonly left: number;
  /** Results that the server has stored; null: it keeps none, or does not tell. */
  readonly stored: number | null;
}

/** Every call resolves once the server has acknowledged. */
export interface Producer {
  enqueueOne(task: BenchTask): Promise<void>;
  enqueueMany(tasks: readonly BenchTask[]): Promise<void>;
  /** Resolves with the task's result; only where the system has the ability `call`. */
  call?(task: BenchTask): Promise<void>;
  /** The server's own word. */
  counts(): Promise<Counts>;
  close(): Promise<void>;
}

export interface Work {
  readonly queues: readonly string[];
  /** Tasks that the worker may hold at once. */
  readonly concurrency: number;
  /** Runs one task at its start; what it throws is the task's failure, to be retried at once. */
  onStart(payload: Uint8Array | string, attempt: number): void;
  /** So many more results were acknowledged by the server, or handed to a library that does not tell. */
  onDone(count: number): void;
}

export interface Worker {
  /** Connected, and consumes nothing yet where the system can do that. */
  begin(): Promise<void>;
  close(): Promise<void>;
}

export interface Callee {
  close(): Promise<void>;
}

export interface BatchShape {
  /** Tasks in one call of `enqueueMany`. */
  readonly size: number;
  /** Calls under way at once. */
  readonly outstanding: number;
}

export interface System {
  readonly name: string;
  readonly kind: 'contact' | 'control' | 'peer';
  /** One honest line: version, what an acknowledgement stands for, batching. */
  readonly settings: string;
  /** Whether what it has acknowledged survives a loss of power. */
  readonly isDurable: boolean;
  readonly abilities: readonly Ability[];
  /** The worker's concurrency: swept when there are several, and the best one kept. */
  readonly concurrencies: readonly number[];
  readonly batch: BatchShape;
  /** Whether `Work.onDone` is the server's word; else a scenario ends when the server is seen to hold nothing. */
  readonly isDoneAcknowledged: boolean;
  /** Runs only where it is named. */
  readonly isByName?: true;
  /** Why it cannot run here and how to install it; null: it can. */
  missing(): Promise<string | null>;
  start(options: StartOptions): Promise<RunningServer>;
  produce(address: string): Promise<Producer>;
  work(address: string, work: Work): Promise<Worker>;
  /** A client that answers calls, ready to; absent: the server does it itself. */
  serve?(address: string): Promise<Callee>;
  /** What callers of this system say beside the call. */
  readonly callMetadata?: Readonly<Record<string, string>>;
}
