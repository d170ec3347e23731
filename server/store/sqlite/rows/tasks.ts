import type { TaskContent } from '../../../model/content.ts';
import { PARENT_LANE } from '../../../model/lane.ts';
import { type Database, prepareKeys, prepareRows, type Value } from '../../file/database.ts';
import type { Cache } from './cache.ts';
import type { Children } from './children.ts';
import { endName, liveState, parseMetadata, readTerms, type TaskRow, TERMS } from './task.ts';

/** Where the row of a task is looked up, wherever it lies, changed, and ended. */
export interface Tasks {
  byId(id: string): TaskRow | undefined;
  byKey(key: number): TaskRow;
  /**
   * Called before the row in `live` is updated: makes sure that there is one, and forgets what was remembered of it.
   */
  beginChange(row: TaskRow): void;
  /** Keys of the tasks that a session row runs, in the order of their claims. */
  runningOf(sessionKey: number): readonly number[];
  /**
   * Ends a task that is settled: its result comes, its live row goes.
   * @param result the values of the columns of `result`, in their order
   */
  end(row: TaskRow, result: readonly Value[]): void;
  /** Writes all ends of a run together when `run` has ended, which reads none of them, unless it flushes. */
  gather<T>(run: () => T): T;
  flush(): void;
  /** Drops the rows that were gathered: after a rollback. */
  reload(): void;
}

/** What is asked of those that are fresh. */
export interface FreshRows {
  findRun(id: string): TaskRow | undefined;
  /** The fresh task; undefined: the task is not fresh. */
  find(key: number, id: string): unknown;
  write(key: number, id: string): void;
  writeSession(sessionKey: number): void;
  /** Ends a fresh task. False: it is not fresh, and has a row in `live`. */
  end(id: string): boolean;
}

const COLUMNS = `t.key, t.id, t.queue_id, t.parent_id, l.state, l.lane_id, l.delivery, l.attempt, l.lost, l.ended,
  l.has_checkpoint, l.session_key, l.claimed_at, l.cancel_reason, l.owner, l.owner_subject,
  ${TERMS}`;

/** The columns of `result`. */
const RESULT_COLUMNS = 17;
/** The first columns, all but the last four, which mostly have the same values in all rows. */
const SHARED = 13;

export function createTasks(db: Database, fresh: FreshRows, cache: Cache): Tasks {
  const from = `SELECT ${COLUMNS} FROM task t LEFT JOIN live l ON l.task_key = t.key`;
  const selectById = db.prepareColumns(`${from} WHERE t.id = ?`, toTaskRow);
  const selectByKey = db.prepareColumns(`${from} WHERE t.key = ?`, toTaskRow);
  const selectRunning = db.prepare<{ task_key: number }>(
    'SELECT task_key FROM live WHERE state = 1 AND session_key = ? ORDER BY claimed_at, task_key',
  );
  const results = prepareRows(
    db,
    `INSERT INTO result (state, attempt, lost, delivery, is_told, cancel_requested, settled_at, client_id, told_by, error_code,
       error_message, error_details, content_type, position, task_key, claimed_at, result) VALUES`,
    RESULT_COLUMNS,
    SHARED,
  );
  const deleteLive = prepareKeys(db, 'DELETE FROM live WHERE task_key IN');
  /** Keys of tasks that have ended and still have live rows. */
  let endedKeys: number[] = [];
  let isGathering = false;

  function flush(): void {
    if (endedKeys.length > 0) deleteLive([], endedKeys);
    endedKeys = [];
    results.flush();
  }

  return {
    byId: (id) => {
      const running = fresh.findRun(id) ?? cache.findRunning(id);
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
      cache.forgetRunning(id);
    },
    runningOf: (sessionKey) => {
      flush();
      fresh.writeSession(sessionKey);
      return selectRunning.all(sessionKey).map((row) => row.task_key);
    },
    end: ({ key, id }, result) => {
      if (!fresh.end(id)) {
        cache.forgetRunning(id);
        endedKeys.push(key);
      }
      results.add(result);
      if (!isGathering) flush();
    },
    gather: (run) => {
      isGathering = true;
      try {
        const found = run();
        flush();
        return found;
      } finally {
        isGathering = false;
      }
    },
    flush,
    reload: () => {
      endedKeys = [];
      results.clear();
    },
  };
}

/** @param c the columns in the order of COLUMNS */
function toTaskRow(c: readonly Value[]): TaskRow {
  return {
    key: c[0] as number,
    id: c[1] as string,
    queueId: c[2] as number,
    parentId: c[3] as string | null,
    state: liveState(c[4] as number | null),
    laneId: c[5] as number,
    delivery: c[6] as number,
    attempt: c[7] as number,
    lost: c[8] as number,
    ended: endName(c[9] as number | null),
    hasCheckpoint: c[10] === 1,
    sessionKey: c[11] as number | null,
    claimedAt: c[12] as number | null,
    cancelReason: c[13] as string | null,
    owner: c[14] === null ? null : { clientId: c[14] as string, subject: (c[15] ?? '') as string },
    terms: readTerms(c, 16),
  };
}

/** A task that is in the table, to be compared with one that has its id or its idempotency key. */
export interface StoredTask {
  readonly key: number;
  readonly id: string;
  readonly queueId: number;
  /** @param queue the name of its queue */
  content(queue: string): TaskContent;
}

/** Finds tasks by what a repeated one has in common with them. */
export interface StoredTasks {
  byId(id: string): StoredTask | undefined;
  byIdempotencyKey(queueId: number, idempotencyKey: string | null): StoredTask | undefined;
}

/** A task as its table has it, with all that its producer gave. */
export interface StoredRow {
  readonly key: number;
  readonly id: string;
  readonly queue_id: number;
  readonly lane: string;
  readonly priority: number;
  readonly max_attempts: number;
  readonly timeout_ms: number;
  readonly backoff_base_ms: number;
  readonly backoff_cap_ms: number;
  readonly idempotency_key: string | null;
  /** The idempotency key that the task had until another one took it over. */
  readonly freed_key: string | null;
  readonly parent_id: string | null;
  readonly content_type: string;
  readonly metadata: string | null;
  readonly created_by: string | null;
  readonly payload: Uint8Array;
}

export function createStoredTasks(db: Database, children: Pick<Children, 'audienceOf'>): StoredTasks {
  const selectById = db.prepare<StoredRow>('SELECT * FROM task WHERE id = ?');
  const selectByKey = db.prepare<StoredRow>('SELECT * FROM task WHERE queue_id = ? AND idempotency_key = ?');

  function toStored(row: StoredRow | undefined): StoredTask | undefined {
    if (!row) return undefined;
    const content = (queue: string): TaskContent => ({
      queue,
      lane: row.lane,
      audience: row.lane === PARENT_LANE ? children.audienceOf(row.key) : null,
      priority: row.priority,
      maxAttempts: row.max_attempts,
      timeoutMs: row.timeout_ms,
      backoffBaseMs: row.backoff_base_ms,
      backoffCapMs: row.backoff_cap_ms,
      idempotencyKey: row.idempotency_key ?? row.freed_key,
      parentId: row.parent_id,
      contentType: row.content_type,
      metadata: parseMetadata(row.metadata),
      payload: row.payload,
    });
    return { key: row.key, id: row.id, queueId: row.queue_id, content };
  }

  return {
    byId: (id) => toStored(selectById.get(id)),
    byIdempotencyKey: (queueId, idempotencyKey) => toStored(selectByKey.get(queueId, idempotencyKey)),
  };
}
