import type { Catalog, LaneEntry } from './catalog.ts';
import { toRunning } from './claimrows.ts';
import type { Database } from './database.ts';
import {
  type FreshClaim,
  type FreshRun,
  type FreshTask,
  prepareFreshReads,
  prepareLiveRows,
  type StoredFresh,
  toFresh,
} from './freshrows.ts';
import { prepareKeys } from './many.ts';
import { READY, type TaskRow } from './tasks.ts';
import type { NewTask } from './warm.ts';

/**
 * Tasks that have gone the straight way so far, inserted and perhaps claimed once: their live rows are in memory alone.
 * The file has what brings them back: the task itself, with its place in the order, and what was claimed as one row of
 * `claim` for each transaction. A task that is neither in `live` nor in `result` is fresh: running if a claim names it,
 * else ready, unless its key is below the one in `meta`. Whoever wants to do anything else with a fresh task has its
 * row written down first, and goes on as with any other; those that wait or run for long are written down too, so
 * that there are few to bring back.
 */
/** The columns of a live row that tell one fresh task from another, and what they all have. */
export type FreshState = Pick<TaskRow, 'state' | 'delivery' | 'session_key' | 'attempt' | 'lost'>;

export interface Fresh {
  hasRoom(bytes: number): boolean;
  /** Before a task is inserted with this key, fresh or not. */
  follow(key: number): void;
  /** A task that was inserted, as ready. */
  add(task: NewTask, lane: LaneEntry, seq: number): void;
  /** An insert is taken back: this task and those after it. */
  dropFrom(key: number): void;
  countOf(lane: LaneEntry): number;
  /** In the order in which they are claimed, at most so many. */
  peek(lane: LaneEntry, limit: number): readonly FreshTask[];
  /** Counts what a transaction claims from here on. */
  beginClaim(now: number): FreshClaim;
  run(task: FreshTask, sessionKey: number, claim: FreshClaim): TaskRow;
  endClaim(claim: FreshClaim): void;
  findRun(id: string): TaskRow | undefined;
  /** The task is settled: true if there is no row of it in `live`. */
  end(id: string): boolean;
  /** What `live` would say of it; undefined: it is not fresh. */
  find(key: number, id: string): FreshState | undefined;
  /** The oldest of each priority. */
  heads(lane: LaneEntry): readonly FreshTask[];
  /** Gives it a row in `live`, if it is fresh. */
  write(key: number, id: string): void;
  writeSession(sessionKey: number): void;
  writeLane(lane: LaneEntry): void;
  /** Deletes the claims that have ended. */
  flush(): void;
  /** After a rollback: as the file has them. */
  reload(): void;
}

const WAITING: FreshState = Object.freeze({ state: READY, delivery: 0, session_key: null, attempt: 0, lost: 0 });

export interface FreshLimits {
  /** Tasks that wait, and the bytes of their payloads. */
  readonly ready: number;
  readonly readyBytes: number;
  /** So far behind the newest key a task that still waits is written down. */
  readonly behind: number;
  /** Rows of `claim`, and the runs in them. */
  readonly claims: number;
  readonly runs: number;
}

const LIMITS: FreshLimits = Object.freeze({
  ready: 8_192,
  readyBytes: 16 << 20,
  behind: 16_384,
  claims: 64,
  runs: 16_384,
});

/** Of one lane, by priority. */
interface FreshLane {
  count: number;
  readonly levels: { readonly nprio: number; tasks: FreshTask[]; head: number }[];
}

export function createFresh(db: Database, catalog: Catalog, limits = LIMITS): Fresh {
  const selectFrom = db.prepare<{ value: number }>(`SELECT value FROM meta WHERE name = 'fresh'`);
  const putFrom = db.prepare(
    `INSERT INTO meta VALUES ('fresh', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
  );
  const selectClaims = db.prepare<{ id: number; claimed_at: number; runs: string }>('SELECT * FROM claim ORDER BY id');
  const insertClaim = db.prepare('INSERT INTO claim VALUES (?, ?, ?)');
  const deleteClaims = prepareKeys(db, 'DELETE FROM claim WHERE id IN');
  const live = prepareLiveRows(db);
  const reads = prepareFreshReads(db);
  // In the order of their keys.
  const ready = new Map<number, FreshTask>();
  const lanes = new Map<LaneEntry, FreshLane>();
  const runs = new Map<string, FreshRun>();
  const claims = new Map<number, FreshClaim>();
  let endedClaims: number[] = [];
  let bytes = 0;
  /** No ready one has a smaller key; null: there was none yet. */
  let fromKey: number | null = null;
  let nextClaim = 1;

  function add(task: NewTask, lane: LaneEntry, seq: number): void {
    const fresh = toFresh(task, lane, seq);
    ready.set(fresh.task_key, fresh);
    bytes += fresh.bytes;
    let ofLane = lanes.get(lane);
    if (!ofLane) {
      ofLane = { count: 0, levels: [] };
      lanes.set(lane, ofLane);
    }
    ofLane.count++;
    levelOf(ofLane, fresh.nprio).tasks.push(fresh);
  }

  function levelOf({ levels }: FreshLane, nprio: number): FreshLane['levels'][number] {
    const at = levels.findIndex((level) => level.nprio >= nprio);
    if (levels[at]?.nprio === nprio) return levels[at];
    const level = { nprio, tasks: [], head: 0 };
    levels.splice(at < 0 ? levels.length : at, 0, level);
    return level;
  }

  /** It is not ready any more, or not here. */
  function leave(task: FreshTask): void {
    task.isReady = false;
    ready.delete(task.task_key);
    bytes -= task.bytes;
    const ofLane = lanes.get(task.lane)!;
    ofLane.count--;
    if (ofLane.count === 0) lanes.delete(task.lane);
  }

  function peek(lane: LaneEntry, limit: number): readonly FreshTask[] {
    const found: FreshTask[] = [];
    for (const level of lanes.get(lane)?.levels ?? []) {
      trim(level);
      for (let at = level.head; at < level.tasks.length && found.length < limit; at++) {
        if (level.tasks[at]!.isReady) found.push(level.tasks[at]!);
      }
    }
    return found;
  }

  function writeReady(task: FreshTask): void {
    leave(task);
    live.addReady(task);
  }

  function leaveRun(id: string, { claim }: FreshRun): void {
    runs.delete(id);
    claim.left--;
    if (claim.left > 0) return;
    claims.delete(claim.id);
    endedClaims.push(claim.id);
  }

  function writeRun(run: FreshRun): void {
    leaveRun(run.row.id, run);
    live.addRun(run);
  }

  function writeOldest(): void {
    const [oldest] = claims.values();
    for (const run of runs.values()) if (run.claim === oldest) writeRun(run);
    live.rows.flush();
  }

  /** The first key of those that are looked at after a crash follows the newest, in steps. */
  function follow(key: number): void {
    if (fromKey !== null && key - fromKey < limits.behind) return;
    const next = fromKey === null ? key : key - Math.floor(limits.behind / 2);
    for (const [behind, task] of ready) {
      if (behind >= next) break;
      writeReady(task);
    }
    live.rows.flush();
    setFrom(next);
  }

  function setFrom(key: number): void {
    fromKey = key;
    putFrom.run(key);
  }

  function run(task: FreshTask, sessionKey: number, claim: FreshClaim): TaskRow {
    leave(task);
    const row = toRunning(task, task.task, task.lane, sessionKey, claim.now);
    runs.set(row.id, { row, ready: task, claim });
    claim.left++;
    const keys = claim.runs[sessionKey];
    if (keys) keys.push(task.task_key);
    else claim.runs[sessionKey] = [task.task_key];
    return row;
  }

  function endClaim(claim: FreshClaim): void {
    if (claim.left === 0) return;
    insertClaim.run(claim.id, claim.now, JSON.stringify(claim.runs));
    claims.set(claim.id, claim);
    nextClaim = claim.id + 1;
    while (claims.size > limits.claims || runs.size > limits.runs) writeOldest();
    flush();
  }

  function flush(): void {
    if (endedClaims.length === 0) return;
    deleteClaims([], endedClaims);
    endedClaims = [];
  }

  function restore({ task, queueId, lane, seq }: StoredFresh): FreshTask {
    add(task, catalog.queueById(queueId).lanes.get(lane)!, seq);
    return ready.get(task.key)!;
  }

  function reload(): void {
    for (const map of [ready, lanes, runs, claims]) map.clear();
    live.rows.clear();
    endedClaims = [];
    bytes = 0;
    nextClaim = 1;
    fromKey = selectFrom.get()?.value ?? null;
    for (const stored of fromKey === null ? [] : reads.fromKey(fromKey)) restore(stored);
    for (const { id, claimed_at: now, runs: given } of selectClaims.all()) {
      const claim: FreshClaim = { id, now, runs: {}, left: 0 };
      for (const [sessionKey, keys] of Object.entries(JSON.parse(given) as Record<string, number[]>)) {
        for (const key of keys) {
          const stored = ready.has(key) ? undefined : reads.byKey(key);
          const task = ready.get(key) ?? (stored && restore(stored));
          if (task) run(task, Number(sessionKey), claim);
        }
      }
      if (claim.left > 0) claims.set(id, claim);
      else endedClaims.push(id);
      nextClaim = id + 1;
    }
  }

  return {
    hasRoom: (more) => ready.size < limits.ready && bytes + more <= limits.readyBytes,
    follow,
    add,
    dropFrom: (key) => {
      for (const task of ready.values()) if (task.task_key >= key) leave(task);
      if (fromKey !== null && fromKey > key) setFrom(key);
    },
    countOf: (lane) => lanes.get(lane)?.count ?? 0,
    peek,
    beginClaim: (now) => ({ id: nextClaim, now, runs: {}, left: 0 }),
    run,
    endClaim,
    findRun: (id) => runs.get(id)?.row,
    end: (id) => {
      const found = runs.get(id);
      if (!found) return false;
      leaveRun(id, found);
      return true;
    },
    find: (key, id) => {
      const row = runs.get(id)?.row;
      if (row) return row;
      return ready.has(key) ? WAITING : undefined;
    },
    heads: (lane) => (lanes.get(lane)?.levels ?? []).flatMap(({ tasks }) => tasks.find(({ isReady }) => isReady) ?? []),
    write: (key, id) => {
      const run = runs.get(id);
      const task = ready.get(key);
      if (run) writeRun(run);
      if (task) writeReady(task);
      live.rows.flush();
    },
    writeSession: (sessionKey) => {
      for (const run of runs.values()) if (run.row.session_key === sessionKey) writeRun(run);
      live.rows.flush();
    },
    writeLane: (lane) => {
      for (const task of peek(lane, limits.ready)) writeReady(task);
      live.rows.flush();
    },
    flush,
    reload,
  };
}

/** Forgets places at the head that are void. */
function trim(level: FreshLane['levels'][number]): void {
  while (level.head < level.tasks.length && !level.tasks[level.head]!.isReady) level.head++;
  if (level.head < 1_024 && level.head < level.tasks.length) return;
  level.tasks = level.tasks.slice(level.head);
  level.head = 0;
}
