import { type Database, prepareKeys, prepareRows, type Value } from '../file/database.ts';
import type { Cache } from './cache.ts';
import { endName, liveState, readTerms, type TaskRow, TERMS } from './task.ts';

/** Where the row of a task is looked up, wherever it lies, changed, and ended. */
export interface Tasks {
  byId(id: string): TaskRow | undefined;
  byKey(key: number): TaskRow;
  /** Before its row in `live` is updated: it has one, and what was known of it is forgotten. */
  beginChange(row: TaskRow): void;
  /** Keys of what a session row runs, as claimed. */
  runningOf(sessionKey: number): readonly number[];
  /**
   * A task is settled: its result comes, its live row goes.
   * @param result its columns, in their order
   */
  end(row: TaskRow, result: readonly Value[]): void;
  /** What is ended is written together when `run` has ended; it reads none of it, unless it flushes. */
  gather<T>(run: () => T): T;
  flush(): void;
  /** After a rollback. */
  reload(): void;
}

/** What is asked of those that are fresh. */
export interface FreshRows {
  findRun(id: string): TaskRow | undefined;
  /** Undefined: it is not fresh. */
  find(key: number, id: string): unknown;
  write(key: number, id: string): void;
  writeSession(sessionKey: number): void;
  /** False: it has a row in `live`. */
  end(id: string): boolean;
}

const COLUMNS = `t.key, t.id, t.queue_id, t.parent_id, l.state, l.lane_id, l.delivery, l.attempt, l.lost, l.ended,
  l.has_checkpoint, l.session_key, l.claimed_at, l.cancel_reason, l.owner,
  ${TERMS}`;

/** Of `result`. */
const RESULT_COLUMNS = 15;
/** All but the last four. */
const SHARED = 11;

export function createTasks(db: Database, fresh: FreshRows, cache: Cache): Tasks {
  const from = `SELECT ${COLUMNS} FROM task t LEFT JOIN live l ON l.task_key = t.key`;
  const selectById = db.prepareColumns(`${from} WHERE t.id = ?`, toTaskRow);
  const selectByKey = db.prepareColumns(`${from} WHERE t.key = ?`, toTaskRow);
  const selectRunning = db.prepare<{ task_key: number }>(
    'SELECT task_key FROM live WHERE state = 1 AND session_key = ? ORDER BY claimed_at, task_key',
  );
  const results = prepareRows(
    db,
    `INSERT INTO result (state, attempt, lost, delivery, is_told, cancel_requested, settled_at, client_id, error_code,
       error_message, content_type, position, task_key, claimed_at, result) VALUES`,
    RESULT_COLUMNS,
    SHARED,
  );
  const deleteLive = prepareKeys(db, 'DELETE FROM live WHERE task_key IN');
  /** Of tasks that are ended and have live rows still. */
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

/** In the order of COLUMNS. */
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
    owner: c[14] as string | null,
    terms: readTerms(c, 15),
  };
}
