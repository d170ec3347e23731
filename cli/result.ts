import type { TaskProblem, TaskResult } from '../client/index.ts';
import { escapeLine, shorten } from './escape.ts';
import { describeValue, readValue } from './value.ts';

const MAX_SHOWN = 200;

export const SETTLED_STATES = ['succeeded', 'failed', 'cancelled', 'expired'] as const;

/** A result as a JSON line. `result` is null unless the task succeeded, `error` is null if there is none. */
export function resultToJson(result: TaskResult): Record<string, unknown> {
  return {
    taskId: result.taskId,
    queue: result.queue,
    state: result.state,
    result: result.state === 'succeeded' ? readValue(result.bytes, result.contentType) : null,
    contentType: result.contentType,
    error: result.error && problemToJson(result.error),
    attempt: result.attempt,
    delivery: result.delivery,
    clientId: result.clientId,
    createdAt: result.createdAt.toISOString(),
    claimedAt: result.claimedAt?.toISOString() ?? null,
    settledAt: result.settledAt.toISOString(),
    metadata: result.metadata,
    cancelRequested: result.cancelRequested,
    cursor: result.cursor,
  };
}

/** Details are bytes, in base64 as proto3 JSON has them; left out if there are none. */
function problemToJson({ code, message, details }: TaskProblem): Record<string, unknown> {
  return { code, message, ...(details ? { details: Buffer.from(details).toString('base64') } : {}) };
}

/** The same for people: fields with a tab between them, `-` for nothing, long ones shortened. */
export function resultToLine(result: TaskResult): string {
  const error = result.error && [result.error.code, result.error.message].filter(Boolean).join(': ');
  return (
    [
      result.taskId,
      result.queue,
      result.state,
      result.state === 'succeeded' ? describeValue(result.bytes, MAX_SHOWN) : '',
      shorten(escapeLine(error ?? ''), MAX_SHOWN),
      String(result.attempt),
      result.clientId,
      result.createdAt.toISOString(),
      result.claimedAt?.toISOString() ?? '',
      result.settledAt.toISOString(),
      result.cursor,
    ]
      // Every field is of somebody else's making, ids and places of a strange server too.
      .map((field) => escapeLine(field) || '-')
      .join('\t')
  );
}

export const RESULT_HEADINGS = [
  'taskId',
  'queue',
  'state',
  'result',
  'error',
  'attempt',
  'clientId',
  'createdAt',
  'claimedAt',
  'settledAt',
  'cursor',
].join('\t');
