import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';
import { type Attempt, AttemptEnd } from '../gen/contact/v1/task_pb.ts';
import { endName } from '../json/task.ts';
import { formatInstant, formatMs } from './age.ts';
import { escapeLine, shorten } from './escape.ts';
import { renderTable } from './table.ts';
import { describeError } from './task.ts';

const MAX_SHOWN = 200;
const HEADINGS = ['attempt#', 'delivery#', 'client', 'since', 'for#', 'end', 'next after#', 'error'];

/** What a task went through, a line for each attempt. @param withDetail and where each error came from, beneath */
export function renderAttempts(attempts: readonly Attempt[], isTerminal: boolean, withDetail: boolean): string {
  if (attempts.length === 0) return '';
  const rows = attempts.map((one) => [
    String(one.attempt),
    String(one.delivery),
    one.clientId,
    formatInstant(one.startedAt ?? one.claimedAt),
    formatTook(one),
    describeEnd(one),
    one.backoffMs > 0 ? formatMs(one.backoffMs) : '',
    shorten(escapeLine(describeError(one.error)), MAX_SHOWN),
  ]);
  const details = withDetail ? attempts.map(renderDetail).join('') : '';
  return `\n${renderTable(HEADINGS, rows, isTerminal)}${details}`;
}

function renderDetail({ attempt, delivery, error }: Attempt): string {
  if (!error?.detail) return '';
  const lines = error.detail.split('\n').map((line) => `  ${escapeLine(line)}\n`);
  return `\nattempt ${attempt}, delivery ${delivery}:\n${lines.join('')}`;
}

/** `attempt 2 failed after 1.2s, client w: E: it broke; the next one after 3s` */
export function describeAttempt(attempt: Attempt): string {
  const { clientId, error, backoffMs } = attempt;
  const took = formatTook(attempt);
  const why = shorten(escapeLine(describeError(error)), MAX_SHOWN);
  return [
    `attempt ${attempt.attempt} ${describeEnd(attempt)}`,
    took && ` after ${took}`,
    clientId && `, client ${escapeLine(clientId)}`,
    why && `: ${why}`,
    backoffMs > 0 && `; the next one after ${formatMs(backoffMs)}`,
  ]
    .filter(Boolean)
    .join('');
}

/** Whether an attempt is over, and otherwise than by a result, which is told with the state. */
export function hasFailed({ end }: Attempt): boolean {
  return end !== AttemptEnd.UNSPECIFIED && end !== AttemptEnd.SUCCEEDED;
}

function describeEnd(attempt: Attempt): string {
  return `${endName(attempt).replace('_', ' ')}${attempt.untouched ? ', untouched' : ''}`;
}

function formatTook({ claimedAt, startedAt, endedAt }: Attempt): string {
  const since: Timestamp | undefined = startedAt ?? claimedAt;
  return since && endedAt ? formatMs(timestampMs(endedAt) - timestampMs(since)) : '';
}
