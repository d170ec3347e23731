import type { TaskResult } from '../client/index.ts';
import { escapeLine, shorten } from './escape.ts';
import { describeValue } from './value.ts';

const MAX_SHOWN = 200;

export const SETTLED_STATES = ['succeeded', 'failed', 'cancelled', 'expired'] as const;

/** A result for people: fields with a tab between them, `-` for nothing, long ones shortened. */
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
  'id',
  'queue',
  'state',
  'result',
  'error',
  'attempt',
  'client',
  'createdAt',
  'claimedAt',
  'settledAt',
  'cursor',
].join('\t');
