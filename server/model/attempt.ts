import type { Decision, Report } from './delivery.ts';
import type { TaskError } from './task.ts';

// What is kept of the attempts of a task. One that succeeded is known by its result, and has nothing of its own.

/** How an attempt ended. */
export type AttemptEnd =
  | 'succeeded'
  /** Its worker told a failure. */
  | 'failed'
  | 'timedOut'
  /** Its session was lost, and its client did not come back in time. */
  | 'lost'
  | 'released'
  | 'cancelled';

/** A delivery of a task as people see it. */
export interface AttemptRecord {
  /** From 1, and from 1 again after a redrive; of one that burnt none the number that it would have had. */
  readonly attempt: number;
  readonly delivery: number;
  /** Who had it; empty: nobody knows. */
  readonly clientId: string;
  /** Null: nobody kept it. */
  readonly claimedAt: number | null;
  /** When its client said that it began; null: it did not, or nobody knows any more. */
  readonly startedAt: number | null;
  /** Null: it runs. */
  readonly endedAt: number | null;
  readonly end: AttemptEnd | null;
  /** Nothing was done, and no attempt was burnt. */
  readonly isUntouched: boolean;
  readonly error: TaskError | null;
  /** How long the task waits for the next one, from the end of this one; 0: not at all, or there is none. */
  readonly backoffMs: number;
}

/** Attempts that are kept of a task, and shown: the newest. */
export const MAX_KEPT = 20;

/** What the end of a delivery adds to the attempts of its task. */
export type EndedAttempt = Pick<AttemptRecord, 'attempt' | 'end' | 'isUntouched' | 'error' | 'backoffMs'>;

/**
 * The attempt that a delivery was, by what was reported of it and became of its task; null: it succeeded, which its
 * result says.
 * @param burnt attempts before it
 * @param isTold by its client; else the server said it
 */
export function describeEnd(
  report: Report,
  decision: Decision,
  { burnt, isTold, now }: { readonly burnt: number; readonly isTold: boolean; readonly now: number },
): EndedAttempt | null {
  if (report.kind === 'succeeded') return null;
  const said = decision.kind === 'settled' ? decision.error : null;
  return {
    attempt: burnt + 1,
    end: decision.kind === 'settled' && decision.state === 'cancelled' ? 'cancelled' : endOf(report.kind, isTold),
    isUntouched: decision.kind === 'returned' && decision.attempt === burnt,
    error: report.kind === 'failed' ? report.error : said,
    backoffMs: decision.kind === 'retried' ? decision.runAt - now : 0,
  };
}

function endOf(kind: Exclude<Report['kind'], 'succeeded'>, isTold: boolean): AttemptEnd {
  switch (kind) {
    case 'failed':
      return isTold ? 'failed' : 'timedOut';
    case 'lost':
      return 'lost';
    case 'stopped':
      return 'released';
    case 'abandoned':
      return 'cancelled';
  }
}
