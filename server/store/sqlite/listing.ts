import { setImmediate as nextTurn } from 'node:timers/promises';
import { type AttemptRecord, MAX_KEPT } from '../../model/attempt.ts';
import type { ChildCounts } from '../../model/broadcast.ts';
import { isInScope, type QueueScope } from '../../model/caller.ts';
import type { ResultRecord, TaskRecord } from '../../model/task.ts';
import type { DescribedTask, TaskFilter } from '../tasks.ts';
import {
  type Catalog,
  type Context,
  parseMetadata,
  type StoredRow,
  stateName,
  stateNumber,
  type Value,
} from './context.ts';

/** What is told of tasks; no statement stays open between turns of the event loop. */
export interface Listing {
  describeTask(id: string, scope: QueueScope): DescribedTask | undefined;
  listTasks(
    filter: TaskFilter,
    before: string | null,
    limit: number,
    scope: QueueScope,
  ): Promise<readonly TaskRecord[]>;
  countChildren(parentId: string, scope: QueueScope): ChildCounts | undefined;
}

interface DescribedRow extends StoredRow {
  readonly created_at: number;
  readonly expiry: number | null;
  readonly state: number | null;
  readonly delivery: number | null;
  readonly attempt: number | null;
  readonly lost: number | null;
  readonly run_at: number | null;
  readonly session_key: number | null;
  readonly claimed_at: number | null;
  readonly cancel_reason: string | null;
  readonly last_error: string | null;
}

const MAX_ROWS = 500;
const MAX_PAGE_BYTES = 4 << 20;
/** Rows that a list looks at before it lets others run. */
const SCANNED = 2_000;

// A redriven task has no expiry any more; nothing but a redrive gives a task a second result.
const DESCRIBED = `SELECT t.*, l.state, l.delivery, l.attempt, l.run_at, l.session_key, l.claimed_at, l.cancel_reason,
  l.last_error,
  coalesce(l.lost, (SELECT lost FROM result WHERE task_key = t.key ORDER BY position DESC LIMIT 1)) AS lost,
  iif(l.state IS NULL AND (SELECT count(*) FROM result WHERE task_key = t.key) < 2, t.expires_at, l.expires_at)
    AS expiry FROM task t LEFT JOIN live l ON l.task_key = t.key`;
// The function comes last, since only a fresh task has neither a live row nor a result.
const STATE = `coalesce(l.state, (SELECT state FROM result WHERE task_key = t.key ORDER BY position DESC LIMIT 1),
  fresh_state(t.key, t.id))`;

/** @param newestOf the newest result of a task, by its key */
export function createListing(
  { db, catalog, sessions, children, fresh, attempts }: Context,
  newestOf: (taskKey: number) => ResultRecord | undefined,
): Listing {
  db.define('fresh_state', (key, id) => {
    const state = fresh.find(key as number, id as string)?.state;
    return state ? stateNumber(state) : null;
  });
  const selectKey = db.prepare<{ key: number; queue_id: number }>('SELECT key, queue_id FROM task WHERE id = ?');
  const selectTask = db.prepare<DescribedRow>(`${DESCRIBED} WHERE t.id = ?`);

  const isIn = (scope: QueueScope, { queue_id }: { readonly queue_id: number }): boolean =>
    isInScope(scope, catalog.queueById(queue_id).name);

  function toRecord(described: DescribedRow): TaskRecord {
    const found = described.state === null ? fresh.find(described.key, described.id) : undefined;
    const row = found ? { ...described, ...found, session_key: found.sessionKey } : described;
    const live = typeof row.state === 'number' ? stateName(row.state) : row.state;
    const settled = live === null ? newestOf(row.key)! : null;
    const state = settled?.state ?? live!;
    return {
      id: row.id,
      queue: catalog.queueById(row.queue_id).name,
      lane: row.lane,
      payload: row.payload,
      contentType: row.content_type,
      metadata: parseMetadata(row.metadata),
      priority: row.priority,
      expiresAt: row.expiry,
      maxAttempts: row.max_attempts,
      timeoutMs: row.timeout_ms,
      backoffBaseMs: row.backoff_base_ms,
      backoffCapMs: row.backoff_cap_ms,
      idempotencyKey: row.idempotency_key ?? row.freed_key,
      parentId: row.parent_id,
      createdBy: row.created_by ?? '',
      state,
      createdAt: row.created_at,
      runAt: row.run_at,
      attempt: settled?.attempt ?? row.attempt! + (state === 'running' ? 1 : 0),
      delivery: settled?.delivery ?? row.delivery!,
      lost: row.lost ?? 0,
      lastError: row.last_error,
      cancelRequested: settled?.cancelRequested ?? row.cancel_reason !== null,
      clientId: settled?.clientId ?? sessions.get(row.session_key ?? 0)?.clientId ?? '',
      settled,
    };
  }

  /** Those that are kept, and behind them the one that runs or has succeeded. */
  function attemptsOf({ key, id, claimed_at }: DescribedRow, record: TaskRecord): AttemptRecord[] {
    const { state, settled, delivery, attempt, clientId } = record;
    const kept = delivery === 0 ? [] : attempts.list(key);
    if (state !== 'running' && (state !== 'succeeded' || delivery === 0)) return kept;
    const last: AttemptRecord = {
      attempt,
      delivery,
      clientId,
      claimedAt: settled ? settled.claimedAt : (claimed_at ?? fresh.find(key, id)?.claimedAt ?? null),
      startedAt: null,
      endedAt: settled?.settledAt ?? null,
      end: settled ? 'succeeded' : null,
      isUntouched: false,
      error: null,
      backoffMs: 0,
    };
    return [...kept, last].slice(-MAX_KEPT);
  }

  async function listTasks(
    filter: TaskFilter,
    before: string | null,
    limit: number,
    scope: QueueScope,
  ): Promise<readonly TaskRecord[]> {
    const { sql, values } = conditionsOf(filter, scope, catalog);
    const source = filter.parentId === undefined ? 'task' : 'task INDEXED BY task_by_parent';
    const parent = filter.parentId === undefined ? '' : 'parent_id = ? AND';
    const parentValues = filter.parentId === undefined ? [] : [filter.parentId];
    // A page is found in two steps, a window of ids and the matches in it, so that a filter with few holds nobody up.
    const selectWindow = db.prepare<{ id: string }>(
      `SELECT id FROM ${source} WHERE ${parent} id < ? ORDER BY id DESC LIMIT 1 OFFSET ${SCANNED - 1}`,
    );
    const selectMatches = db.prepare<DescribedRow>(
      `${DESCRIBED} WHERE ${parent} t.id < ? AND t.id >= ? ${sql} ORDER BY t.id DESC LIMIT ?`,
    );
    const wanted = Math.min(limit, MAX_ROWS);
    const found: TaskRecord[] = [];
    let bytes = 0;
    let end = before ?? '\u{10ffff}';
    for (;;) {
      const start = selectWindow.get(...parentValues, end)?.id ?? '';
      for (const row of selectMatches.iterate(...parentValues, end, start, ...values, wanted - found.length)) {
        const record = toRecord(row);
        bytes += record.payload.byteLength + (record.settled?.result.byteLength ?? 0);
        if (found.length > 0 && bytes > MAX_PAGE_BYTES) return found;
        found.push(record);
      }
      if (start === '' || found.length >= wanted) return found;
      end = start;
      await nextTurn();
    }
  }

  return {
    describeTask: (id, scope) => {
      const row = selectTask.get(id);
      if (!row || !isIn(scope, row)) return undefined;
      const record = toRecord(row);
      return { ...record, attempts: attemptsOf(row, record) };
    },
    listTasks,
    countChildren: (parentId, scope) => {
      const row = selectKey.get(parentId);
      return row && isIn(scope, row) ? children.find(row.key) : undefined;
    },
  };
}

function conditionsOf(filter: TaskFilter, scope: QueueScope, catalog: Catalog): { sql: string; values: Value[] } {
  let sql = '';
  const values: Value[] = [];
  if (filter.queues || scope.queues !== 'all') {
    const ids = [...catalog.queues()]
      .filter(({ name }) => (filter.queues?.includes(name) ?? true) && isInScope(scope, name))
      .map(({ id }) => id);
    sql += ` AND t.queue_id IN (${ids.join(', ')})`;
  }
  if (filter.states) sql += ` AND ${STATE} IN (${filter.states.map(stateNumber).join(', ')})`;
  if (filter.createdAfter !== undefined) {
    sql += ' AND t.created_at > ?';
    values.push(filter.createdAfter);
  }
  if (filter.createdBefore !== undefined) {
    sql += ' AND t.created_at < ?';
    values.push(filter.createdBefore);
  }
  return { sql, values };
}
