import type { TaskError } from './task.ts';

/** Of an attempt that was burnt without an error of its worker's. */
export const GIVEN_BACK = 'it was given back after it had started';

/** How the newest delivery of a task that waits has ended. `none`: it was never claimed, or not since its redrive. */
export type LastEnd = 'none' | 'failed' | 'lost' | 'released';

/** Of a task that waits until it expires. */
export interface Waited {
  readonly end: LastEnd;
  /** Its backoff is not over. */
  readonly isBackingOff: boolean;
  /** Attempts that were burnt. */
  readonly attempt: number;
  /** Of the last attempt that failed; null or empty: nothing is known of it. */
  readonly lastError: string | null;
}

/** With the words around it less than what is kept of an error. */
const MAX_CHARACTERS = 1_000;

/** What is kept of the error of an attempt in case that its task expires before the next one. */
export function lastErrorOf({ code, message }: TaskError): string {
  return (message || code).slice(0, MAX_CHARACTERS).toWellFormed();
}

/** Why a task has expired, in true words: it may have been taken before. */
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
