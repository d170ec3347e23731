import { ContactError, type ErrorCode } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';

/** The pause before the store is asked again for what it refused for now, when it does not say when. */
const RETRY_MS = 1_000;

/** Codes of a store that cannot for now: nothing has changed, and the same may be taken a moment later. */
const PASSING: ReadonlySet<ErrorCode> = new Set(['RESOURCE_EXHAUSTED', 'UNAVAILABLE', 'ABORTED', 'DEADLINE_EXCEEDED']);

/** The time in which the failures of one operation are one line of the log. */
const LOG_INTERVAL_MS = 60_000;

/** Whether the store cannot for now; anything else is a bug. */
export function isRefusal(error: unknown): error is ContactError {
  return error instanceof ContactError && PASSING.has(error.code);
}

/**
 * What a rejected operation of the store means to whoever asked for it: after how many milliseconds to ask again.
 * Throws an error that is no refusal for now. That is a bug, which asking again does not mend: what the server does by
 * itself ends with it (`onFatal`), what a client asked for has it logged (`NoteFailure`).
 */
export function retryAfterMs(error: unknown): number {
  if (isRefusal(error)) return error.retryAfterMs ?? RETRY_MS;
  throw error;
}

/**
 * The same for what clients ask for and are told no error of: a bug is logged under the name of the operation, and its
 * client may ask again. It does not end the server, which every client could end then.
 */
export type NoteFailure = (operation: StoreOperation, error: unknown) => number;

/** The operations that clients are told no error of. */
export type StoreOperation =
  | 'settleTasks'
  | 'releaseTasks'
  | 'checkpointTasks'
  | 'logTasks'
  | 'loseSession'
  | 'cancelTasks'
  | 'isUsed'
  | 'rememberServing'
  | 'leaveServing';

export interface FailureLogOptions {
  readonly logger: Logger;
  readonly monotonic: () => number;
}

export function createFailureLog({ logger, monotonic }: FailureLogOptions): NoteFailure {
  // Bounded by the names of operations.
  const lines = new Map<StoreOperation, { readonly until: number; unlogged: number }>();

  return (operation, error) => {
    try {
      return retryAfterMs(error);
    } catch (bug) {
      const line = lines.get(operation);
      if (line && monotonic() < line.until) line.unlogged += 1;
      else {
        lines.set(operation, { until: monotonic() + LOG_INTERVAL_MS, unlogged: 0 });
        logger.error({ err: bug, operation, unlogged: line?.unlogged ?? 0 }, 'an operation of the store failed');
      }
      return RETRY_MS;
    }
  };
}
