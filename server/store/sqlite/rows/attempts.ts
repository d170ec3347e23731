import {
  type AttemptEnd,
  type AttemptRecord,
  describeEnd,
  type EndedAttempt,
  MAX_KEPT,
} from '../../../model/attempt.ts';
import type { Decision, OpenDelivery, Report } from '../../../model/delivery.ts';
import { failureOf } from '../../../model/failure.ts';
import type { Owner } from '../../../model/owner.ts';
import type { TaskError } from '../../../model/task.ts';
import type { Database, Value } from '../../file/database.ts';
import { createFailureKinds, type FailureBounds } from './failures.ts';
import type { TaskRow } from './task.ts';

/** The attempts that did not succeed: rows of `attempt`. */
export interface Attempts {
  /** Keeps how a delivery ended, unless it succeeded, which its result says. */
  note(row: Pick<TaskRow, 'key' | 'queueId' | 'delivery' | 'claimedAt'>, ending: Ending, now: number): void;
  /** The delivery is open again. */
  drop(taskKey: number, delivery: number): void;
  /** The oldest first. */
  list(taskKey: number): AttemptRecord[];
  /** Who has told how this delivery ended, if anybody has. */
  tellerOf(taskKey: number, delivery: number): Owner | undefined;
}

/** The end of a delivery, and what came of it. */
export interface Ending {
  readonly open: OpenDelivery;
  readonly report: Report;
  readonly decision: Decision;
  /** By its client; else the server said it. */
  readonly isTold: boolean;
  readonly told: { readonly clientId: string; readonly startedAt?: number | null | undefined };
}

type KeptAttempt = EndedAttempt & Pick<AttemptRecord, 'delivery' | 'clientId' | 'claimedAt' | 'startedAt' | 'endedAt'>;

/** What is counted of a failure: its kind, null if it is none, and whether it left the task failed. */
interface Counted {
  readonly failureId: number | null;
  readonly isFinal: boolean;
}

/** Ends of attempts as they are stored, by their places. */
const ENDS: readonly AttemptEnd[] = ['succeeded', 'failed', 'timedOut', 'lost', 'released', 'cancelled'];

export function createAttempts(db: Database, bounds: FailureBounds = {}): Attempts {
  const kinds = createFailureKinds(db, bounds);
  const insert = db.prepare(
    `INSERT OR REPLACE INTO attempt (task_key, delivery, attempt, client_id, claimed_at, started_at, ended_at, ended,
       is_untouched, backoff_ms, error_code, error_message, error_details, error_detail, failure_id, is_final)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const deleteOne = db.prepare('DELETE FROM attempt WHERE task_key = ? AND delivery = ?');
  const deleteUntouched = db.prepare('DELETE FROM attempt WHERE task_key = ? AND delivery = ? AND is_untouched = 1');
  const deleteOld = db.prepare(
    `DELETE FROM attempt WHERE task_key = ?1 AND delivery <=
       (SELECT delivery FROM attempt WHERE task_key = ?1 ORDER BY delivery DESC LIMIT 1 OFFSET ${MAX_KEPT})`,
  );
  const select = db.prepareColumns(
    `SELECT attempt, delivery, client_id, claimed_at, started_at, ended_at, ended, is_untouched, backoff_ms, error_code,
       error_message, error_details, error_detail FROM attempt WHERE task_key = ? ORDER BY delivery`,
    toAttempt,
  );

  // What ends between two attempts is of no client: who had told the failure before stands with the attempt.
  const selectTeller = db.prepareColumns(
    `SELECT coalesce(nullif(result.client_id, ''), attempt.client_id, ''), coalesce(told_by, '') FROM result
       LEFT JOIN attempt ON attempt.task_key = result.task_key AND attempt.delivery = result.delivery
     WHERE result.task_key = ? AND result.delivery = ? AND is_told = 1`,
    (c): Owner => ({ clientId: c[0] as string, subject: c[1] as string }),
  );

  function keep(taskKey: number, ended: KeptAttempt, { failureId, isFinal }: Counted): void {
    const { delivery, isUntouched, error } = ended;
    // Who gives a task back again and again pushes out nothing that was done.
    if (isUntouched) deleteUntouched.run(taskKey, delivery - 1);
    insert.run(
      taskKey,
      delivery,
      ended.attempt,
      ended.clientId,
      ended.claimedAt,
      ended.startedAt,
      ended.endedAt,
      ENDS.indexOf(ended.end!),
      isUntouched ? 1 : 0,
      ended.backoffMs,
      error?.code ?? null,
      error?.message ?? null,
      error?.details ?? null,
      error?.detail ?? null,
      failureId,
      isFinal ? 1 : 0,
    );
    if (delivery > MAX_KEPT) deleteOld.run(taskKey);
  }

  function drop(taskKey: number, delivery: number): void {
    deleteOne.run(taskKey, delivery);
  }

  return {
    note: ({ key, queueId, delivery, claimedAt }, { open, report, decision, isTold, told }, now) => {
      const ended = describeEnd(report, decision, { burnt: open.burnt, isTold, now });
      if (ended) {
        const { clientId, startedAt = null } = told;
        const failure = failureOf(ended);
        const counted = {
          failureId: failure && kinds.idOf(queueId, failure),
          isFinal: decision.kind === 'settled' && decision.state === 'failed',
        };
        keep(key, { ...ended, delivery, clientId, claimedAt, startedAt, endedAt: now }, counted);
      } else if (open.from === 'ready') drop(key, delivery);
    },
    drop,
    list: (taskKey) => select.all(taskKey),
    tellerOf: (taskKey, delivery) => selectTeller.get(taskKey, delivery),
  };
}

function toAttempt(c: readonly Value[]): AttemptRecord {
  return {
    attempt: c[0] as number,
    delivery: c[1] as number,
    clientId: c[2] as string,
    claimedAt: c[3] as number | null,
    startedAt: c[4] as number | null,
    endedAt: c[5] as number | null,
    end: ENDS[c[6] as number]!,
    isUntouched: c[7] === 1,
    backoffMs: c[8] as number,
    error: readError(c),
  };
}

function readError(c: readonly Value[]): TaskError | null {
  if (c[9] === null) return null;
  return {
    code: c[9] as string,
    message: c[10] as string,
    ...(c[11] === null ? {} : { details: c[11] as Uint8Array }),
    ...(c[12] === null ? {} : { detail: c[12] as string }),
  };
}
