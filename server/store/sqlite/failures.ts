import { setImmediate as nextTurn } from 'node:timers/promises';
import { isInScope, type QueueScope } from '../../model/caller.ts';
import {
  type Failure,
  type FailureGroup,
  type FailureList,
  type FailureQuery,
  MAX_GROUPS,
  MAX_NAMED,
  MAX_NEWEST,
} from '../attempts.ts';
import type { Context, Value } from './context.ts';

/** Failures counted in groups; no statement stays open between turns of the event loop. */
export interface Failures {
  list(query: FailureQuery, limit: number, scope: QueueScope): Promise<FailureList>;
}

interface Kind {
  readonly id: number;
  readonly queue: string;
  readonly code: string;
  readonly pattern: string;
}

/** Failures that one key of an index leads to: of one kind, or of one client. */
interface Run {
  readonly key: number | string;
  readonly count: number;
  readonly finalCount: number;
  readonly newestAt: number;
}

interface Group {
  readonly common: FailureGroup['common'];
  readonly runs: Run[];
  count: number;
}

interface NewestRow {
  readonly id: string;
  readonly queue_id: number;
  readonly client_id: string;
  readonly delivery: number;
  readonly ended_at: number;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly ended: number;
}

/** Failures that are counted before others may run: a millisecond or two. */
const COUNTED = 20_000;
/** Keys that are looked up before others may run. */
const LOOKED_UP = 100;
/** Beyond so many groups those with the fewest failures are only counted together. */
const MAX_HELD = 2 * MAX_GROUPS;

export function createFailures({ db, catalog }: Context): Failures {
  /** The kinds that a question is about, while a statement that asks for them runs. */
  let wanted: ReadonlySet<number> | undefined;
  db.define('is_wanted', (failureId) => (wanted?.has(failureId as number) ? 1 : 0));
  const selectKinds = db.prepare<{ id: number; queue_id: number; code: string; pattern: string }>(
    'SELECT * FROM failure ORDER BY code, pattern, id',
  );
  const selectClient = db.prepare<{ client_id: string }>(
    `SELECT client_id FROM attempt INDEXED BY attempt_by_client
     WHERE failure_id IS NOT NULL AND client_id > ? ORDER BY client_id LIMIT 1`,
  );
  const byKind = prepareRuns(db, 'attempt_by_failure', 'failure_id = ?');
  const byClient = prepareRuns(db, 'attempt_by_client', 'client_id = ? AND failure_id IS NOT NULL');
  const byClientWanted = prepareRuns(
    db,
    'attempt_by_client',
    'client_id = ? AND failure_id IS NOT NULL AND is_wanted(failure_id)',
  );

  function listKinds({ queues }: FailureQuery, scope: QueueScope): Kind[] {
    return selectKinds.all().flatMap(({ id, queue_id, code, pattern }) => {
      const queue = catalog.queueById(queue_id)?.name;
      const isSeen = queue !== undefined && isInScope(scope, queue) && (queues?.includes(queue) ?? true);
      return isSeen ? [{ id, queue, code, pattern }] : [];
    });
  }

  /** Window by window, the newest first. */
  async function count(runs: Runs, key: number | string, since: number): Promise<Run> {
    const run = { key, count: 0, finalCount: 0, newestAt: since };
    for (let end = Number.MAX_SAFE_INTEGER; end > since; ) {
      // Of one instant all are in one window.
      const start = Math.min(runs.selectStart.get(key, since, end)?.ended_at ?? since, end - 1);
      const found = runs.selectCount.get(key, start, end)!;
      run.count += found.count;
      run.finalCount += found.final;
      run.newestAt = Math.max(run.newestAt, found.newest ?? since);
      end = start;
      if (end > since) await nextTurn();
    }
    return run;
  }

  /** A group for each error or queue. */
  async function groupKinds(kinds: readonly Kind[], { by, since = -1 }: FailureQuery): Promise<Group[]> {
    const groups = new Map<string, Group>();
    for (const [index, { id, queue, code, pattern }] of kinds.entries()) {
      if (index % LOOKED_UP === LOOKED_UP - 1) await nextTurn();
      const run = await count(byKind, id, since);
      if (run.count === 0) continue;
      const name = by === 'queue' ? queue : JSON.stringify([code, pattern]);
      const group = groups.get(name) ?? {
        common: by === 'queue' ? { name: queue } : { code, pattern },
        runs: [],
        count: 0,
      };
      group.runs.push(run);
      group.count += run.count;
      groups.set(name, group);
    }
    return [...groups.values()];
  }

  /** A group for each client, as long as they are among those with the most failures. */
  async function groupClients(runs: Runs, since: number, limit: number, others: Others): Promise<Group[]> {
    let groups: Group[] = [];
    let looked = 0;
    // The empty name is one too: of deliveries of which nobody knows who had them.
    for (let name: string | undefined = ''; name !== undefined; name = selectClient.get(name)?.client_id) {
      if (++looked % LOOKED_UP === 0) await nextTurn();
      const run = await count(runs, name, since);
      if (run.count > 0) groups.push({ common: { name }, runs: [run], count: run.count });
      if (groups.length >= MAX_HELD) groups = cut(groups, limit, others);
    }
    return groups;
  }

  /** The newest failures of a group, the newest first: of each run those that are newer than what the others have. */
  function newestOf(runs: Runs, group: Group, since: number): NewestRow[] {
    let rows: NewestRow[] = [];
    let least = since;
    for (const run of group.runs.toSorted((a, b) => b.newestAt - a.newestAt)) {
      if (run.newestAt <= least) break;
      rows = [...rows, ...runs.selectNewest.all(run.key, least, MAX_NEWEST)];
      rows = rows.sort((a, b) => b.ended_at - a.ended_at).slice(0, MAX_NEWEST);
      if (rows.length === MAX_NEWEST) least = rows.at(-1)!.ended_at;
    }
    return rows;
  }

  function describe(runs: Runs, group: Group, since: number): FailureGroup | undefined {
    const rows = newestOf(runs, group, since);
    // Those that were counted are deleted meanwhile.
    if (rows.length === 0) return undefined;
    return {
      common: group.common,
      count: group.count,
      finalCount: group.runs.reduce((sum, run) => sum + run.finalCount, 0),
      newest: toFailure(rows[0]!),
      taskIds: [...new Set(rows.map(({ id }) => id))].slice(0, MAX_NAMED),
    };
  }

  function toFailure(row: NewestRow): Failure {
    return {
      taskId: row.id,
      queue: catalog.queueById(row.queue_id).name,
      clientId: row.client_id,
      delivery: row.delivery,
      endedAt: row.ended_at,
      code: row.error_code ?? 'LOST',
      message: row.error_message ?? 'its session was lost',
    };
  }

  return {
    list: async (query, limit, scope) => {
      const { by, since = -1 } = query;
      const kinds = listKinds(query, scope);
      const isAll = scope.queues === 'all' && !query.queues;
      const ids = new Set(kinds.map(({ id }) => id));
      const runs = by === 'client' ? (isAll ? byClient : limitTo(byClientWanted, ids)) : byKind;
      const others: Others = { groups: 0, failures: 0 };
      const most = Math.min(limit, MAX_GROUPS);
      const found = by === 'client' ? await groupClients(runs, since, most, others) : await groupKinds(kinds, query);
      const groups: FailureGroup[] = [];
      for (const group of cut(found, most, others)) {
        const described = describe(runs, group, since);
        if (described) groups.push(described);
        if (groups.length % LOOKED_UP === 0) await nextTurn();
      }
      return { groups, others };
    },
  };

  /** The statements ask for these kinds alone. */
  function limitTo(runs: Runs, ids: ReadonlySet<number>): Runs {
    const during = <T>(act: () => T): T => {
      wanted = ids;
      try {
        return act();
      } finally {
        wanted = undefined;
      }
    };
    return {
      selectStart: { get: (...values) => during(() => runs.selectStart.get(...values)) },
      selectCount: { get: (...values) => during(() => runs.selectCount.get(...values)) },
      selectNewest: { all: (...values) => during(() => runs.selectNewest.all(...values)) },
    };
  }
}

interface Others {
  groups: number;
  failures: number;
}

/** The groups with the most failures; the others are counted as such. */
function cut(groups: readonly Group[], limit: number, others: Others): Group[] {
  const newestOf = ({ runs }: Group): number => Math.max(...runs.map(({ newestAt }) => newestAt));
  const sorted = groups.toSorted((a, b) => b.count - a.count || newestOf(b) - newestOf(a));
  for (const { count } of sorted.slice(limit)) {
    others.groups += 1;
    others.failures += count;
  }
  return sorted.slice(0, limit);
}

/** What is asked of the failures that one key leads to: the key, then the instants after which and up to which. */
interface Runs {
  /** The instant before the newest of them that are counted at once; nothing: there are fewer. */
  readonly selectStart: { get(...values: Value[]): { readonly ended_at: number } | undefined };
  readonly selectCount: {
    get(
      ...values: Value[]
    ): { readonly count: number; readonly final: number; readonly newest: number | null } | undefined;
  };
  readonly selectNewest: { all(...values: Value[]): NewestRow[] };
}

function prepareRuns(db: Context['db'], index: string, condition: string): Runs {
  const from = `FROM attempt INDEXED BY ${index} WHERE ${condition} AND ended_at > ?`;
  return {
    selectStart: db.prepare(
      `SELECT ended_at ${from} AND ended_at <= ? ORDER BY ended_at DESC LIMIT 1 OFFSET ${COUNTED}`,
    ),
    selectCount: db.prepare(
      `SELECT count(*) AS count, coalesce(sum(is_final), 0) AS final, max(ended_at) AS newest ${from} AND ended_at <= ?`,
    ),
    selectNewest: db.prepare(
      `SELECT t.id, t.queue_id, a.client_id, a.delivery, a.ended_at, a.ended, a.error_code, a.error_message
       FROM attempt a INDEXED BY ${index} JOIN task t ON t.key = a.task_key
       WHERE ${condition.replaceAll(/client_id|failure_id/g, (name) => `a.${name}`)} AND a.ended_at > ?
       ORDER BY a.ended_at DESC LIMIT ?`,
    ),
  };
}
