import { setImmediate as nextTurn } from 'node:timers/promises';
import { type AttemptRecord, MAX_KEPT } from '../../model/attempt.ts';
import type { ChildCounts } from '../../model/broadcast.ts';
import { isInScope, type QueueScope } from '../../model/caller.ts';
import type { ResultRecord, TaskRecord } from '../../model/task.ts';
import type { LogPlace, LogRecord } from '../../model/tasklog.ts';
import type { DescribedTask, TaskCounts, TaskFilter } from '../tasks.ts';
import { createConditions, STATE } from './conditions.ts';
import { type Context, parseMetadata, type StoredRow, stateName, type Value } from './context.ts';

/** What is told of tasks; no statement stays open between turns of the event loop. */
export interface Listing {
  describeTask(id: string, scope: QueueScope): DescribedTask | undefined;
  listLog(id: string, after: LogPlace, scope: QueueScope): readonly LogRecord[];
  listTasks(
    filter: TaskFilter,
    before: string | null,
    limit: number,
    scope: QueueScope,
  ): Promise<readonly TaskRecord[]>;
  countTasks(filter: TaskFilter, scope: QueueScope): Promise<TaskCounts>;
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
const DESCRIBED = `SELECT t.*, l.state, l.delivery, l.attempt, l.run_at, l.session_key, l.claimed_at,
  l.cancel_reason, l.last_error,
  coalesce(l.lost, (SELECT lost FROM result WHERE task_key = t.key ORDER BY position DESC LIMIT 1)) AS lost,
  iif(l.state IS NULL AND (SELECT count(*) FROM result WHERE task_key = t.key) < 2, t.expires_at, l.expires_at)
    AS expiry`;
const JOINED = 'LEFT JOIN live l ON l.task_key = t.key';
/** @param newestOf the newest result of a task, by its key */
export function createListing(context: Context, newestOf: (taskKey: number) => ResultRecord | undefined): Listing {
  const { db, catalog, sessions, children, fresh, attempts, acts, log } = context;
  const conditions = createConditions(context);
  const selectKey = db.prepare<{ key: number; queue_id: number }>('SELECT key, queue_id FROM task WHERE id = ?');
  const selectTask = db.prepare<DescribedRow>(`${DESCRIBED} FROM task t ${JOINED} WHERE t.id = ?`);

  const isIn = (scope: QueueScope, { queue_id }: { readonly queue_id: number }): boolean =>
    isInScope(scope, catalog.queueById(queue_id).name);

  function toRecord(described: DescribedRow): TaskRecord {
    const found = described.state === null ? fresh.find(described.key, described.id) : undefined;
    const row = found
      ? { ...described, ...found, session_key: found.sessionKey, claimed_at: found.claimedAt }
      : described;
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
      claimedAt: settled ? settled.claimedAt : state === 'running' ? row.claimed_at : null,
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

  /** Where the rows are that may meet a filter, beside its conditions. */
  function sourceOf(filter: TaskFilter): { from: string; where: string; values: Value[]; isNarrow: boolean } {
    if (filter.parentId !== undefined) {
      const from = 'task INDEXED BY task_by_parent';
      return { from, where: 'parent_id = ? AND', values: [filter.parentId], isNarrow: false };
    }
    const keys = conditions.candidates(filter);
    if (!keys) return { from: 'task', where: '', values: [], isNarrow: false };
    const where = 'key IN (SELECT value FROM json_each(?)) AND';
    return { from: 'task', where, values: [JSON.stringify(keys)], isNarrow: true };
  }

  /**
   * Goes over the ids in windows, the newest first, so that a filter with few matches holds nobody up; `look` answers
   * whether it has enough.
   */
  async function walk(
    filter: TaskFilter,
    before: string | null,
    look: (source: string, ...values: Value[]) => boolean,
  ): Promise<void> {
    const { from, where, values, isNarrow } = sourceOf(filter);
    const selectWindow = db.prepare<{ id: string }>(
      `SELECT id FROM ${from} WHERE ${where} id < ? ORDER BY id DESC LIMIT 1 OFFSET ${SCANNED - 1}`,
    );
    let end = before ?? '\u{10ffff}';
    for (;;) {
      const start = isNarrow ? '' : (selectWindow.get(...values, end)?.id ?? '');
      // By their keys, if those are known: an order that some index has is not worth all rows.
      const source = `FROM task t ${isNarrow ? 'NOT INDEXED' : ''} ${JOINED} WHERE ${where} t.id < ? AND t.id >= ?`;
      if (look(source, ...values, end, start) || start === '') return;
      end = start;
      await nextTurn();
    }
  }

  async function listTasks(
    filter: TaskFilter,
    before: string | null,
    limit: number,
    scope: QueueScope,
  ): Promise<readonly TaskRecord[]> {
    const wanted = Math.min(limit, MAX_ROWS);
    const found: TaskRecord[] = [];
    let bytes = 0;
    const { sql, values } = conditions.of(filter, scope);
    await walk(filter, before, (source, ...places) => {
      const select = db.prepare<DescribedRow>(`${DESCRIBED} ${source} ${sql} ORDER BY t.id DESC LIMIT ?`);
      for (const row of select.iterate(...places, ...values, wanted - found.length)) {
        const record = toRecord(row);
        bytes += record.payload.byteLength + (record.settled?.result.byteLength ?? 0);
        if (found.length > 0 && bytes > MAX_PAGE_BYTES) return true;
        found.push(record);
      }
      return found.length >= wanted;
    });
    return found;
  }

  async function countTasks(filter: TaskFilter, scope: QueueScope): Promise<TaskCounts> {
    const counts = { scheduled: 0, ready: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, expired: 0 };
    const { states = Object.keys(counts) as (keyof typeof counts)[], queues, ...others } = filter;
    if (Object.keys(others).length === 0) {
      // Queues count them with every change.
      for (const queue of catalog.queues()) {
        if (!(queues?.includes(queue.name) ?? true) || !isInScope(scope, queue.name)) continue;
        for (const state of states) counts[state] += queue.counts[state];
      }
      return counts;
    }
    const { sql, values } = conditions.of(filter, scope);
    await walk(filter, null, (source, ...places) => {
      const select = db.prepare<{ state: number; count: number }>(
        `SELECT ${STATE} AS state, count(*) AS count ${source} ${sql} GROUP BY 1`,
      );
      for (const { state, count } of select.all(...places, ...values)) counts[stateName(state)] += count;
      return false;
    });
    return counts;
  }

  return {
    describeTask: (id, scope) => {
      const row = selectTask.get(id);
      if (!row || !isIn(scope, row)) return undefined;
      const record = toRecord(row);
      return { ...record, attempts: attemptsOf(row, record), acts: acts.list(row.key), log: log.list(row.key) };
    },
    listLog: (id, after, scope) => {
      const row = selectKey.get(id);
      return row && isIn(scope, row) ? log.list(row.key, after) : [];
    },
    listTasks,
    countTasks,
    countChildren: (parentId, scope) => {
      const row = selectKey.get(parentId);
      return row && isIn(scope, row) ? children.find(row.key) : undefined;
    },
  };
}
