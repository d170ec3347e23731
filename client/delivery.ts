import type { Assignment, Limits } from '../gen/contact/v1/contact_pb.ts';
import { ContactError, invalid } from '../shared/errors.ts';
import { mendText } from '../shared/text.ts';
import type { LogLevel, TaskContext } from './handler.ts';
import { deliveryKey } from './outbox.ts';
import { readSaid, type Said } from './tasklog.ts';
import { cutText } from './text.ts';

/** Why a handler was asked to end: a cancel, the worker's own stop, or a delivery that is no longer ours. */
export type AbortKind = 'cancel' | 'stop' | 'closed';

/** How far a task is, as it is sent. */
export interface Progressed {
  readonly fraction: number;
  readonly message: string;
}

/** Whom a running task tells that it has something for the server. */
export interface TaskListener {
  progressed(task: WorkerDelivery): void;
  checkpointed(task: WorkerDelivery): void;
  logged(task: WorkerDelivery, said: Said): void;
  /** Its handler has failed, or could not be called. */
  failed?(task: FailedTask, error: { readonly code: string; readonly message: string }): void;
  /** Whether the server is told where a failure came from. Default: no. */
  readonly errorDetail?: boolean;
}

export type FailedTask = Pick<TaskContext, 'taskId' | 'queue' | 'attempt' | 'maxAttempts'>;

const MAX_PROGRESS_BYTES = 1_024;
const NO_BYTES = new Uint8Array();

/** One delivery that this worker has, from its arrival until its report. */
export class WorkerDelivery implements TaskContext {
  readonly key: string;
  readonly taskId: string;
  readonly queue: string;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly delivery: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly checkpoint: Uint8Array | null;
  state: 'queued' | 'running' | 'ended' = 'queued';
  hasSucceeded = false;
  /** The handler was called: something may have been done. */
  isEntered = false;
  /** For how long the handler that gave this delivery back wants nothing new; 0: it was not given back. */
  pauseMs = 0;
  /** The newest progress. It stays until the end, since a watcher may come, or a server, that has not heard it. */
  newProgress: Progressed | null = null;
  /** The newest checkpoint. It stays until the end, since the server does not acknowledge checkpoints. */
  newCheckpoint: Uint8Array | null = null;
  abortKind: AbortKind | null = null;
  readonly listener: TaskListener;
  readonly #limits: Limits;
  #payload: Uint8Array;
  #controller: AbortController | null = null;
  #reason = '';

  constructor(assignment: Assignment, limits: Limits, listener: TaskListener, key = deliveryKey(assignment)) {
    this.key = key;
    this.taskId = assignment.taskId;
    this.queue = assignment.queue;
    this.attempt = assignment.attempt;
    this.maxAttempts = assignment.maxAttempts;
    this.delivery = assignment.delivery;
    this.metadata = assignment.metadata;
    this.contentType = assignment.contentType;
    this.checkpoint = assignment.checkpoint.length > 0 ? new Uint8Array(assignment.checkpoint) : null;
    this.#payload = assignment.payload;
    this.#limits = limits;
    this.listener = listener;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.abortKind) this.#controller.abort(new ContactError('CANCELLED', this.#reason));
    }
    return this.#controller.signal;
  }

  /** Handed out bound: handlers take their context apart. A getter, so that only those who report pay for it. */
  get progress(): TaskContext['progress'] {
    return (fraction, message = '') => this.#progress(fraction, message);
  }

  get saveCheckpoint(): TaskContext['saveCheckpoint'] {
    return (bytes) => this.#saveCheckpoint(bytes);
  }

  get log(): TaskContext['log'] {
    return (text, level = 'info') => this.#log(text, level);
  }

  #log(text: string, level: LogLevel): void {
    const said = readSaid(text, level);
    // Of a delivery that is no longer ours nobody takes a word.
    if (this.state === 'running' && this.abortKind !== 'closed') this.listener.logged(this, said);
  }

  #progress(fraction: number, message: string): void {
    if (typeof fraction !== 'number') throw invalid('fraction', 'expected a number');
    if (this.state !== 'running') return;
    this.newProgress = {
      fraction: Number.isFinite(fraction) ? Math.min(1, fraction) : -1,
      message: cutText(mendText(requireString('message', message)), MAX_PROGRESS_BYTES),
    };
    this.listener.progressed(this);
  }

  #saveCheckpoint(bytes: Uint8Array): void {
    if (this.state !== 'running') return;
    if (!(bytes instanceof Uint8Array)) throw invalid('checkpoint', 'expected a Uint8Array');
    const { maxCheckpointBytes } = this.#limits;
    if (bytes.byteLength > maxCheckpointBytes) {
      throw invalid('checkpoint', `expected at most ${maxCheckpointBytes} bytes, got ${bytes.byteLength}`);
    }
    this.newCheckpoint = new Uint8Array(bytes);
    this.listener.checkpointed(this);
  }

  /** Makes the payload a copy of its own, for a task that waits: a view would pin the whole message it came in. */
  keepPayload(): void {
    this.#payload = new Uint8Array(this.#payload);
  }

  /** The first reason counts, except that a delivery which is no longer ours reports nothing whatever came before. */
  abort(kind: AbortKind, reason: string): void {
    if (kind === 'closed' || !this.abortKind) this.abortKind = kind;
    this.#reason ||= reason;
    this.#controller?.abort(new ContactError('CANCELLED', this.#reason));
  }

  /** Hands over the payload and holds it no longer: while the handler runs it is the handler's alone. */
  takePayload(): Uint8Array {
    const payload = this.#payload;
    this.#payload = NO_BYTES;
    return payload;
  }
}

function requireString(field: string, text: unknown): string {
  if (typeof text !== 'string') throw invalid(field, 'expected a string');
  return text;
}
