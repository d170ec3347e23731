import { type ChildCounts, endBroadcast } from '../../model/broadcast.ts';
import { GIVEN_BACK, lastErrorOf } from '../../model/expiry.ts';
import { MAX_LOST } from '../../model/retry.ts';
import type { Transition } from '../../model/states.ts';
import type { LaneRef, ResultRecord, SessionRef, SettledState, TaskError } from '../../model/task.ts';
import type { Fence } from '../deliveries.ts';
import { type Context, ENDED, parseMetadata, READY, RUNNING, stateName, stateNumber, type TaskRow } from './context.ts';

/** A delivery that may still be ended: running, or lost and not given to anybody else. */
export interface OpenDelivery {
  readonly row: TaskRow;
  /** `ready`: only the loss of its session ended it; ending it now takes back what that loss burnt. */
  readonly from: 'running' | 'ready';
  readonly burnt: number;
  readonly lost: number;
}

export interface Ending {
  readonly state: SettledState;
  readonly transition: Transition;
  readonly clientId: string;
  readonly attempt: number;
  /** Unset: as its row has it. */
  readonly lost?: number;
  /** A client told it: the same delivery told again is a duplicate. */
  readonly isTold: boolean;
  readonly error: TaskError | null;
  readonly result?: Uint8Array;
  readonly contentType?: string;
}

/** A task that is settled; `parent`: it was the last child of a broadcast, which settled with it. */
export interface Settled {
  readonly event: ResultRecord;
  readonly parent?: ResultRecord;
}

/** What became of a delivery that ended without a result of its own. */
export type Return = { readonly ready: LaneRef } | Settled;

interface PutBack {
  readonly transition: 'released' | 'lost';
  readonly ended: number;
  readonly owner: string | null;
  readonly words: string | null;
}

/** The ways in which a delivery, or a waiting task, ends. All callers have read the row in this transaction. */
export interface Deliveries {
  /** The delivery that a fence names, if it is open for whoever names it. */
  findOpen(row: TaskRow, fence: Fence): OpenDelivery | undefined;
  settle(row: TaskRow, ending: Ending, now: number): Settled;
  /** Settles a broadcast whose children are settled, all of them; undefined: some are still out. */
  endBroadcast(parentKey: number, counts: ChildCounts, now: number): ResultRecord | undefined;
  cancel(row: TaskRow, reason: string, clientId: string, isTold: boolean, now: number): Settled;
  /** Backing off until `runAt`; burns an attempt. Answers when it expires, null: never. */
  retry(open: OpenDelivery, runAt: number, isTold: boolean, error: TaskError): number | null;
  /** Given back: the delivery is closed; burnt if it was started. A cancel that was asked for happens now. */
  release(open: OpenDelivery, isStarted: boolean, clientId: string, isTold: boolean, now: number): Return;
  /** Its session is gone: adoptable until somebody else has it; burnt if it was started. */
  lose(row: TaskRow, isStarted: boolean, clientId: string, now: number): Return;
  /** Running again, or still, under this session. */
  adopt(open: OpenDelivery, sessionKey: number): void;
}

/** In the order of their positions. */
export function recordsOf(settled: readonly Settled[]): ResultRecord[] {
  return settled.flatMap(({ event, parent }) => (parent ? [event, parent] : [event]));
}

const NOTHING = new Uint8Array(0);

export function createDeliveries({ db, catalog, counters, sessions, tasks, children }: Context): Deliveries {
  const deleteCheckpoint = db.prepare('DELETE FROM checkpoint WHERE task_key = ?');
  const updateWaiting = db.prepare(
    `UPDATE live SET state = ?, run_at = NULL, attempt = ?, lost = ?, ended = ?, session_key = NULL, owner = ?,
       last_error = coalesce(last_error, ?) WHERE task_key = ?`,
  );
  const updateRetried = db.prepare<{ expires_at: number | null }>(
    `UPDATE live SET state = 2, run_at = ?, attempt = ?, lost = ?, ended = ?, session_key = NULL,
       last_error = ? WHERE task_key = ? RETURNING expires_at`,
  );
  const updateRunning = db.prepare(
    'UPDATE live SET state = 1, session_key = ?, attempt = ?, lost = ?, ended = 0 WHERE task_key = ?',
  );

  function findOpen(row: TaskRow, { delivery, session, namedBy }: Fence): OpenDelivery | undefined {
    if (row.delivery !== delivery) return undefined;
    if (row.state === RUNNING) {
      if (session && !isOwner(row, session)) return undefined;
      return { row, from: 'running', burnt: row.attempt, lost: row.lost };
    }
    if (row.state !== READY || session || (row.ended !== ENDED.lost && row.ended !== ENDED.lostBurnt)) return undefined;
    if (namedBy !== undefined && row.owner !== null && row.owner !== namedBy) return undefined;
    const back = row.ended === ENDED.lostBurnt ? 1 : 0;
    return { row, from: 'ready', burnt: row.attempt - back, lost: row.lost - back };
  }

  function isOwner(row: TaskRow, session: SessionRef): boolean {
    return row.session_key === session.key && sessions.get(session.key)?.epoch === session.epoch;
  }

  /** Every way to settle comes through here, so that no child goes uncounted. */
  function settle(row: TaskRow, ending: Ending, now: number): Settled {
    // Its mark goes with its live row.
    const parentKey = row.parent_id === null ? null : children.parentOf(row.key);
    const event = log(row, ending, now);
    if (parentKey === null) return { event };
    const counts = children.count(parentKey, ending.state);
    const parent = counts && endParent(parentKey, counts, now);
    return parent ? { event, parent } : { event };
  }

  function endParent(parentKey: number, counts: ChildCounts, now: number): ResultRecord | undefined {
    const parent = tasks.byKey(parentKey);
    const end = endBroadcast(counts, parent.cancel_reason);
    const what = { clientId: '', attempt: 0, isTold: false };
    return end && log(parent, { ...end, ...what, transition: end.state }, now);
  }

  function log(row: TaskRow, ending: Ending, now: number): ResultRecord {
    const lane = catalog.laneById(row.lane_id);
    catalog.move(lane, stateName(row.state!), ending.transition);
    const position = counters.nextPosition++;
    const { state, attempt, lost = row.lost, error, clientId, result = NOTHING, contentType = '' } = ending;
    const isAsked = row.cancel_reason !== null || state === 'cancelled';
    // A failed task may be redriven and goes on from there.
    if (row.has_checkpoint === 1 && state !== 'failed') deleteCheckpoint.run(row.key);
    tasks.end(row, [
      stateNumber(state),
      attempt,
      lost,
      row.delivery,
      // A waiting task's newest delivery may have been told before: as the failure that it waits to retry.
      ending.isTold || row.ended === ENDED.failed ? 1 : 0,
      isAsked ? 1 : 0,
      now,
      clientId,
      error === null ? null : error.code,
      error === null ? null : error.message,
      contentType,
      position,
      row.key,
      row.claimed_at,
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
      claimedAt: row.claimed_at,
      settledAt: now,
      metadata: parseMetadata(row.terms.metadata),
      cancelRequested: isAsked,
      parentId: row.parent_id,
    };
  }

  function cancel(
    row: TaskRow,
    reason: string,
    clientId: string,
    isTold: boolean,
    now: number,
    lost = row.lost,
  ): Settled {
    const attempt = row.state === RUNNING ? row.attempt + 1 : row.attempt;
    const error = { code: 'CANCELLED', message: reason };
    return settle(row, { state: 'cancelled', transition: 'cancelled', clientId, attempt, lost, isTold, error }, now);
  }

  /** @param words why an attempt is burnt, unless a worker has told an error before; null: none is */
  function putBack(open: OpenDelivery, { transition, ended, owner, words }: PutBack): LaneRef {
    const { row, from, burnt, lost } = open;
    const lane = catalog.laneById(row.lane_id);
    if (from === 'ready') catalog.move(lane, 'ready', 'adopted');
    catalog.move(lane, 'running', transition);
    tasks.beginChange(row);
    updateWaiting.run(READY, burnt, lost, ended, owner, words, row.key);
    return lane.ref;
  }

  return {
    findOpen,
    settle,
    endBroadcast: endParent,
    cancel,
    retry: ({ row, from, burnt, lost }, runAt, isTold, error) => {
      catalog.move(catalog.laneById(row.lane_id), from, 'retried');
      tasks.beginChange(row);
      const ended = isTold ? ENDED.failed : ENDED.timedOut;
      return updateRetried.get(runAt, burnt + 1, lost, ended, lastErrorOf(error), row.key)!.expires_at;
    },
    release: (open, isStarted, clientId, isTold, now) => {
      const { row } = open;
      if (row.cancel_reason !== null) return cancel(row, row.cancel_reason, clientId, isTold, now);
      // Whoever said that it was lost knew whether it had begun.
      const isBurnt = isStarted && !(open.from === 'ready' && row.ended === ENDED.lost);
      const burnt = open.burnt + (isBurnt ? 1 : 0);
      if (isBurnt && burnt >= row.terms.maxAttempts) {
        const error = { code: 'RELEASED', message: `${GIVEN_BACK}, at its last attempt` };
        return settle(row, { state: 'failed', transition: 'failed', clientId, attempt: burnt, isTold, error }, now);
      }
      const words = isBurnt ? GIVEN_BACK : null;
      const back: PutBack = { transition: 'released', ended: ENDED.released, owner: null, words };
      return { ready: putBack({ ...open, burnt }, back) };
    },
    lose: (row, isStarted, clientId, now) => {
      const burnt = row.attempt + (isStarted ? 1 : 0);
      const lost = row.lost + (isStarted ? 1 : 0);
      if (row.cancel_reason !== null) return cancel(row, row.cancel_reason, clientId, false, now, lost);
      if (isStarted && (burnt >= row.terms.maxAttempts || lost >= MAX_LOST)) {
        const error = { code: 'LOST', message: `its session was lost, ${lost} times in all` };
        const ending = {
          state: 'failed',
          transition: 'failed',
          clientId,
          attempt: burnt,
          lost,
          isTold: false,
          error,
        } as const;
        return settle(row, ending, now);
      }
      const ended = isStarted ? ENDED.lostBurnt : ENDED.lost;
      const back: PutBack = { transition: 'lost', ended, owner: clientId || null, words: null };
      return { ready: putBack({ row, from: 'running', burnt, lost }, back) };
    },
    adopt: ({ row, from, burnt, lost }, sessionKey) => {
      if (from === 'ready') catalog.move(catalog.laneById(row.lane_id), 'ready', 'adopted');
      tasks.beginChange(row);
      updateRunning.run(sessionKey, burnt, lost, row.key);
    },
  };
}
