import type { AttemptRecord } from '../../server/model/attempt.ts';
import type { TaskError } from '../../server/model/task.ts';
import type { ModelTask } from './task.ts';

/** Who ends a delivery, and how. */
export interface By {
  readonly end: 'failed' | 'released' | 'lost';
  readonly clientId: string;
  readonly isTold: boolean;
  readonly error?: TaskError;
  readonly startedAt?: number | null | undefined;
}

const KEPT = 20;

/** Ends the newest delivery, and keeps how it ended, by what is left of the task after that. */
export function ending<T>(task: ModelTask, by: By, now: number, act: () => T): T {
  const { burnt, delivery, claimedAt } = task;
  const answer = act();
  const { state } = task;
  const settled = state === 'failed' || state === 'cancelled' ? task.results.at(-1)!.record.error : null;
  const isUntouched = state === 'ready' && task.burnt === burnt;
  const others = task.attempts.filter(
    (one) => one.delivery !== delivery && !(isUntouched && one.isUntouched && one.delivery === delivery - 1),
  );
  const ended: AttemptRecord = {
    attempt: burnt + 1,
    delivery,
    clientId: by.clientId,
    claimedAt,
    startedAt: by.startedAt ?? null,
    endedAt: now,
    end: state === 'cancelled' ? 'cancelled' : by.end === 'failed' && !by.isTold ? 'timedOut' : by.end,
    isUntouched,
    error: by.error ?? settled,
    backoffMs: state === 'scheduled' ? task.runAt! - now : 0,
  };
  task.attempts = [...others, ended].slice(-KEPT);
  return answer;
}

/** The newest delivery is open again, or has succeeded after all. */
export function forgetEnd(task: ModelTask): void {
  task.attempts = task.attempts.filter(({ delivery }) => delivery !== task.delivery);
}

export function listAttempts(task: ModelTask, clientId: string): readonly AttemptRecord[] {
  const { state, delivery, burnt, claimedAt } = task;
  const settled = state === 'succeeded' && delivery > 0 ? task.results.at(-1)!.record : null;
  if (state !== 'running' && !settled) return task.attempts;
  const last: AttemptRecord = {
    attempt: settled?.attempt ?? burnt + 1,
    delivery,
    clientId: settled?.clientId ?? clientId,
    claimedAt,
    startedAt: null,
    endedAt: settled?.settledAt ?? null,
    end: settled ? 'succeeded' : null,
    isUntouched: false,
    error: null,
    backoffMs: 0,
  };
  return [...task.attempts, last].slice(-KEPT);
}
