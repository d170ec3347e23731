import { isInScope, type QueueScope } from '../../model/caller.ts';
import { isSettled } from '../../model/states.ts';
import type { TaskState } from '../../model/task.ts';
import type { TaskFilter } from '../tasks.ts';
import { type Catalog, type Context, RUNNING, stateNumber, type Value } from './context.ts';

/** A filter in SQL. */
export interface Conditions {
  /** To be appended to a condition: each begins with AND. */
  readonly sql: string;
  readonly values: readonly Value[];
}

/** Finds tasks by a filter without looking at all of them, where few can meet it. */
export interface TaskConditions {
  of(filter: TaskFilter, scope: QueueScope): Conditions;
  /** Keys of tasks, all that may meet the filter among them; undefined: they are many, or nobody knows them. */
  candidates(filter: TaskFilter): readonly number[] | undefined;
}

/** As many are looked up and sorted in a few milliseconds. */
const MAX_CANDIDATES = 10_000;

const UNSUCCESSFUL: readonly TaskState[] = ['failed', 'cancelled', 'expired'];
const ALL_STATES: readonly TaskState[] = ['scheduled', 'ready', 'running', 'succeeded', ...UNSUCCESSFUL];

const newest = (column: string): string =>
  `(SELECT ${column} FROM result WHERE task_key = t.key ORDER BY position DESC LIMIT 1)`;

// The function comes last, since only a fresh task has neither a live row nor a result.
export const STATE = `coalesce(l.state, ${newest('state')}, fresh_state(t.key, t.id))`;

export function createConditions({ db, catalog, sessions, fresh }: Context): TaskConditions {
  db.define('fresh_state', (key, id) => {
    const state = fresh.find(key as number, id as string)?.state;
    return state ? stateNumber(state) : null;
  });
  db.define('fresh_claimed', (key, id) => fresh.find(key as number, id as string)?.claimedAt ?? null);
  db.define('holder', (state, sessionKey, key, id) => {
    if (state !== null && state !== RUNNING) return null;
    const holding = state === null ? fresh.find(key as number, id as string)?.sessionKey : sessionKey;
    return sessions.get((holding as number | null | undefined) ?? 0)?.clientId ?? null;
  });
  db.define('has_pair', (metadata, name, value) => {
    const pairs = metadata === null ? {} : (JSON.parse(metadata as string) as Record<string, string>);
    return Object.hasOwn(pairs, name as string) && pairs[name as string] === value ? 1 : 0;
  });
  const selectReady = db.prepare<{ task_key: number }>('SELECT task_key FROM live WHERE state = 0 LIMIT ?');
  const selectRunning = db.prepare<{ task_key: number }>('SELECT task_key FROM live WHERE state = 1 LIMIT ?');
  const selectScheduled = db.prepare<{ task_key: number }>('SELECT task_key FROM live WHERE state = 2 LIMIT ?');
  const selectUnsuccessful = db.prepare<{ task_key: number }>(
    `SELECT task_key FROM result INDEXED BY result_unsuccessful
     WHERE state = ? AND state > 3 AND settled_at > ? AND settled_at < ?
       AND (? IS NULL OR error_code IN (SELECT value FROM json_each(?))) LIMIT ?`,
  );

  function of(filter: TaskFilter, scope: QueueScope): Conditions {
    let sql = queuesOf(filter, scope, catalog);
    const values: Value[] = [];
    const add = (condition: string, ...given: readonly Value[]): void => {
      sql += ` AND ${condition}`;
      values.push(...given);
    };
    const marks = (items: readonly unknown[]): string => items.map(() => '?').join(', ');
    if (filter.states) add(`${STATE} IN (${filter.states.map(stateNumber).join(', ')})`);
    if (filter.createdAfter !== undefined) add('t.created_at > ?', filter.createdAfter);
    if (filter.createdBefore !== undefined) add('t.created_at < ?', filter.createdBefore);
    if (filter.settledAfter !== undefined) add(`l.state IS NULL AND ${newest('settled_at')} > ?`, filter.settledAfter);
    if (filter.settledBefore !== undefined)
      add(`l.state IS NULL AND ${newest('settled_at')} < ?`, filter.settledBefore);
    if (filter.errorCodes)
      add(`l.state IS NULL AND ${newest('error_code')} IN (${marks(filter.errorCodes)})`, ...filter.errorCodes);
    if (filter.clientIds) {
      const holder = `iif(l.state IS NULL, ${newest('client_id')}, NULL)`;
      add(`coalesce(${holder}, holder(l.state, l.session_key, t.key, t.id)) IN (${marks(filter.clientIds)})`);
      values.push(...filter.clientIds);
    }
    for (const [name, value] of Object.entries(filter.metadata ?? {})) {
      // Metadata is stored as JSON without spaces: a look for the text spares reading most of it.
      const text = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
      add('instr(t.metadata, ?) > 0 AND has_pair(t.metadata, ?, ?)', text, name, value);
    }
    if (filter.claimedBefore !== undefined) {
      const claimed = 'iif(l.state IS NULL, fresh_claimed(t.key, t.id), iif(l.state = 1, l.claimed_at, NULL))';
      add(`${claimed} <= ?`, filter.claimedBefore);
    }
    return { sql, values };
  }

  function candidates(filter: TaskFilter): readonly number[] | undefined {
    const states = statesOf(filter);
    const keys = new Set<number>();
    const take = (found: Iterable<number>): boolean => {
      for (const key of found) if (keys.add(key).size > MAX_CANDIDATES) return false;
      return true;
    };
    if (states.includes('succeeded') || (states.includes('ready') && countReady() > MAX_CANDIDATES)) return undefined;
    for (const state of states) if (!take(keysIn(state, filter))) return undefined;
    return [...keys];
  }

  function countReady(): number {
    let count = 0;
    for (const { counts } of catalog.queues()) count += counts.ready;
    return count;
  }

  function* freshReady(): Generator<number> {
    for (const { lanes } of catalog.queues()) {
      for (const lane of lanes.values()) {
        if (lane.ready === 0) continue;
        for (const task of fresh.peek(lane, lane.ready)) yield task.task_key;
        for (const task of fresh.readNext(lane, undefined, lane.ready)) yield task.task_key;
      }
    }
  }

  function* keysIn(state: TaskState, filter: TaskFilter): Generator<number> {
    const limit = MAX_CANDIDATES + 1;
    if (state === 'running') yield* fresh.runningKeys();
    if (state === 'running') for (const { task_key } of selectRunning.all(limit)) yield task_key;
    if (state === 'ready') yield* freshReady();
    if (state === 'ready') for (const { task_key } of selectReady.all(limit)) yield task_key;
    if (state === 'scheduled') for (const { task_key } of selectScheduled.all(limit)) yield task_key;
    if (!UNSUCCESSFUL.includes(state)) return;
    const { settledAfter = -1, settledBefore = Number.MAX_SAFE_INTEGER, errorCodes } = filter;
    const codes = errorCodes ? JSON.stringify(errorCodes) : null;
    const found = selectUnsuccessful.all(stateNumber(state), settledAfter, settledBefore, codes, codes, limit);
    for (const { task_key } of found) yield task_key;
  }

  return { of, candidates };
}

/** The states of tasks that may meet a filter, by all that it says. */
function statesOf(filter: TaskFilter): readonly TaskState[] {
  const isOfSettled = filter.settledAfter !== undefined || filter.settledBefore !== undefined;
  return (filter.states ?? ALL_STATES).filter(
    (state) =>
      (filter.claimedBefore === undefined || state === 'running') &&
      (!isOfSettled || isSettled(state)) &&
      // Only what did not succeed has an error.
      (filter.errorCodes === undefined || UNSUCCESSFUL.includes(state)),
  );
}

function queuesOf(filter: TaskFilter, scope: QueueScope, catalog: Catalog): string {
  if (!filter.queues && scope.queues === 'all') return '';
  const ids = [...catalog.queues()]
    .filter(({ name }) => (filter.queues?.includes(name) ?? true) && isInScope(scope, name))
    .map(({ id }) => id);
  return ` AND t.queue_id IN (${ids.join(', ')})`;
}
