import type { Database, Value } from '../file/database.ts';
import { prepareRows, type Rows } from '../file/many.ts';
import type { Catalog } from '../rows/catalog.ts';
import { READY_COLUMNS, type ReadyRow, SELECT_TASK, toRunning, toTask } from '../rows/claimrows.ts';
import { READY, RUNNING, type TaskRow } from '../rows/taskrow.ts';
import type { TaskTerms } from '../rows/terms.ts';
import type { NewTask } from '../rows/warm.ts';
import { FreshTask } from './task.ts';

// What `fresh/fresh.ts` keeps, writes and reads.

/** A row of `claim`: what one transaction gave away of what was fresh. */
export interface FreshClaim {
  readonly id: number;
  readonly now: number;
  /** Keys of tasks by that of their session. */
  readonly runs: Record<number, number[]>;
  /** Those that are still fresh. */
  left: number;
}

export interface FreshRun {
  readonly ready: FreshTask;
  readonly id: string;
  readonly terms: TaskTerms;
  readonly sessionKey: number;
  readonly claim: FreshClaim;
}

/** Made when somebody asks, which mostly is once, at its end: there are many of them, and they stay for a while. */
export function rowOf({ ready, id, terms, sessionKey, claim }: FreshRun): TaskRow {
  return toRunning(ready, { id, terms, parentId: null }, ready.lane, sessionKey, claim.now);
}

const LIVE_COLUMNS = `${READY_COLUMNS}, state, lane_id, ended, session_key, claimed_at`;
const LIVE_COUNT = 14;

/** Rows of `live` for what was fresh. */
export interface LiveRows {
  addReady(task: FreshTask): void;
  addRun(run: FreshRun): void;
  readonly rows: Rows;
}

export function prepareLiveRows(db: Database): LiveRows {
  const rows = prepareRows(db, `INSERT INTO live (${LIVE_COLUMNS}) VALUES`, LIVE_COUNT);

  function add(row: ReadyRow, delivery: number, ...rest: Value[]): void {
    rows.add([row.task_key, row.nprio, row.seq, row.bytes, delivery, row.attempt, row.lost, 0, null, ...rest]);
  }

  return {
    addReady: (task) => add(task, task.delivery, READY, task.lane.id, 0, null, null),
    addRun: ({ ready, sessionKey, claim }) =>
      add(ready, ready.delivery + 1, RUNNING, ready.lane.id, 0, sessionKey, claim.now),
    rows,
  };
}

const IS_FRESH = `seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM live WHERE task_key = key)
  AND NOT EXISTS (SELECT 1 FROM result WHERE task_key = key)`;

/** Reads what is fresh from the file. */
export interface FreshReads {
  /** All from this key on. */
  fromKey(key: number): FreshTask[];
  byKey(key: number): FreshTask | undefined;
  taskOf(key: number): NewTask;
}

export function prepareFreshReads(db: Database, catalog: Catalog): FreshReads {
  const select = 'SELECT key, queue_id, lane, 0 - priority, seq, length(payload) FROM task WHERE';
  const restore = (c: readonly Value[]): FreshTask => {
    const lane = catalog.queueById(c[1] as number).lanes.get(c[2] as string)!;
    return new FreshTask(c[0] as number, c[3] as number, c[4] as number, c[5] as number, lane);
  };
  const selectFrom = db.prepareColumns(`${select} key >= ? AND ${IS_FRESH} ORDER BY key`, restore);
  const selectOne = db.prepareColumns(`${select} key = ? AND ${IS_FRESH}`, restore);
  const selectTask = db.prepareColumns(`${SELECT_TASK} WHERE key = ?`, toTask);
  return {
    fromKey: (key) => selectFrom.all(key),
    byKey: (key) => selectOne.get(key),
    taskOf: (key) => selectTask.get(key)!,
  };
}

/**
 * Gives every task that was fresh in an earlier process its row in `live`, but for the backlog: nothing else is fresh
 * after that. Before the catalog counts them.
 */
export function writeDown(db: Database): void {
  const isFresh = IS_FRESH.replaceAll('= key', '= task.key');
  const write = `INSERT INTO live (task_key, nprio, seq, bytes, delivery, attempt, lost, has_checkpoint, ended,
      state, lane_id, session_key, claimed_at)
    SELECT task.key, 0 - priority, seq, length(payload)`;
  const lane = 'JOIN lane ON lane.queue_id = task.queue_id AND lane.lane = task.lane';
  db.exec(`
    BEGIN IMMEDIATE;
    ${write}, 1, 0, 0, 0, 0, ${RUNNING}, lane.id, CAST(session.key AS INTEGER), claimed_at
      FROM claim CROSS JOIN json_each(runs) AS session CROSS JOIN json_each(session.value) AS run
        JOIN task ON task.key = run.value ${lane} WHERE ${isFresh};
    ${write}, 0, 0, 0, 0, 0, ${READY}, lane.id, NULL, NULL
      FROM task ${lane} WHERE task.key >= (SELECT value FROM meta WHERE name = 'fresh') AND ${isFresh}
        AND task.key > coalesce(
          (SELECT last_key FROM backlog WHERE first_key <= task.key ORDER BY first_key DESC LIMIT 1), 0);
    DELETE FROM claim;
    DELETE FROM meta WHERE name = 'fresh';
    COMMIT;`);
}
