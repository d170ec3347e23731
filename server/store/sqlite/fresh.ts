import type { Catalog, LaneEntry } from './catalog.ts';
import type { ReadyRow } from './claimrows.ts';
import type { Database } from './database.ts';
import {
  type FreshClaim,
  type FreshRun,
  type FreshTask,
  prepareFreshReads,
  prepareLiveRows,
  rowOf,
  type StoredFresh,
  toFresh,
} from './freshrows.ts';
import { createFreshWaiting, type KeptLimits } from './freshwaiting.ts';
import { prepareKeys } from './many.ts';
import { READY, type TaskRow } from './taskrow.ts';
import type { NewTask } from './warm.ts';

/** The columns of a live row that tell one fresh task from another, and what they all have. */
export type FreshState = Pick<TaskRow, 'state' | 'delivery' | 'session_key' | 'attempt' | 'lost'>;

/**
 * Tasks that have gone the straight way so far, inserted and perhaps claimed once: their live rows are in memory alone.
 * The file has what brings them back: the task itself, with its place in the order, and what was claimed as one row of
 * `claim` for each transaction. A task that is neither in `live` nor in `result` is fresh: running if a claim names it,
 * else ready, unless its key is below the one in `meta`. Whoever wants to do anything else with a fresh task has its
 * row written down first, and goes on as with any other; those that wait or run for long are written down too, so
 * that there are few to bring back.
 */
export interface Fresh {
  /** Whether a task that is inserted into this lane may be fresh: its turn comes before much else is inserted. */
  hasRoom(lane: LaneEntry): boolean;
  /** Before a task is inserted with this key, fresh or not. */
  follow(key: number): void;
  /** A task that was inserted, as ready. */
  add(row: NewRow, lane: LaneEntry, task: NewTask | null): void;
  /** An insert is taken back: this task and those after it. */
  dropFrom(key: number): void;
  countOf(lane: LaneEntry): number;
  /** In the order in which they are claimed, at most so many. */
  peek(lane: LaneEntry, limit: number): readonly FreshTask[];
  /** Counts what a transaction claims from here on. */
  beginClaim(now: number): FreshClaim;
  run(fresh: FreshTask, task: NewTask, sessionKey: number, claim: FreshClaim): void;
  /** Whether a ready task that has a row in `live` may do without from its claim on: nothing has happened to it either. */
  mayRejoin(row: ReadyRow, task: NewTask): boolean;
  /** As `run`; its row in `live` is deleted in the same transaction. */
  rejoin(row: ReadyRow, lane: LaneEntry, task: NewTask, sessionKey: number, claim: FreshClaim): void;
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
  /** Those that are next in the lane. */
  writeHead(lane: LaneEntry, limit: number): void;
  /** Deletes the claims that have ended. */
  flush(): void;
  /** After a rollback: as the file has them. */
  reload(): void;
}

const WAITING: FreshState = Object.freeze({ state: READY, delivery: 0, session_key: null, attempt: 0, lost: 0 });

type NewRow = Pick<FreshTask, 'task_key' | 'nprio' | 'seq' | 'bytes'>;

export interface FreshLimits extends KeptLimits {
  /** Tasks that wait. */
  readonly ready: number;
  /** So far behind the newest key a task that still waits is written down, so many keys at a time. */
  readonly behind: number;
  readonly step: number;
  /** Rows of `claim`, and the runs in them. */
  readonly claims: number;
  readonly runs: number;
}

/** Tasks before it in its lane, up to which a task is likely to be claimed before it has to make room. */
export const SOON = 32_000;

const LIMITS: FreshLimits = Object.freeze({
  ready: 100_000,
  kept: 32_768,
  keptBytes: 16 << 20,
  behind: 131_072,
  step: 2_048,
  claims: 64,
  runs: 16_384,
});

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
  const waiting = createFreshWaiting(limits);
  const runs = new Map<string, FreshRun>();
  const claims = new Map<number, FreshClaim>();
  let endedClaims: number[] = [];
  /** No ready one has a smaller key; null: there was none yet. */
  let fromKey: number | null = null;
  let nextClaim = 1;

  function writeReady(task: FreshTask): void {
    waiting.leave(task);
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
    leaveRun(run.task.id, run);
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
    const next = fromKey === null ? key : fromKey + limits.step;
    for (const task of waiting.before(next)) writeReady(task);
    live.rows.flush();
    setFrom(next);
  }

  /** Those that wait for long, for clients that are away perhaps, give way to new ones. */
  function makeRoom(): void {
    const oldest = waiting.oldest(limits.step);
    for (const task of oldest) writeReady(task);
    live.rows.flush();
    setFrom(oldest.at(-1)!.task_key + 1);
  }

  function setFrom(key: number): void {
    fromKey = key;
    putFrom.run(key);
  }

  function start(fresh: FreshTask, task: NewTask, sessionKey: number, claim: FreshClaim): void {
    runs.set(task.id, { ready: fresh, task, sessionKey, claim });
    claim.left++;
    const keys = claim.runs[sessionKey];
    if (keys) keys.push(fresh.task_key);
    else claim.runs[sessionKey] = [fresh.task_key];
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

  function restore({ key, queueId, lane, ...row }: StoredFresh): FreshTask {
    return toFresh({ task_key: key, ...row }, catalog.queueById(queueId).lanes.get(lane)!, null);
  }

  function restoreClaim(id: number, now: number, given: Record<string, number[]>): void {
    const claim: FreshClaim = { id, now, runs: {}, left: 0 };
    for (const [sessionKey, keys] of Object.entries(given)) {
      for (const key of keys) {
        const stored = reads.byKey(key);
        if (stored) start(restore(stored), reads.taskOf(key), Number(sessionKey), claim);
      }
    }
    nextClaim = id + 1;
    if (claim.left > 0) claims.set(id, claim);
    else endedClaims.push(id);
  }

  function reload(): void {
    for (const part of [waiting, runs, claims]) part.clear();
    live.rows.clear();
    endedClaims = [];
    nextClaim = 1;
    for (const { id, claimed_at, runs: given } of selectClaims.all()) restoreClaim(id, claimed_at, JSON.parse(given));
    const claimed = new Set([...runs.values()].map(({ ready }) => ready.task_key));
    fromKey = selectFrom.get()?.value ?? null;
    for (const stored of fromKey === null ? [] : reads.fromKey(fromKey)) {
      if (!claimed.has(stored.key)) waiting.add(restore(stored));
    }
  }

  return {
    hasRoom: (lane) => {
      const isNext = lane.ready < SOON || lane.ready === waiting.countOf(lane);
      return isNext && limits.ready > 0;
    },
    follow,
    add: (row, lane, task) => {
      if (waiting.size >= limits.ready) makeRoom();
      waiting.add(toFresh(row, lane, task));
    },
    dropFrom: (key) => {
      waiting.dropFrom(key);
      if (fromKey !== null && fromKey > key) setFrom(key);
    },
    countOf: waiting.countOf,
    peek: waiting.peek,
    beginClaim: (now) => ({ id: nextClaim, now, runs: {}, left: 0 }),
    run: (fresh, task, sessionKey, claim) => {
      waiting.leave(fresh);
      start(fresh, task, sessionKey, claim);
    },
    mayRejoin: ({ delivery, expires_at: expiresAt }, { parentId, seq }) => {
      const isPlain = delivery === 0 && expiresAt === null && parentId === null && seq !== null;
      return isPlain && runs.size < limits.runs;
    },
    rejoin: (row, lane, task, sessionKey, claim) => {
      start({ ...toFresh(row, lane, null), isReady: false }, task, sessionKey, claim);
    },
    endClaim,
    findRun: (id) => {
      const run = runs.get(id);
      return run && rowOf(run);
    },
    end: (id) => {
      const found = runs.get(id);
      if (!found) return false;
      leaveRun(id, found);
      return true;
    },
    find: (key, id) => {
      const run = runs.get(id);
      if (run) return rowOf(run);
      return waiting.find(key) ? WAITING : undefined;
    },
    heads: waiting.heads,
    write: (key, id) => {
      const run = runs.get(id);
      const task = waiting.find(key);
      if (run) writeRun(run);
      if (task) writeReady(task);
      live.rows.flush();
    },
    writeSession: (sessionKey) => {
      for (const run of runs.values()) if (run.sessionKey === sessionKey) writeRun(run);
      live.rows.flush();
    },
    writeHead: (lane, limit) => {
      for (const task of waiting.peek(lane, limit)) writeReady(task);
      live.rows.flush();
    },
    flush,
    reload,
  };
}
