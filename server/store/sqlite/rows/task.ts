import type { DeliveryEnd, DeliveryFacts } from '../../../model/delivery.ts';
import type { SettledState, TaskInput, TaskState } from '../../../model/task.ts';
import type { Value } from '../../file/database.ts';

// A task in the tables: its rows, its terms, and how their columns are spelled.

/** States as they are stored: the first three in `live`, the others in `result`. */
const STATES: readonly TaskState[] = ['ready', 'running', 'scheduled', 'succeeded', 'failed', 'cancelled', 'expired'];

export const READY = 0;
export const RUNNING = 1;
export const SCHEDULED = 2;

export function stateName(state: number): TaskState {
  return STATES[state]!;
}

/** The state of a live row; null: there is none. */
export function liveState(state: number | null): TaskRow['state'] {
  return state === null ? null : (STATES[state] as TaskRow['state']);
}

export function stateNumber(state: TaskState): number {
  return STATES.indexOf(state);
}

/** Ends of deliveries as they are stored, by their places. */
const ENDS: readonly DeliveryEnd[] = ['none', 'lost', 'lostBurnt', 'failed', 'timedOut', 'released', 'redriven'];

/** The end that a stored number means; null: the task is settled, and has no such number. */
export function endName(ended: number | null): DeliveryEnd {
  return ENDS[ended ?? 0]!;
}

export function endNumber(ended: DeliveryEnd): number {
  return ENDS.indexOf(ended);
}

/** A task and, when it is not settled, its live row (else `state` is null). No blobs. */
export interface TaskRow extends DeliveryFacts {
  readonly key: number;
  readonly id: string;
  readonly queueId: number;
  readonly terms: TaskTerms;
  readonly parentId: string | null;
  readonly laneId: number;
  readonly hasCheckpoint: boolean;
  readonly claimedAt: number | null;
}

const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({});

export function parseMetadata(text: string | null): Readonly<Record<string, string>> {
  return text === null ? NO_METADATA : (JSON.parse(text) as Record<string, string>);
}

/** Metadata as it is stored: canonical, so that equal pairs give equal text. */
export function formatMetadata(metadata: Readonly<Record<string, string>>): string | null {
  if (isEmpty(metadata)) return null;
  const keys = Object.keys(metadata);
  if (keys.length === 1) return JSON.stringify(metadata);
  return JSON.stringify(Object.fromEntries(keys.sort().map((key) => [key, metadata[key]])));
}

/** Whose a task is as it is stored: nobody's takes no room. */
export function formatCreator(createdBy: string): string | null {
  return createdBy === '' ? null : createdBy;
}

function isEmpty(metadata: Readonly<Record<string, string>>): boolean {
  for (const _ in metadata) return false;
  return true;
}

export function settledName(state: number): SettledState {
  return STATES[state] as SettledState;
}

/** What was said of a task when it came, and when that was: mostly the same for all tasks of a batch. */
export interface TaskTerms {
  readonly createdAt: number;
  readonly contentType: string;
  readonly priority: number;
  readonly maxAttempts: number;
  readonly timeoutMs: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  /** The metadata as it is stored. */
  readonly metadata: string | null;
  /** The principal that enqueued it; empty: nobody asked who it was. */
  readonly createdBy: string;
}

export const TERMS = `created_at, content_type, priority, max_attempts, timeout_ms, backoff_base_ms, backoff_cap_ms,
  metadata, created_by`;

/** What TERMS say but for the instant, as a condition; its values are those of `termsValues`. */
export const TERMS_ARE = `content_type = ? AND priority = ? AND max_attempts = ? AND timeout_ms = ?
  AND backoff_base_ms = ? AND backoff_cap_ms = ? AND metadata IS ? AND created_by IS ?`;

export function termsValues(terms: TaskTerms): Value[] {
  const { contentType, priority, maxAttempts, timeoutMs, backoffBaseMs, backoffCapMs, metadata } = terms;
  const createdBy = formatCreator(terms.createdBy);
  return [contentType, priority, maxAttempts, timeoutMs, backoffBaseMs, backoffCapMs, metadata, createdBy];
}

/** The terms of a task that is inserted. */
export function termsOf(task: TaskInput, now: number): TaskTerms {
  const { contentType, priority, maxAttempts, timeoutMs, backoffBaseMs, backoffCapMs, createdBy } = task;
  return {
    createdAt: now,
    contentType,
    priority,
    maxAttempts,
    timeoutMs,
    backoffBaseMs,
    backoffCapMs,
    metadata: formatMetadata(task.metadata),
    createdBy,
  };
}

/** @param at where its columns begin, in the order of TERMS */
export function readTerms(c: readonly Value[], at: number): TaskTerms {
  return {
    createdAt: c[at] as number,
    contentType: c[at + 1] as string,
    priority: c[at + 2] as number,
    maxAttempts: c[at + 3] as number,
    timeoutMs: c[at + 4] as number,
    backoffBaseMs: c[at + 5] as number,
    backoffCapMs: c[at + 6] as number,
    metadata: c[at + 7] as string | null,
    createdBy: (c[at + 8] ?? '') as string,
  };
}

/** The terms that came before, if they are the same again: one object for many tasks that wait. */
export type ShareTerms = (terms: TaskTerms) => TaskTerms;

export function createSharing(): ShareTerms {
  let last: TaskTerms | undefined;
  return (terms) => {
    if (last?.createdAt !== terms.createdAt || !areAlike(last, terms)) last = terms;
    return last;
  };
}

/** Whether terms differ in the instant at most. */
export function areAlike(a: TaskTerms, b: TaskTerms): boolean {
  return (
    a.contentType === b.contentType &&
    a.priority === b.priority &&
    a.maxAttempts === b.maxAttempts &&
    a.timeoutMs === b.timeoutMs &&
    a.backoffBaseMs === b.backoffBaseMs &&
    a.backoffCapMs === b.backoffCapMs &&
    a.metadata === b.metadata &&
    a.createdBy === b.createdBy
  );
}

/** What the claim of a task reads of it, and what never changes. */
export interface ClaimableTask {
  readonly key: number;
  readonly id: string;
  readonly terms: TaskTerms;
  readonly parentId: string | null;
  /** Its place in the order of the inserts; null: it was not ready then. */
  readonly seq: number | null;
  readonly payload: Uint8Array;
}

/** What a claim reads of a task that is ready, in the order of READY_COLUMNS. */
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

export function toTask(c: readonly Value[]): ClaimableTask {
  return {
    key: c[0] as number,
    id: c[1] as string,
    parentId: c[2] as string | null,
    seq: c[3] as number | null,
    terms: readTerms(c, 4),
    payload: c[13] as Uint8Array,
  };
}

/** What the row of a task says of its lane. */
interface ClaimLane {
  readonly id: number;
  readonly queue: { readonly id: number };
}

/** The row of a task as its claim leaves it. */
export function toRunning(
  row: ReadyRow,
  { id, terms, parentId }: Pick<ClaimableTask, 'id' | 'terms' | 'parentId'>,
  lane: ClaimLane,
  sessionKey: number,
  now: number,
): TaskRow {
  return {
    key: row.task_key,
    id,
    queueId: lane.queue.id,
    parentId,
    state: 'running',
    laneId: lane.id,
    delivery: row.delivery + 1,
    attempt: row.attempt,
    lost: row.lost,
    ended: 'none',
    hasCheckpoint: row.has_checkpoint === 1,
    sessionKey,
    claimedAt: now,
    // A cancel is asked for only of a running task, which is not ready again after that.
    cancelReason: null,
    owner: null,
    terms,
  };
}
