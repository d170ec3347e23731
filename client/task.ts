import { type Failed, type Limits, Retry } from '../gen/contact/v1/contact_pb.ts';
import { describeThrown } from '../shared/describe.ts';
import { mendText } from '../shared/text.ts';
import type { Codec } from './codec.ts';
import type { WorkerDelivery } from './delivery.ts';
import { detailOf } from './detail.ts';
import { TaskFailure, TaskRelease } from './failure.ts';
import type { Handler } from './handler.ts';
import type { Report } from './outbox.ts';
import { cutText } from './text.ts';

const MAX_ERROR_BYTES = 4_096;
const MAX_CODE_BYTES = 64;
const MAX_DETAILS_BYTES = 4_096;
const MAX_UINT32 = 2 ** 32 - 1;
const NO_BYTES = new Uint8Array();

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

function wholeMs(ms: number): number {
  return Number.isNaN(ms) ? 0 : Math.min(MAX_UINT32, Math.max(0, Math.ceil(ms)));
}
