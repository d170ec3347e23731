import {
  type Delivery as DeliveryMessage,
  type Failed,
  LogLevel as LogLevelCode,
  OutcomeCode,
  type Outcome as OutcomeMessage,
  Retry,
  type SendStatusRequest,
  type Succeeded,
  type TaskLog,
  type TellResultRequest,
} from '../../gen/index.ts';
import { invalid } from '../../shared/errors.ts';
import { isTaskId } from '../../shared/ids.ts';
import { hideSecrets } from '../../shared/redact.ts';
import { cutText, mendText, shortenText } from '../../shared/text.ts';
import type { RetryAdvice } from '../model/retry.ts';
import type { Delivery, TaskError } from '../model/task.ts';
import type { LogLevel } from '../model/tasklog.ts';
import type { Outcome } from '../session/outlet.ts';
import type { FailedReport, LogReport, ResultReport, StatusReport, SucceededReport } from '../session/report.ts';
import { readInstant } from './instant.ts';

const MAX_ITEMS = 1_000;
const MAX_ERROR_BYTES = 4 << 10;
const MAX_DETAILS_BYTES = 4 << 10;
const MAX_DETAIL_BYTES = 4 << 10;
const MAX_CODE_LENGTH = 64;
const MAX_TYPE_LENGTH = 128;
const MAX_STATUS_LENGTH = 256;
const MAX_PROGRESS_LENGTH = 1 << 10;
const MAX_CHECKPOINT_BYTES = 64 << 10;
const MAX_LINE_BYTES = 1 << 10;
/** Of a delivery nobody says more lines; a number that is -1 somewhere is larger, and every line after it would be an older one. */
const MAX_LINE_NUMBER = 1_000_000_000;
export const OCTET_STREAM = 'application/octet-stream';

/** Decodes and checks what a worker sends up. INVALID_ARGUMENT names the field. */
export function readStatus(request: SendStatusRequest): StatusReport {
  return {
    ...readResults(request),
    stopped: readDeliveries('stopped', request.stopped),
    receipt: request.receipt,
    started: readDeliveries('started', request.started),
    progress: readItems('progress', request.progress, ({ taskId, delivery, fraction, message }) => ({
      taskId,
      delivery,
      fraction,
      message: showText(message, MAX_PROGRESS_LENGTH),
    })),
    checkpoints: readItems('checkpoints', request.checkpoints, ({ taskId, delivery, data }, index) => {
      if (data.byteLength > MAX_CHECKPOINT_BYTES)
        throw invalid(`checkpoints[${index}].data`, `at most ${MAX_CHECKPOINT_BYTES} bytes`);
      return { taskId, delivery, data };
    }),
    logs: readItems('logs', request.logs, readLog),
    credit: request.credit,
    status: request.status === undefined ? undefined : showText(request.status, MAX_STATUS_LENGTH),
  };
}

const LEVELS: Readonly<Partial<Record<LogLevelCode, LogLevel>>> = {
  [LogLevelCode.DEBUG]: 'debug',
  [LogLevelCode.WARN]: 'warn',
  [LogLevelCode.ERROR]: 'error',
};

/** A level that only a later revision knows is read as one that nobody has said. */
function readLog({ taskId, delivery, line }: TaskLog, index: number): LogReport {
  const { number = 0, level = LogLevelCode.INFO, at, text = '' } = line ?? {};
  const field = `logs[${index}].line.number`;
  if (number === 0) throw invalid(field, 'lines count from 1');
  if (number > MAX_LINE_NUMBER) throw invalid(field, `at most ${MAX_LINE_NUMBER}, got ${number}`);
  return {
    taskId,
    delivery,
    number,
    level: LEVELS[level] ?? 'info',
    at: at ? readInstant(`logs[${index}].line.at`, at) : null,
    text: readLine(text),
  };
}

/** Cut before it is looked at for secrets, which takes its time, and again since what is shown of one may be longer. */
function readLine(text: string): string {
  return shortenText(hideSecrets(shortenText(mendText(text), MAX_LINE_BYTES)), MAX_LINE_BYTES);
}

/** Whether a message says nothing but a receipt. */
export function isReceipt(request: SendStatusRequest): boolean {
  const { receipt, started, progress, checkpoints, logs, credit, status } = request;
  const { succeeded, failed, released, stopped, untouched } = request;
  const items = started.length + progress.length + checkpoints.length + logs.length;
  const ends = succeeded.length + failed.length + released.length + stopped.length + untouched.length;
  return receipt > 0 && items + ends === 0 && credit === undefined && status === undefined;
}

/** The bytes of a message that make it large: all that has no fixed length. */
export function weighStatus({ succeeded, failed, progress, checkpoints, logs, status }: SendStatusRequest): number {
  let bytes = status?.length ?? 0;
  for (const { result, contentType } of succeeded) bytes += result.byteLength + contentType.length;
  for (const { error } of failed) if (error) bytes += error.message.length + error.code.length + error.detail.length;
  for (const { message } of progress) bytes += message.length;
  for (const { data } of checkpoints) bytes += data.byteLength;
  for (const { line } of logs) if (line) bytes += line.text.length;
  return bytes;
}

export function readResults(request: SendStatusRequest | TellResultRequest): ResultReport {
  return {
    succeeded: readItems('succeeded', request.succeeded, readSucceeded),
    failed: readItems('failed', request.failed, readFailed),
    released: readDeliveries('released', request.released),
    stopped: [],
    untouched: readDeliveries('untouched', request.untouched),
  };
}

function readItems<I extends { taskId: string; delivery: number }, O>(
  field: string,
  items: readonly I[],
  read: (item: I, index: number) => O,
  maxItems = MAX_ITEMS,
): O[] {
  if (items.length > maxItems) throw invalid(field, `at most ${maxItems} in one message, got ${items.length}`);
  return items.map((item, index) => {
    if (!isTaskId(item.taskId)) throw invalid(`${field}[${index}].task_id`, 'expected a UUIDv7 in lower case');
    if (item.delivery === 0) throw invalid(`${field}[${index}].delivery`, 'deliveries count from 1');
    return read(item, index);
  });
}

export function readDeliveries(field: string, items: readonly DeliveryMessage[], maxItems = MAX_ITEMS): Delivery[] {
  return readItems(field, items, ({ taskId, delivery }) => ({ taskId, delivery }), maxItems);
}

function readSucceeded({ taskId, delivery, result, contentType }: Succeeded): SucceededReport {
  return { taskId, delivery, result, contentType: showText(contentType, MAX_TYPE_LENGTH) || OCTET_STREAM };
}

function readFailed({ taskId, delivery, error, retry, retryAfterMs }: Failed): FailedReport {
  return { taskId, delivery, error: readError(error), retry: readRetry(retry, retryAfterMs) };
}

function readError(error: Failed['error']): TaskError {
  const code = showText(error?.code ?? '', MAX_CODE_LENGTH);
  const message = showBytes(error?.message ?? '', MAX_ERROR_BYTES);
  const detail = showBytes(error?.detail ?? '', MAX_DETAIL_BYTES);
  const said = detail === '' ? { code, message } : { code, message, detail };
  const { length = 0 } = error?.details ?? [];
  // A copy: what came with it would stay as long as it does.
  return length === 0 || length > MAX_DETAILS_BYTES ? said : { ...said, details: new Uint8Array(error!.details) };
}

/** As much of a text for people as there is room for, without the credentials in it: whoever may see the task would have them. */
export function showText(text: string, maxLength: number): string {
  return cutText(hideSecrets(cutText(text, maxLength)), maxLength);
}

function showBytes(text: string, maxBytes: number): string {
  return cutBytes(hideSecrets(cutBytes(text, maxBytes)), maxBytes);
}

/** The beginning of a text, mended and cut on a character: a half one at the end is dropped. */
function cutBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  const kept = bytes.byteLength <= maxBytes ? bytes : bytes.subarray(0, maxBytes);
  return mendText(kept.toString().replace(/\uFFFD+$/, ''));
}

function readRetry(retry: Retry, afterMs: number): RetryAdvice {
  if (retry === Retry.NEVER) return { kind: 'never' };
  return retry === Retry.AFTER ? { kind: 'after', ms: afterMs } : { kind: 'policy' };
}

const OUTCOME_CODES = {
  STORED: OutcomeCode.STORED,
  DUPLICATE: OutcomeCode.DUPLICATE,
  STALE: OutcomeCode.STALE,
  UNKNOWN: OutcomeCode.UNKNOWN,
  TOO_LARGE: OutcomeCode.TOO_LARGE,
  RETRY_LATER: OutcomeCode.RETRY_LATER,
} as const;

/** Outcomes with every field set, so that protobuf-es has nothing to fill in. */
export function writeOutcomes(outcomes: readonly Outcome[]): OutcomeMessage[] {
  return outcomes.map(({ taskId, delivery, code, afterMs }) => ({
    $typeName: 'contact.v1.Outcome',
    taskId,
    delivery,
    code: OUTCOME_CODES[code],
    afterMs,
  }));
}
