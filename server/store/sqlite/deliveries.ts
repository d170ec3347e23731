import type { ChildCounts } from '../../model/broadcast.ts';
import { endBroadcast } from '../../model/broadcast.ts';
import {
  answerClosed,
  cancelWaiting,
  type Decision,
  decide,
  decideParent,
  findOpen,
  type OpenDelivery,
  type Report,
  type SettleDecision,
} from '../../model/delivery.ts';
import { type Owner, wasToldBy } from '../../model/owner.ts';
import type { Delivery, LaneRef, ResultRecord } from '../../model/task.ts';
import type { Fence, Release, Settlement, SettleOutcome } from '../deliveries.ts';
import { type Context, endNumber, parseMetadata, stateNumber, type TaskRow } from './context.ts';

/** A task that is settled; `parent`: it was the last child of a broadcast, which settled with it. */
export interface Settled {
  readonly event: ResultRecord;
  readonly parent?: ResultRecord;
}

/** What became of a delivery that ended without a result of its own. */
export type Return = { readonly ready: LaneRef } | Settled;

/** When a task that backs off is ready again, and when it expires; null: never. */
interface Retried {
  readonly scheduledAt: number;
  readonly expiresAt: number | null;
}

/** What is written beside a decision: what was told of the end, and by whom. */
interface Told {
  readonly clientId: string;
  /** The principal that told it; empty, or left out: nobody asked who it was, or the server itself ended it. */
  readonly subject?: string;
  readonly startedAt?: number | null | undefined;
  readonly result?: Uint8Array;
  readonly contentType?: string;
}

/** Whose delivery it is that the server itself ends, and when it had begun. */
interface Ended {
  readonly had: Owner | null;
  readonly startedAt: number | null | undefined;
}

/**
 * Reads what is known of deliveries, has `model/delivery.ts` decide, and writes that. Whoever gives a row has read it
 * in this transaction.
 */
export interface Deliveries {
  settleTasks(settlements: readonly Settlement[], now: number): readonly SettleOutcome[];
  releaseTasks(releases: readonly Release[], now: number): readonly SettleOutcome[];
  checkpointTasks(checkpoints: readonly (Delivery & { readonly data: Uint8Array })[]): readonly boolean[];
  /** The delivery that a fence names, if it is open for whoever names it. */
  findOpen(row: TaskRow, fence: Fence): OpenDelivery | undefined;
  /** Takes a report of the server itself about a delivery that runs: it is given back, or its session is gone. */
  take(row: TaskRow, report: Report & { kind: 'stopped' | 'lost' }, by: Ended, now: number): Return;
  settle(row: TaskRow, decision: SettleDecision, now: number, told?: Told): Settled;
  /** Cancels a task that nobody has. */
  cancel(row: TaskRow, reason: string, now: number): Settled;
  /** Settles a broadcast whose children are settled, all of them; undefined: some are still out. */
  endBroadcast(parentKey: number, counts: ChildCounts, now: number): ResultRecord | undefined;
  /** Has the task run again, or still, under this session. */
  adopt(row: TaskRow, open: OpenDelivery, sessionKey: number): void;
}

/** The records of settled tasks and of their parents, in the order of their positions. */
export function recordsOf(settled: readonly Settled[]): ResultRecord[] {
  return settled.flatMap(({ event, parent }) => (parent ? [event, parent] : [event]));
}

const NOTHING = new Uint8Array(0);
const NOBODY: Told = Object.freeze({ clientId: '' });

const UNKNOWN: SettleOutcome = Object.freeze({ code: 'UNKNOWN' });
const STALE: SettleOutcome = Object.freeze({ code: 'STALE' });
const DUPLICATE: SettleOutcome = Object.freeze({ code: 'DUPLICATE' });

export function createDeliveries({ db, catalog, counters, sessions, tasks, children, attempts }: Context): Deliveries {
  const deleteCheckpoint = db.prepare('DELETE FROM checkpoint WHERE task_key = ?');
  const putCheckpoint = db.prepare(
    'INSERT INTO checkpoint VALUES (?, ?) ON CONFLICT (task_key) DO UPDATE SET data = excluded.data',
  );
  const markCheckpoint = db.prepare('UPDATE live SET has_checkpoint = 1 WHERE task_key = ? AND has_checkpoint = 0');
  const updateWaiting = db.prepare(
    `UPDATE live SET state = 0, run_at = NULL, attempt = ?, lost = ?, ended = ?, session_key = NULL, owner = ?,
       owner_subject = ?, last_error = coalesce(last_error, ?) WHERE task_key = ?`,
  );
  const updateRetried = db.prepare<{ expires_at: number | null }>(
    `UPDATE live SET state = 2, run_at = ?, attempt = ?, lost = ?, ended = ?, session_key = NULL, owner = ?,
       owner_subject = ?, last_error = ? WHERE task_key = ? RETURNING expires_at`,
  );
  const updateRunning = db.prepare(
    'UPDATE live SET state = 1, session_key = ?, attempt = ?, lost = ?, ended = 0 WHERE task_key = ?',
  );

  function find(row: TaskRow, fence: Fence): OpenDelivery | undefined {
    return findOpen(row, fence, row.sessionKey === null ? undefined : sessions.get(row.sessionKey));
  }

  function settleOne(settlement: Settlement, now: number): SettleOutcome {
    const row = tasks.byId(settlement.taskId);
    if (!row) return UNKNOWN;
    const open = find(row, settlement);
    if (!open) return wasTold(row, settlement) ? DUPLICATE : STALE;
    const isTold = settlement.session === undefined;
    const clientId = settlement.clientId ?? ownerOf(row)?.clientId ?? '';
    const subject = settlement.namedBy?.subject ?? '';
    // No result has a delivery be lost.
    const decision = decide(row, open, settlement, isTold, null, now);
    if (!decision) return STALE;
    // A result comes with a success alone, whatever else was given.
    const told =
      settlement.kind === 'succeeded'
        ? { clientId, subject, result: settlement.result, contentType: settlement.contentType }
        : { clientId, subject, startedAt: settlement.startedAt };
    attempts.note(row, { open, report: settlement, decision, isTold, told }, now);
    return write(row, open, decision, told, now);
  }

  /**
   * Whether who names this very delivery had told a result of it before: the end of the task, or a failure that is retried.
   */
  function wasTold(row: TaskRow, fence: Fence): boolean {
    const answer = answerClosed(row, fence);
    if (answer !== 'log') return answer === 'DUPLICATE';
    tasks.flush();
    const teller = attempts.tellerOf(row.key, fence.delivery);
    return teller !== undefined && wasToldBy(teller, fence.namedBy);
  }

  /** Who has the task, or had the delivery that was lost; null: nobody knows. */
  function ownerOf({ sessionKey, owner }: TaskRow): Owner | null {
    return (sessionKey === null ? owner : sessions.get(sessionKey)) ?? null;
  }

  function releaseOne(release: Release, now: number): SettleOutcome {
    const row = tasks.byId(release.taskId);
    if (!row) return UNKNOWN;
    const open = find(row, release);
    if (!open) return STALE;
    const owner = ownerOf(row);
    const report = { kind: release.cause === 'lost' ? 'lost' : 'stopped', isStarted: release.isStarted } as const;
    const isTold = release.session === undefined;
    const decision = decide(row, open, report, isTold, owner, now);
    if (!decision) return STALE;
    const subject = release.namedBy?.subject ?? '';
    const told = { clientId: owner?.clientId ?? '', subject, startedAt: release.startedAt };
    attempts.note(row, { open, report, decision, isTold, told }, now);
    return write(row, open, decision, told, now);
  }

  function write(row: TaskRow, open: OpenDelivery, decision: Decision, told: Told, now: number): SettleOutcome {
    if (decision.kind === 'settled') {
      const { event, parent } = settle(row, decision, now, told);
      return parent ? { code: 'STORED', event, parent } : { code: 'STORED', event };
    }
    if (decision.kind === 'returned') return { code: 'STORED', ready: putBack(row, open, decision) };
    const { scheduledAt, expiresAt } = retry(row, open, decision, told);
    const outcome = { code: 'STORED', scheduledAt } as const;
    return expiresAt === null ? outcome : { ...outcome, expiresAt };
  }

  /** Every way to settle comes through here, so that no child goes uncounted. */
  function settle(row: TaskRow, decision: SettleDecision, now: number, told = NOBODY): Settled {
    // Asked before the end, since the mark of a child is in its live row.
    const parentKey = row.parentId === null ? null : children.parentOf(row.key);
    const event = log(row, decision, now, told);
    if (parentKey === null) return { event };
    const counts = children.count(parentKey, decision.state);
    const parent = counts && endParent(parentKey, counts, now);
    return parent ? { event, parent } : { event };
  }

  function endParent(parentKey: number, counts: ChildCounts, now: number): ResultRecord | undefined {
    const parent = tasks.byKey(parentKey);
    const end = endBroadcast(counts, parent.cancelReason);
    if (!end) return undefined;
    const { result, contentType } = end;
    return log(parent, decideParent(parent, end), now, { clientId: '', result, contentType });
  }

  function log(row: TaskRow, decision: SettleDecision, now: number, told: Told): ResultRecord {
    const lane = catalog.laneById(row.laneId);
    const { state, attempt, lost, error, cancelRequested } = decision;
    const { clientId, result = NOTHING, contentType = '' } = told;
    // Between two attempts it is the server that ends it, and a client has told of the delivery before.
    const toldBy = row.ended === 'failed' ? row.owner?.subject : told.subject;
    catalog.move(lane, row.state!, state, row.terms.createdBy);
    const position = counters.nextPosition++;
    // A failed task may be redriven and goes on from there.
    if (row.hasCheckpoint && state !== 'failed') deleteCheckpoint.run(row.key);
    tasks.end(row, [
      stateNumber(state),
      attempt,
      lost,
      row.delivery,
      decision.isTold ? 1 : 0,
      cancelRequested ? 1 : 0,
      now,
      clientId,
      (decision.isTold && toldBy) || null,
      error === null ? null : error.code,
      error === null ? null : error.message,
      error?.details ?? null,
      contentType,
      position,
      row.key,
      row.claimedAt,
      result,
    ]);
    return {
      position,
      taskId: row.id,
      queue: lane.ref.queue,
      state,
      result,
      contentType,
      error,
      attempt,
      delivery: row.delivery,
      clientId,
      createdAt: row.terms.createdAt,
      claimedAt: row.claimedAt,
      settledAt: now,
      metadata: parseMetadata(row.terms.metadata),
      cancelRequested,
      parentId: row.parentId,
    };
  }

  function putBack(row: TaskRow, open: OpenDelivery, decision: Decision & { kind: 'returned' }): LaneRef {
    const { transition, attempt, lost, ended, owner, lastError } = decision;
    const lane = catalog.laneById(row.laneId);
    const { createdBy } = row.terms;
    if (open.from === 'ready') catalog.move(lane, 'ready', 'adopted', createdBy);
    catalog.move(lane, 'running', transition, createdBy);
    tasks.beginChange(row);
    updateWaiting.run(
      attempt,
      lost,
      endNumber(ended),
      owner?.clientId ?? null,
      owner?.subject ?? null,
      lastError,
      row.key,
    );
    return lane.ref;
  }

  function retry(row: TaskRow, open: OpenDelivery, decision: Decision & { kind: 'retried' }, told: Told): Retried {
    const { runAt, attempt, lost, ended, lastError } = decision;
    catalog.move(catalog.laneById(row.laneId), open.from, 'retried', row.terms.createdBy);
    tasks.beginChange(row);
    const { clientId, subject = '' } = told;
    const stored = updateRetried.get(runAt, attempt, lost, endNumber(ended), clientId, subject, lastError, row.key)!;
    return { scheduledAt: runAt, expiresAt: stored.expires_at };
  }

  function checkpointOne({ taskId, delivery, data }: Delivery & { readonly data: Uint8Array }): boolean {
    const row = tasks.byId(taskId);
    if (row?.state !== 'running' || row.delivery !== delivery) return false;
    tasks.beginChange(row);
    putCheckpoint.run(row.key, data);
    markCheckpoint.run(row.key);
    return true;
  }

  return {
    settleTasks: (settlements, now) => tasks.gather(() => settlements.map((each) => settleOne(each, now))),
    releaseTasks: (releases, now) => releases.map((each) => releaseOne(each, now)),
    checkpointTasks: (checkpoints) => checkpoints.map(checkpointOne),
    findOpen: find,
    take: (row, report, { had, startedAt }, now) => {
      const open = { from: 'running', burnt: row.attempt, lost: row.lost } as const;
      const decision = decide(row, open, report, false, had, now) as Exclude<Decision, { kind: 'retried' }>;
      const told = { clientId: had?.clientId ?? '', startedAt };
      attempts.note(row, { open, report, decision, isTold: false, told }, now);
      if (decision.kind === 'returned') return { ready: putBack(row, open, decision) };
      return settle(row, decision, now, told);
    },
    settle,
    cancel: (row, reason, now) => settle(row, cancelWaiting(row, reason), now),
    endBroadcast: endParent,
    adopt: (row, { from, burnt, lost }, sessionKey) => {
      if (from === 'ready') {
        catalog.move(catalog.laneById(row.laneId), 'ready', 'adopted', row.terms.createdBy);
        attempts.drop(row.key, row.delivery);
      }
      tasks.beginChange(row);
      updateRunning.run(sessionKey, burnt, lost, row.key);
    },
  };
}
