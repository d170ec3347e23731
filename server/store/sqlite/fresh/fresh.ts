import type { Catalog, ClaimableTask, Database, LaneEntry, ReadyRow, TaskRow, TaskTerms } from '../rows/index.ts';
import { createBacklog } from './backlog.ts';
import { type FreshClaim, prepareFreshReads, prepareLiveRows } from './rows.ts';
import { createFreshRuns, type RunLimits } from './runs.ts';
import { FreshTask, type Sent } from './task.ts';
import { createFreshWaiting, type PayloadLimits } from './waiting.ts';

// The door of what is fresh.
export { type FreshClaim, writeDown } from './rows.ts';
export { FreshTask, openContent } from './task.ts';

/** The columns of a live row that tell one fresh task from another, and what they all have. */
export type FreshState = Pick<TaskRow, 'state' | 'delivery' | 'sessionKey' | 'attempt' | 'lost' | 'claimedAt'>;

/**
 * Tasks that have gone the straight way so far, inserted and perhaps claimed once: their live rows are in memory alone.
 * The file has what brings them back: the task itself, with its place in the order, and what was claimed as one row of
 * `claim` for each transaction. A task that is neither in `live` nor in `result` is fresh: running if a claim names it,
 * else ready, unless its key is below the one in `meta` and in no range of `backlog`. Whoever wants to do anything else
 * with a fresh task has its row written down first, and goes on as with any other; those that run for long are written
 * down too, and those that wait for long become ranges of keys where they lie together, so that there are few to bring
 * back.
 */
export interface Fresh {
  /** Whether what is inserted into this lane now is likely to be claimed before much else is inserted. */
  isSoon(lane: LaneEntry): boolean;
  /** Called before a task is inserted with this key, fresh or not. */
  follow(key: number): void;
  /**
   * Takes a task that was inserted as ready, before it is counted; with what was sent its claim has to read nothing.
   * False: it has to wait for long, and alone, so it needs a row in `live`.
   */
  add(task: FreshTask, sent?: Sent, terms?: TaskTerms): boolean;
  /** Writes the rows that an insert made necessary: after every insert. */
  settleRows(): void;
  /** An insert is taken back: this task and those after it. */
  dropFrom(key: number): void;
  /** Counts the fresh tasks of a lane: those in memory, and all. */
  countOf(lane: LaneEntry): { readonly inMemory: number; readonly all: number };
  /** The tasks in memory in the order in which they are claimed, at most so many. */
  peek(lane: LaneEntry, limit: number): readonly FreshTask[];
  /**
   * The tasks that are not, read from the file in that order, behind `after`; fewer than `limit`: there are no more.
   */
  readNext(lane: LaneEntry, after: FreshTask | undefined, limit: number): readonly FreshTask[];
  /** Counts what a transaction claims from here on. */
  beginClaim(now: number): FreshClaim;
  run(fresh: FreshTask, task: ClaimableTask, sessionKey: number, claim: FreshClaim): void;
  /**
   * Whether a ready task that has a row in `live` may do without from its claim on: nothing has happened to it either.
   */
  mayRejoin(row: ReadyRow, task: ClaimableTask): boolean;
  /** As `run`; its row in `live` is deleted in the same transaction. */
  rejoin(row: ReadyRow, lane: LaneEntry, task: ClaimableTask, sessionKey: number, claim: FreshClaim): void;
  endClaim(claim: FreshClaim): void;
  findRun(id: string): TaskRow | undefined;
  /** Keys of those that run. */
  runningKeys(): Iterable<number>;
  /** The task is settled: true if there is no row of it in `live`. */
  end(id: string): boolean;
  /** What the row in `live` would say of the task; undefined: it is not fresh. */
  find(key: number, id: string): FreshState | undefined;
  /** The oldest task of each priority. */
  heads(lane: LaneEntry): readonly FreshTask[];
  /** Gives a task its row in `live`, if it is fresh. */
  write(key: number, id: string): void;
  writeSession(sessionKey: number): void;
  /** Gives rows in `live` to the tasks that are next in the lane. */
  writeHead(lane: LaneEntry, limit: number): void;
  /** Writes what changed: before every COMMIT. */
  flush(): void;
  /** Reads all from the file: after a rollback. */
  reload(): void;
}

const WAITING: FreshState = Object.freeze({
  state: 'ready',
  delivery: 0,
  sessionKey: null,
  attempt: 0,
  lost: 0,
  claimedAt: null,
});

export interface FreshLimits extends PayloadLimits, RunLimits {
  /** Tasks that wait in memory. */
  readonly ready: number;
  /** Tasks before it in its lane, up to which a task is likely to be claimed before it has to give way. */
  readonly soon: number;
  /** So far behind the newest key a task that still waits gives way, so many keys at a time. */
  readonly behind: number;
  readonly step: number;
  /** Tasks in a row that are worth a range; fewer are written down one by one. */
  readonly shortest: number;
}

const LIMITS: FreshLimits = Object.freeze({
  ready: 100_000,
  soon: 100_000,
  payloadBytes: 16 << 20,
  behind: 131_072,
  step: 2_048,
  shortest: 32,
  claims: 64,
  runs: 16_384,
});

export function createFresh(db: Database, catalog: Catalog, limits = LIMITS): Fresh {
  const selectFrom = db.prepare<{ value: number }>(`SELECT value FROM meta WHERE name = 'fresh'`);
  const putFrom = db.prepare(
    `INSERT INTO meta VALUES ('fresh', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
  );
  const live = prepareLiveRows(db);
  const reads = prepareFreshReads(db, catalog);
  const waiting = createFreshWaiting(limits);
  const backlog = createBacklog({ db, catalog, reads, live, shortest: limits.shortest });
  const runs = createFreshRuns(db, reads, live, limits);
  /** No ready fresh task has a smaller key; null: there was none yet. */
  let fromKey: number | null = null;

  function writeReady(task: FreshTask): void {
    waiting.leave(task);
    live.addReady(task);
  }

  /** Takes tasks out of memory, given in the order of their keys, so that others have their places. */
  function giveWay(tasks: Iterable<FreshTask>): void {
    let run: FreshTask[] = [];
    for (const task of tasks) {
      const last = run.at(-1);
      if (last && (task.task_key !== last.task_key + 1 || task.lane !== last.lane || task.nprio !== last.nprio)) {
        endRun(run);
        run = [];
      }
      run.push(task);
    }
    endRun(run);
    live.rows.flush();
  }

  function endRun(run: readonly FreshTask[]): void {
    const write = backlog.take(run) ? waiting.leave : writeReady;
    for (const task of run) write(task);
  }

  /** Has the first key that is looked at after a crash follow the newest, in steps. */
  function follow(key: number): void {
    if (fromKey !== null && key - fromKey < limits.behind) return;
    const next = fromKey === null ? key : fromKey + limits.step;
    giveWay(waiting.before(next));
    setFrom(next);
  }

  /** Has tasks that wait for long, for clients that are away perhaps, give way to new ones. */
  function makeRoom(): void {
    const oldest = waiting.oldest(limits.step);
    giveWay(oldest);
    setFrom(oldest.at(-1)!.task_key + 1);
  }

  function setFrom(key: number): void {
    fromKey = key;
    putFrom.run(key);
  }

  function heads(lane: LaneEntry): readonly FreshTask[] {
    const byPriority = new Map(backlog.heads(lane).map((task) => [task.nprio, task]));
    for (const task of waiting.heads(lane)) {
      const other = byPriority.get(task.nprio);
      if (!other || task.seq < other.seq) byPriority.set(task.nprio, task);
    }
    return [...byPriority.values()];
  }

  function reload(): void {
    waiting.clear();
    live.rows.clear();
    runs.reload();
    backlog.reload();
    const claimed = runs.keys;
    fromKey = selectFrom.get()?.value ?? null;
    for (const stored of fromKey === null ? [] : reads.fromKey(fromKey)) {
      if (!claimed.has(stored.task_key) && !backlog.has(stored.task_key)) waiting.add(stored);
    }
  }

  const isSoon = (lane: LaneEntry): boolean => lane.ready < limits.soon;

  return {
    isSoon,
    follow,
    add: (task, sent, terms) => {
      if (limits.ready === 0) return false;
      if (!isSoon(task.lane)) return backlog.append(task);
      if (waiting.size >= limits.ready) makeRoom();
      waiting.add(task, sent, terms);
      return true;
    },
    settleRows: live.rows.flush,
    dropFrom: (key) => {
      live.rows.flush();
      backlog.dropFrom(key);
      waiting.dropFrom(key);
      if (fromKey !== null && fromKey > key) setFrom(key);
    },
    countOf: (lane) => {
      const inMemory = waiting.countOf(lane);
      return { inMemory, all: inMemory + backlog.countOf(lane) };
    },
    peek: waiting.peek,
    readNext: backlog.read,
    beginClaim: runs.beginClaim,
    run: (fresh, task, sessionKey, claim) => {
      if (fresh.isReady) waiting.leave(fresh);
      else backlog.leave(fresh.task_key);
      runs.start(fresh, task, sessionKey, claim);
    },
    mayRejoin: ({ delivery, expires_at: expiresAt }, { parentId, seq }) => {
      const isPlain = delivery === 0 && expiresAt === null && parentId === null && seq !== null;
      return isPlain && runs.size < limits.runs;
    },
    rejoin: (row, lane, task, sessionKey, claim) => {
      runs.start(new FreshTask(row.task_key, row.nprio, row.seq, row.bytes, lane), task, sessionKey, claim);
    },
    endClaim: runs.endClaim,
    findRun: runs.find,
    runningKeys: () => runs.keys,
    end: runs.end,
    find: (key, id) => runs.find(id) ?? (waiting.find(key) || backlog.has(key) ? WAITING : undefined),
    heads,
    write: (key, id) => {
      const task = waiting.find(key);
      if (task) writeReady(task);
      runs.write(id);
      backlog.write(key);
      live.rows.flush();
    },
    writeSession: (sessionKey) => {
      runs.writeSession(sessionKey);
      live.rows.flush();
    },
    writeHead: (lane, limit) => {
      for (const task of waiting.peek(lane, limit)) writeReady(task);
      backlog.writeHead(lane, limit);
      live.rows.flush();
    },
    flush: () => {
      runs.flush();
      backlog.flush();
    },
    reload,
  };
}
