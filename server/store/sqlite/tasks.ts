import type { SettledState, TaskState } from '../../model/task.ts';
import type { Database, Value } from './database.ts';
import type { Endings } from './endings.ts';
import type { Fresh } from './fresh.ts';
import type { Warm } from './warm.ts';

/** States as they are stored: the first three in `live`, the others in `result`. */
const STATES: readonly TaskState[] = ['ready', 'running', 'scheduled', 'succeeded', 'failed', 'cancelled', 'expired'];

export const READY = 0;
export const RUNNING = 1;
export const SCHEDULED = 2;

export function stateName(state: number): TaskState {
  return STATES[state]!;
}

export function stateNumber(state: TaskState): number {
  return STATES.indexOf(state);
}

/** How the newest delivery of a waiting task ended; only a loss can be adopted. */
export const ENDED = Object.freeze({
  none: 0,
  lost: 1,
  /** Lost after it was started: an attempt is burnt. */
  lostBurnt: 2,
  /** By a client's failure, and retried. */
  failed: 3,
  /** By the server: a timeout. */
  timedOut: 4,
  released: 5,
  redriven: 6,
});

/** A task and, when it is not settled, its live row (else `state` is null). No blobs. */
export interface TaskRow {
  readonly key: number;
  readonly id: string;
  readonly queue_id: number;
  readonly created_at: number;
  readonly max_attempts: number;
  readonly timeout_ms: number;
  readonly backoff_base_ms: number;
  readonly backoff_cap_ms: number;
  readonly parent_id: string | null;
  readonly metadata: string | null;
  readonly state: number | null;
  readonly lane_id: number;
  readonly delivery: number;
  readonly attempt: number;
  readonly lost: number;
  readonly ended: number;
  readonly has_checkpoint: number;
  readonly session_key: number | null;
  readonly claimed_at: number | null;
  readonly cancel_reason: string | null;
}

export interface Tasks {
  byId(id: string): TaskRow | undefined;
  byKey(key: number): TaskRow;
  /** Before its row in `live` is updated: it has one, and what was known of it is forgotten. */
  beginChange(row: TaskRow): void;
  /** Keys of what a session row runs, as claimed. */
  runningOf(sessionKey: number): readonly number[];
}

const COLUMNS = `t.key, t.id, t.queue_id, t.created_at, t.max_attempts, t.timeout_ms, t.backoff_base_ms,
  t.backoff_cap_ms, t.parent_id, t.metadata, l.state, l.lane_id, l.delivery, l.attempt, l.lost, l.ended,
  l.has_checkpoint, l.session_key, l.claimed_at, l.cancel_reason`;

export function createTasks(db: Database, fresh: Fresh, warm: Warm, { flush }: Endings): Tasks {
  const from = `SELECT ${COLUMNS} FROM task t LEFT JOIN live l ON l.task_key = t.key`;
  const selectById = db.prepareColumns(`${from} WHERE t.id = ?`, toTaskRow);
  const selectByKey = db.prepareColumns(`${from} WHERE t.key = ?`, toTaskRow);
  const selectRunning = db.prepare<{ task_key: number }>(
    'SELECT task_key FROM live WHERE state = 1 AND session_key = ? ORDER BY claimed_at, task_key',
  );
  return {
    byId: (id) => {
      const running = fresh.findRun(id) ?? warm.findRunning(id);
      if (running) return running;
      flush();
      const row = selectById.get(id);
      if (row?.state !== null || !fresh.find(row.key, id)) return row;
      fresh.write(row.key, id);
      return selectById.get(id);
    },
    byKey: (key) => {
      flush();
      return selectByKey.get(key)!;
    },
    beginChange: ({ key, id }) => {
      fresh.write(key, id);
      warm.forgetRunning(id);
    },
    runningOf: (sessionKey) => {
      flush();
      fresh.writeSession(sessionKey);
      return selectRunning.all(sessionKey).map((row) => row.task_key);
    },
  };
}

/** In the order of COLUMNS. */
function toTaskRow(c: readonly Value[]): TaskRow {
  return {
    key: c[0] as number,
    id: c[1] as string,
    queue_id: c[2] as number,
    created_at: c[3] as number,
    max_attempts: c[4] as number,
    timeout_ms: c[5] as number,
    backoff_base_ms: c[6] as number,
    backoff_cap_ms: c[7] as number,
    parent_id: c[8] as string | null,
    metadata: c[9] as string | null,
    state: c[10] as number | null,
    lane_id: c[11] as number,
    delivery: c[12] as number,
    attempt: c[13] as number,
    lost: c[14] as number,
    ended: c[15] as number,
    has_checkpoint: c[16] as number,
    session_key: c[17] as number | null,
    claimed_at: c[18] as number | null,
    cancel_reason: c[19] as string | null,
  };
}

const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({});

export function parseMetadata(text: string | null): Readonly<Record<string, string>> {
  return text === null ? NO_METADATA : (JSON.parse(text) as Record<string, string>);
}

/** Canonical, so that equal pairs give equal text. */
export function formatMetadata(metadata: Readonly<Record<string, string>>): string | null {
  const keys = Object.keys(metadata);
  if (keys.length === 0) return null;
  if (keys.length === 1) return JSON.stringify(metadata);
  return JSON.stringify(Object.fromEntries(keys.sort().map((key) => [key, metadata[key]])));
}

export function settledName(state: number): SettledState {
  return STATES[state] as SettledState;
}
