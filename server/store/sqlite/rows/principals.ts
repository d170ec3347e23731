import { ChurnMap } from '../../../../shared/churn.ts';
import type { Database } from '../../file/database.ts';

/**
 * How many tasks of each principal wait, ready or scheduled. In memory are those that have any; the table is written with
 * whatever changed a count, so that nobody has to look at the tasks at the start, and it is as exact as they are. Tasks of
 * nobody in particular (principal '': nobody asked who it was) are not counted.
 */
export interface Principals {
  /** How many more of its tasks may wait; of one that has more than it may, below 0. */
  roomOf(principal: string): number;
  waitingOf(principal: string): number;
  count(principal: string, by: 1 | -1): void;
  /** Writes what changed: before every COMMIT. */
  flush(): void;
  /** Takes the counts for committed: after every COMMIT. */
  confirm(): void;
  /** Goes back to what was committed: after every ROLLBACK. */
  reload(): void;
}

interface Entry {
  readonly principal: string;
  waiting: number;
  /** As of the last commit. */
  committed: number;
  isChanged: boolean;
}

/** Tasks of one principal that are ready or scheduled. */
const MAX_WAITING = 5_000_000;

/** Principals with tasks that wait; beyond, tasks of one more are refused. Each costs some 200 bytes of memory. */
const MAX_PRINCIPALS = 100_000;

export interface PrincipalBounds {
  readonly maxWaitingTasksPerPrincipal?: number;
  readonly maxPrincipals?: number;
}

export function createPrincipals(
  db: Database,
  { maxWaitingTasksPerPrincipal: maxWaiting = MAX_WAITING, maxPrincipals = MAX_PRINCIPALS }: PrincipalBounds = {},
): Principals {
  const put = db.prepare(
    'INSERT INTO principal VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET waiting = excluded.waiting',
  );
  const remove = db.prepare('DELETE FROM principal WHERE name = ?');
  const byName = new ChurnMap<string, Entry>();
  let changed: Entry[] = [];
  /** Whose task was counted last: mostly the next one is its too. */
  let last: Entry | undefined;

  for (const { name, waiting } of db.prepare<{ name: string; waiting: number }>('SELECT * FROM principal').all()) {
    byName.set(name, { principal: name, waiting, committed: waiting, isChanged: false });
  }

  function find(principal: string): Entry | undefined {
    if (last?.principal !== principal) last = byName.get(principal);
    return last;
  }

  function add(principal: string): Entry {
    last = { principal, waiting: 0, committed: 0, isChanged: false };
    byName.set(principal, last);
    return last;
  }

  /** Those that have changed are as the file has them, and those that have nothing are forgotten. */
  function settle(settleOne: (entry: Entry) => void): void {
    for (const entry of changed) {
      settleOne(entry);
      entry.isChanged = false;
      if (entry.waiting === 0) byName.delete(entry.principal);
    }
    changed = [];
    last = undefined;
  }

  return {
    roomOf: (principal) => {
      if (principal === '') return Number.POSITIVE_INFINITY;
      const entry = find(principal);
      if (!entry && byName.size >= maxPrincipals) return 0;
      return maxWaiting - (entry?.waiting ?? 0);
    },
    waitingOf: (principal) => find(principal)?.waiting ?? 0,
    count: (principal, by) => {
      if (principal === '') return;
      const entry = find(principal) ?? add(principal);
      entry.waiting += by;
      if (entry.isChanged) return;
      entry.isChanged = true;
      changed.push(entry);
    },
    flush: () => {
      for (const { principal, waiting } of changed) {
        if (waiting === 0) remove.run(principal);
        else put.run(principal, waiting);
      }
    },
    confirm: () =>
      settle((entry) => {
        entry.committed = entry.waiting;
      }),
    reload: () =>
      settle((entry) => {
        entry.waiting = entry.committed;
      }),
  };
}
