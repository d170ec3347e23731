import type { Value } from '../file/database.ts';
import type { LaneEntry } from './catalog.ts';
import { ENDED, RUNNING, type TaskRow } from './taskrow.ts';
import { readTerms, TERMS } from './terms.ts';
import type { NewTask } from './warm.ts';

// What a claim reads, in the order of the columns.

export interface ReadyRow {
  readonly task_key: number;
  readonly nprio: number;
  readonly seq: number;
  readonly bytes: number;
  readonly delivery: number;
  readonly attempt: number;
  readonly lost: number;
  readonly has_checkpoint: number;
  readonly expires_at: number | null;
}

export const READY_COLUMNS = 'task_key, nprio, seq, bytes, delivery, attempt, lost, has_checkpoint, expires_at';

export function toReadyRow(c: readonly Value[]): ReadyRow {
  return {
    task_key: c[0] as number,
    nprio: c[1] as number,
    seq: c[2] as number,
    bytes: c[3] as number,
    delivery: c[4] as number,
    attempt: c[5] as number,
    lost: c[6] as number,
    has_checkpoint: c[7] as number,
    expires_at: c[8] as number | null,
  };
}

export const SELECT_TASK = `SELECT key, id, parent_id, seq, ${TERMS}, payload FROM task`;

export function toTask(c: readonly Value[]): NewTask {
  return {
    key: c[0] as number,
    id: c[1] as string,
    parentId: c[2] as string | null,
    seq: c[3] as number | null,
    terms: readTerms(c, 4),
    payload: c[12] as Uint8Array,
  };
}

/** Its row as the claim leaves it. */
export function toRunning(
  row: ReadyRow,
  { id, terms, parentId }: Pick<NewTask, 'id' | 'terms' | 'parentId'>,
  lane: LaneEntry,
  sessionKey: number,
  now: number,
): TaskRow {
  return {
    key: row.task_key,
    id,
    queue_id: lane.queue.id,
    parent_id: parentId,
    state: RUNNING,
    lane_id: lane.id,
    delivery: row.delivery + 1,
    attempt: row.attempt,
    lost: row.lost,
    ended: ENDED.none,
    has_checkpoint: row.has_checkpoint,
    session_key: sessionKey,
    claimed_at: now,
    // Asked of a running task only, and then it is not ready again.
    cancel_reason: null,
    owner: null,
    terms,
  };
}
