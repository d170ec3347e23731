import type { TaskContent } from '../../../model/content.ts';
import { PARENT_LANE } from '../../../model/lane.ts';
import type { Database } from '../file/database.ts';
import type { Children } from './children.ts';
import { parseMetadata } from './task.ts';

/** A task that is in the table, to be compared with one that has its id or its idempotency key. */
export interface StoredTask {
  readonly key: number;
  readonly id: string;
  readonly queueId: number;
  /** @param queue the name of its queue */
  content(queue: string): TaskContent;
}

/** Finds tasks by what a repeated one has in common with them. */
export interface StoredTasks {
  byId(id: string): StoredTask | undefined;
  byIdempotencyKey(queueId: number, idempotencyKey: string | null): StoredTask | undefined;
}

interface Row {
  readonly key: number;
  readonly id: string;
  readonly queue_id: number;
  readonly lane: string;
  readonly priority: number;
  readonly max_attempts: number;
  readonly timeout_ms: number;
  readonly backoff_base_ms: number;
  readonly backoff_cap_ms: number;
  readonly idempotency_key: string | null;
  /** The idempotency key that the task had until another one took it over. */
  readonly freed_key: string | null;
  readonly parent_id: string | null;
  readonly content_type: string;
  readonly metadata: string | null;
  readonly payload: Uint8Array;
}

export function createStoredTasks(db: Database, children: Pick<Children, 'audienceOf'>): StoredTasks {
  const selectById = db.prepare<Row>('SELECT * FROM task WHERE id = ?');
  const selectByKey = db.prepare<Row>('SELECT * FROM task WHERE queue_id = ? AND idempotency_key = ?');

  function toStored(row: Row | undefined): StoredTask | undefined {
    if (!row) return undefined;
    const content = (queue: string): TaskContent => ({
      queue,
      lane: row.lane,
      audience: row.lane === PARENT_LANE ? children.audienceOf(row.key) : null,
      priority: row.priority,
      maxAttempts: row.max_attempts,
      timeoutMs: row.timeout_ms,
      backoffBaseMs: row.backoff_base_ms,
      backoffCapMs: row.backoff_cap_ms,
      idempotencyKey: row.idempotency_key ?? row.freed_key,
      parentId: row.parent_id,
      contentType: row.content_type,
      metadata: parseMetadata(row.metadata),
      payload: row.payload,
    });
    return { key: row.key, id: row.id, queueId: row.queue_id, content };
  }

  return {
    byId: (id) => toStored(selectById.get(id)),
    byIdempotencyKey: (queueId, idempotencyKey) => toStored(selectByKey.get(queueId, idempotencyKey)),
  };
}
