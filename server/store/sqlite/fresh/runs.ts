import { ChurnMap } from '../../../../shared/churn.ts';
import { type ClaimableTask, type Database, prepareKeys, type TaskRow } from '../rows/index.ts';
import { type FreshClaim, type FreshReads, type FreshRun, type LiveRows, rowOf } from './rows.ts';
import type { FreshTask } from './task.ts';

/** Fresh tasks that run: in the file they are what a row of `claim` names. */
export interface FreshRuns {
  readonly size: number;
  /** Counts what a transaction claims from here on. */
  beginClaim(now: number): FreshClaim;
  start(fresh: FreshTask, task: RunningTask, sessionKey: number, claim: FreshClaim): void;
  endClaim(claim: FreshClaim): void;
  find(id: string): TaskRow | undefined;
  readonly keys: ReadonlySet<number>;
  /** The task is settled: true if it was one of these. */
  end(id: string): boolean;
  /** Gives a task its row in `live`, if it is one of these. */
  write(id: string): void;
  writeSession(sessionKey: number): void;
  /** Deletes the claims that have ended. */
  flush(): void;
  /** Reads all from the file. */
  reload(): void;
}

/** What a run keeps of its task. */
type RunningTask = Pick<ClaimableTask, 'id' | 'terms'>;

/** Rows of `claim`, and the runs in them; the oldest beyond that get rows in `live`. */
export interface RunLimits {
  readonly claims: number;
  readonly runs: number;
}

export function createFreshRuns(db: Database, reads: FreshReads, live: LiveRows, limits: RunLimits): FreshRuns {
  const selectClaims = db.prepare<{ id: number; claimed_at: number; runs: string }>('SELECT * FROM claim ORDER BY id');
  const insertClaim = db.prepare('INSERT INTO claim VALUES (?, ?, ?)');
  const deleteClaims = prepareKeys(db, 'DELETE FROM claim WHERE id IN');
  const runs = new ChurnMap<string, FreshRun>();
  const claims = new ChurnMap<number, FreshClaim>();
  let endedClaims: number[] = [];
  /** The run that was asked for last: whoever ends a run has asked for it just before. */
  let found: FreshRun | undefined;
  let nextClaim = 1;

  function leave(id: string, { claim }: FreshRun): void {
    runs.delete(id);
    found = undefined;
    claim.left--;
    if (claim.left > 0) return;
    claims.delete(claim.id);
    endedClaims.push(claim.id);
  }

  function write(run: FreshRun): void {
    leave(run.id, run);
    live.addRun(run);
  }

  function writeOldest(): void {
    const [oldest] = claims.values();
    for (const run of runs.values()) if (run.claim === oldest) write(run);
    live.rows.flush();
  }

  function start(fresh: FreshTask, { id, terms }: RunningTask, sessionKey: number, claim: FreshClaim): void {
    runs.set(id, { ready: fresh, id, terms, sessionKey, claim });
    claim.left++;
    const keys = claim.runs[sessionKey];
    if (keys) keys.push(fresh.task_key);
    else claim.runs[sessionKey] = [fresh.task_key];
  }

  function flush(): void {
    if (endedClaims.length === 0) return;
    deleteClaims([], endedClaims);
    endedClaims = [];
  }

  function restoreClaim(id: number, now: number, given: Record<string, number[]>): void {
    const claim: FreshClaim = { id, now, runs: {}, left: 0 };
    for (const [sessionKey, keys] of Object.entries(given)) {
      for (const key of keys) {
        const stored = reads.byKey(key);
        if (stored) start(stored, reads.taskOf(key), Number(sessionKey), claim);
      }
    }
    nextClaim = id + 1;
    if (claim.left > 0) claims.set(id, claim);
    else endedClaims.push(id);
  }

  return {
    get size() {
      return runs.size;
    },
    beginClaim: (now) => ({ id: nextClaim, now, runs: {}, left: 0 }),
    start,
    endClaim: (claim) => {
      if (claim.left === 0) return;
      insertClaim.run(claim.id, claim.now, JSON.stringify(claim.runs));
      claims.set(claim.id, claim);
      nextClaim = claim.id + 1;
      while (claims.size > limits.claims || runs.size > limits.runs) writeOldest();
      flush();
    },
    find: (id) => {
      found = runs.get(id);
      return found && rowOf(found);
    },
    get keys() {
      return new Set([...runs.values()].map(({ ready }) => ready.task_key));
    },
    end: (id) => {
      const run = found?.id === id ? found : runs.get(id);
      if (!run) return false;
      leave(id, run);
      return true;
    },
    write: (id) => {
      const run = runs.get(id);
      if (run) write(run);
    },
    writeSession: (sessionKey) => {
      for (const run of runs.values()) if (run.sessionKey === sessionKey) write(run);
    },
    flush,
    reload: () => {
      runs.clear();
      found = undefined;
      claims.clear();
      endedClaims = [];
      nextClaim = 1;
      for (const { id, claimed_at, runs: given } of selectClaims.all()) restoreClaim(id, claimed_at, JSON.parse(given));
    },
  };
}
