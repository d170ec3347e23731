import {
  areAlike,
  type Catalog,
  type ClaimableTask,
  createSharing,
  type Database,
  type LaneEntry,
  prepareRows,
  READY,
  READY_COLUMNS,
  type ReadyRow,
  type Rows,
  RUNNING,
  SELECT_TASK,
  type TaskRow,
  type TaskTerms,
  TERMS_ARE,
  termsValues,
  toRunning,
  toTask,
  type Value,
} from '../rows/index.ts';
import { FreshTask } from './task.ts';

// What the file has of fresh tasks: how that is written, and read.

/** A row of `claim`: what one transaction gave away of what was fresh. */
export interface FreshClaim {
  readonly id: number;
  readonly now: number;
  /** Keys of tasks by the key of their session. */
  readonly runs: Record<number, number[]>;
  /** How many of them are still fresh. */
  left: number;
}

export interface FreshRun {
  readonly ready: FreshTask;
  readonly id: string;
  readonly terms: TaskTerms;
  readonly sessionKey: number;
  readonly claim: FreshClaim;
}

/** The row of a fresh run, made when somebody asks, which mostly is once, at its end: there are many runs at a time. */
export function rowOf({ ready, id, terms, sessionKey, claim }: FreshRun): TaskRow {
  return toRunning(ready, { id, terms, parentId: null }, ready.lane, sessionKey, claim.now);
}

const LIVE_COLUMNS = `${READY_COLUMNS}, state, lane_id, ended, session_key, claimed_at`;
const LIVE_COUNT = 14;

/** Writes rows of `live` for tasks that were fresh. */
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
  /** All fresh tasks from this key on. */
  fromKey(key: number): FreshTask[];
  byKey(key: number): FreshTask | undefined;
  taskOf(key: number): ClaimableTask;
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

/** Tasks of one lane and priority, with all keys up to the last. */
interface Stretch {
  readonly lane: LaneEntry;
  readonly nprio: number;
  readonly last: number;
}

/** Tasks of a range from this key on, at most so many, with all that their claim needs. */
export type ReadAhead = (range: Stretch, from: number, limit: number) => FreshTask[];

/** Tasks from which on they are read as alike: fewer are not worth a statement that may find nothing. */
const SHORTEST = 8;
/**
 * Bytes of payloads up to which they stay one piece, which keeps all in memory; of more each gets memory of its own.
 */
const MAX_SLAB_BYTES = 64 << 10;

const NOTHING = new Uint8Array(0);

/** What many rows say, in one row: reading that costs a third of reading a row for each. */
interface Alike {
  readonly count: number;
  readonly ids: string;
  readonly payloads: Uint8Array | null;
  readonly lengths: string;
  /** The smallest and the largest instant. */
  readonly createdAt: readonly [number, number];
  readonly seq: readonly [number, number];
}

function toAlike(c: readonly Value[]): Alike {
  return {
    count: c[0] as number,
    ids: c[1] as string,
    payloads: c[2] as Uint8Array | null,
    lengths: c[3] as string,
    createdAt: [c[4] as number, c[5] as number],
    seq: [c[6] as number, c[7] as number],
  };
}

/** Most tasks that lie together say the same of themselves; where they do not, they are read row by row. */
export function prepareReadAhead(db: Database): ReadAhead {
  const selectRows = db.prepareColumns(`${SELECT_TASK} WHERE key BETWEEN ? AND ? ORDER BY key`, toTask);
  // SQLite concatenates in the order of the inner query.
  const selectAlike = db.prepareColumns(
    `SELECT count(*), json_group_array(id), CAST(group_concat(payload, '') AS BLOB), group_concat(length(payload)),
       min(created_at), max(created_at), min(seq), max(seq)
     FROM (SELECT id, payload, created_at, seq FROM task WHERE key BETWEEN ? AND ? AND ${TERMS_ARE} ORDER BY key)`,
    toAlike,
  );
  const selectNumbers = db.prepareColumns(
    `SELECT group_concat(created_at), group_concat(seq)
     FROM (SELECT created_at, seq FROM task WHERE key BETWEEN ? AND ? ORDER BY key)`,
    (c) => c.map((numbers) => parseNumbers(numbers as string)),
  );
  const share = createSharing();
  /** The terms of the tasks that were read last, if all had the same. */
  let terms: TaskTerms | undefined;

  function readRows({ nprio, lane }: Stretch, from: number, to: number): FreshTask[] {
    const rows = selectRows.all(from, to);
    const last = rows.at(-1)?.terms;
    terms = rows.every((row) => areAlike(row.terms, last!)) ? last : undefined;
    return rows.map((row) => {
      const task = new FreshTask(row.key, nprio, row.seq!, row.payload.byteLength, lane);
      task.content = { id: row.id, terms: row.terms, slab: row.payload, offset: 0 };
      return task;
    });
  }

  /** Reads tasks that have the same terms; undefined: they are not all alike. */
  function readAlike({ nprio, lane }: Stretch, from: number, to: number, like: TaskTerms): FreshTask[] | undefined {
    const found = selectAlike.get(from, to, ...termsValues(like))!;
    if (found.count <= to - from) return undefined;
    const [createdAt, lastCreatedAt] = found.createdAt;
    const [seq, lastSeq] = found.seq;
    const isEven = createdAt === lastCreatedAt && lastSeq - seq === to - from;
    const [instants, seqs] = isEven ? [] : selectNumbers.get(from, to)!;
    const lengths = parseNumbers(found.lengths);
    const slab = found.payloads ?? NOTHING;
    const isShared = slab.byteLength <= MAX_SLAB_BYTES;
    const common = share({ ...like, createdAt });
    let offset = 0;
    return (JSON.parse(found.ids) as string[]).map((id, i) => {
      const bytes = lengths[i]!;
      const ofTask = instants ? share({ ...like, createdAt: instants[i]! }) : common;
      const task = new FreshTask(from + i, nprio, seqs?.[i] ?? seq + i, bytes, lane);
      task.content = isShared
        ? { id, terms: ofTask, slab, offset }
        : { id, terms: ofTask, slab: slab.slice(offset, offset + bytes), offset: 0 };
      offset += bytes;
      return task;
    });
  }

  return (range, from, limit) => {
    const to = Math.min(range.last, from + limit - 1);
    const alike = terms && to - from >= SHORTEST ? readAlike(range, from, to, terms) : undefined;
    return alike ?? readRows(range, from, to);
  };
}

function parseNumbers(numbers: string): number[] {
  return JSON.parse(`[${numbers}]`);
}
