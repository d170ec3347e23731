import { type Assignment, type Failed, type Limits, Retry } from '../gen/contact/v1/contact_pb.ts';
import { describeThrown } from '../shared/describe.ts';
import { ContactError, invalid } from '../shared/errors.ts';
import { mendText } from '../shared/text.ts';
import type { Codec } from './codec.ts';
import { detailOf } from './detail.ts';
import { TaskFailure, TaskRelease } from './failure.ts';
import type { Handler, TaskContext } from './handler.ts';
import { deliveryKey, type Report } from './outbox.ts';
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
  /** Its handler has failed, or could not be called. */
  failed?(task: FailedTask, error: { readonly code: string; readonly message: string }): void;
  /** Whether the server is told where a failure came from. Default: no. */
  readonly errorDetail?: boolean;
}

export type FailedTask = Pick<TaskContext, 'taskId' | 'queue' | 'attempt' | 'maxAttempts'>;

const MAX_PROGRESS_BYTES = 1_024;
const MAX_ERROR_BYTES = 4_096;
const MAX_CODE_BYTES = 64;
const MAX_DETAILS_BYTES = 4_096;
const MAX_UINT32 = 2 ** 32 - 1;
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

/** Runs the handler; answers what to report. Never rejects. The handler is entered in this turn. */
export async function runTask<P, R>(
  task: WorkerDelivery,
  handler: Handler<P, R>,
  codec: Codec<R, P>,
  limits: Limits,
): Promise<Report> {
  let payload: P;
  try {
    payload = codec.decode(task.takePayload(), task.contentType);
  } catch (error) {
    return reportFailure(task, { text: `payload: ${describeThrown(error)}`, code: 'INVALID_PAYLOAD', thrown: error });
  }
  let value: R;
  try {
    task.isEntered = true;
    value = await handler(payload, task);
  } catch (error) {
    return isEndOnly(task, error) ? reportEnd(task, isRelease(error)) : reportThrown(task, error);
  }
  let result: Uint8Array;
  try {
    result = codec.encode(value);
    if (!(result instanceof Uint8Array)) throw new TypeError('expected the codec to make a Uint8Array');
  } catch (error) {
    return reportFailure(task, { text: `result: ${describeThrown(error)}`, code: 'INVALID_RESULT', thrown: error });
  }
  if (result.byteLength > limits.maxResultBytes) {
    const text = `result: ${result.byteLength} bytes, the server takes at most ${limits.maxResultBytes}`;
    return reportFailure(task, { text, code: 'TOO_LARGE' });
  }
  const { taskId, delivery } = task;
  const { contentType } = codec;
  return {
    kind: 'succeeded',
    message: { $typeName: 'contact.v1.Succeeded', taskId, delivery, result, contentType },
  };
}

/** Gives back a delivery with which nothing was done. */
export function releaseOf({ taskId, delivery }: { readonly taskId: string; readonly delivery: number }): Report {
  return { kind: 'untouched', message: { $typeName: 'contact.v1.Delivery', taskId, delivery } };
}

/** The report of a task that ends without a result and without a failure: stopped by a cancel, else given back. */
export function reportEnd(task: WorkerDelivery, isUntouched = !task.isEntered): Report {
  const { taskId, delivery } = task;
  return {
    kind: task.abortKind === 'cancel' ? 'stopped' : isUntouched ? 'untouched' : 'released',
    message: { $typeName: 'contact.v1.Delivery', taskId, delivery },
  };
}

/** A failure as it is told. */
interface Failing {
  readonly text: string;
  readonly code: string;
  /** Default: never. */
  readonly advice?: TaskFailure['retry'];
  readonly details?: unknown;
  /** What has come from somewhere. */
  readonly thrown?: unknown;
}

function reportFailure(
  task: WorkerDelivery,
  { text, code, advice = 'never', details, thrown }: Failing,
): Report & { kind: 'failed' } {
  const { taskId, delivery, listener } = task;
  const message: Failed = {
    $typeName: 'contact.v1.Failed',
    taskId,
    delivery,
    error: {
      $typeName: 'contact.v1.TaskError',
      message: cutText(mendText(text), MAX_ERROR_BYTES),
      code: cutText(mendText(code), MAX_CODE_BYTES),
      details: isKept(details) ? new Uint8Array(details) : NO_BYTES,
      detail: listener.errorDetail ? detailOf(thrown) : '',
    },
    retry: advice === 'policy' ? Retry.UNSPECIFIED : advice === 'never' ? Retry.NEVER : Retry.AFTER,
    retryAfterMs: typeof advice === 'object' ? wholeMs(advice.afterMs) : 0,
  };
  listener.failed?.(task, message.error!);
  return { kind: 'failed', message };
}

function isKept(details: unknown): details is Uint8Array {
  return details instanceof Uint8Array && details.byteLength <= MAX_DETAILS_BYTES;
}

/** Whether a handler says that it has done nothing. A value may be such that even asking what it is throws. */
function isRelease(thrown: unknown): boolean {
  try {
    return thrown instanceof TaskRelease;
  } catch {
    return false;
  }
}

/**
 * Whether what was thrown after the handler was asked to end says no more than that it has ended. While the worker
 * stops a failure with advice is what the handler means; any other error may be a consequence of the stop, so the task
 * is given back, unless that would end it: then it fails with the message of the error.
 */
function isEndOnly(task: WorkerDelivery, thrown: unknown): boolean {
  if (task.abortKind !== 'stop') return task.abortKind !== null;
  try {
    if (thrown instanceof TaskFailure) return false;
    if (thrown instanceof TaskRelease || thrown === task.signal.reason) return true;
    if ((thrown as { readonly name?: unknown } | null)?.name === 'AbortError') return true;
  } catch {
    // Even asking what was thrown throws.
  }
  return task.attempt < task.maxAttempts;
}

/** A failure with advice was checked when it was made, and may have been changed since. */
function reportThrown(task: WorkerDelivery, thrown: unknown): Report {
  try {
    if (thrown instanceof TaskRelease) {
      const { pauseMs } = thrown as { readonly pauseMs: unknown };
      task.pauseMs = typeof pauseMs === 'number' && pauseMs > 0 ? pauseMs : 0;
      return releaseOf(task);
    }
    if (thrown instanceof TaskFailure) {
      const { code, retry, details } = thrown as Readonly<Record<'code' | 'retry' | 'details', unknown>>;
      const named = typeof code === 'string' ? code : describeThrown(code);
      return reportFailure(task, {
        text: describeThrown(thrown),
        code: named,
        advice: adviceOf(retry),
        details,
        thrown,
      });
    }
  } catch {
    // Reading the failure threw: it is described as any other value.
  }
  return reportFailure(task, { text: describeThrown(thrown), code: '', advice: 'policy', thrown });
}

function adviceOf(retry: unknown): TaskFailure['retry'] {
  if (retry === 'never') return 'never';
  if (typeof retry !== 'object' || retry === null || !('afterMs' in retry)) return 'policy';
  return typeof retry.afterMs === 'number' ? { afterMs: retry.afterMs } : 'policy';
}

function requireString(field: string, text: unknown): string {
  if (typeof text !== 'string') throw invalid(field, 'expected a string');
  return text;
}

function wholeMs(ms: number): number {
  return Number.isNaN(ms) ? 0 : Math.min(MAX_UINT32, Math.max(0, Math.ceil(ms)));
}
