import type { TaskError } from './task.ts';

/** The error of an attempt that was burnt without one of its worker's. */
export const GIVEN_BACK = 'it was given back after it had started';

/**
 * How the newest delivery of a task that waits has ended. `none`: the task was never claimed, or not since its redrive.
 */
export type LastEnd = 'none' | 'failed' | 'lost' | 'released';

/** What is known of a task that waited until it expired. */
export interface Waited {
  readonly end: LastEnd;
  /** The backoff of the task is not over. */
  readonly isBackingOff: boolean;
  /** Attempts that were burnt. */
  readonly attempt: number;
  /** The error of the last attempt that failed; null or empty: nothing is known of it. */
  readonly lastError: string | null;
}

/** Characters of an error that are told: with the text around them less than what is kept of an error. */
const MAX_CHARACTERS = 1_000;

/** The error of an attempt as text, stored in case that the task expires before the next attempt. */
export function lastErrorOf({ code, message }: TaskError): string {
  return (message || code).slice(0, MAX_CHARACTERS).toWellFormed();
}

/** What observers are told of an error: where it came from is kept with the attempt. */
export function withoutDetail({ detail: _detail, ...said }: TaskError): TaskError {
  return said;
}

/** Why a task has expired: it may have been taken, and come back, before. */
export function describeExpiry(waited: Waited): TaskError {
  const { end, lastError } = waited;
  const isError = lastError && lastError !== GIVEN_BACK;
  const known = isError ? `; the last error was: ${lastError}` : '';
  return { code: 'EXPIRED', message: end === 'failed' ? afterFailure(waited) : `${WORDS[end]}${known}` };
}

const WORDS: Readonly<Record<Exclude<LastEnd, 'failed'>, string>> = {
  none: 'nobody took it in time',
  lost: 'its worker was lost, and nobody took it again in time',
  released: 'it was given back, and nobody took it again in time',
};

function afterFailure({ isBackingOff, attempt, lastError }: Waited): string {
  const error = lastError ? `: ${lastError}` : '';
  if (isBackingOff) return `expired while backing off after attempt ${attempt}${error}`;
  return `nobody took it again in time after attempt ${attempt}${error}`;
}
