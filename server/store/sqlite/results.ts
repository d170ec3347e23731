import type { ResultRecord, TaskError } from '../../model/task.ts';
import { type Context, parseMetadata, settledName, type Value } from './context.ts';

/** The log of results, read by position. */
export interface Results {
  read(after: number, limit: number): readonly ResultRecord[];
  oldestPosition(): number | null;
  /** The newest result of the task that has this key. */
  newestOf(taskKey: number): ResultRecord | undefined;
}

const MAX_ROWS = 500;
const MAX_PAGE_BYTES = 4 << 20;

const SELECT = `SELECT r.position, t.id, t.queue_id, r.state, r.result, r.content_type, r.error_code, r.error_message,
  r.attempt, r.delivery, r.client_id, t.created_at, r.claimed_at, r.settled_at, t.metadata, r.cancel_requested,
  t.parent_id, r.error_details FROM result r JOIN task t ON t.key = r.task_key`;

export function createResults({ db, catalog }: Context): Results {
  const selectPage = db.prepareColumns(`${SELECT} WHERE r.position > ? ORDER BY r.position LIMIT ?`, toResult);
  const selectNewest = db.prepareColumns(`${SELECT} WHERE r.task_key = ? ORDER BY r.position DESC LIMIT 1`, toResult);
  const selectOldest = db.prepare<{ position: number | null }>('SELECT min(position) AS position FROM result');

  /** @param c the columns in the order of SELECT */
  function toResult(c: readonly Value[]): ResultRecord {
    return {
      position: c[0] as number,
      taskId: c[1] as string,
      queue: catalog.queueById(c[2] as number).name,
      state: settledName(c[3] as number),
      result: c[4] as Uint8Array,
      contentType: c[5] as string,
      error: readError(c[6], c[7], c[17]),
      attempt: c[8] as number,
      delivery: c[9] as number,
      clientId: c[10] as string,
      createdAt: c[11] as number,
      claimedAt: c[12] as number | null,
      settledAt: c[13] as number,
      metadata: parseMetadata(c[14] as string | null),
      cancelRequested: c[15] === 1,
      parentId: c[16] as string | null,
    };
  }

  return {
    read: (after, limit) => {
      const records: ResultRecord[] = [];
      let bytes = 0;
      for (const record of selectPage.iterate(after, Math.min(limit, MAX_ROWS))) {
        records.push(record);
        bytes += record.result.byteLength;
        if (bytes >= MAX_PAGE_BYTES) break;
      }
      return records;
    },
    oldestPosition: () => selectOldest.get()?.position ?? null,
    newestOf: (taskKey) => selectNewest.get(taskKey),
  };
}

function readError(code: Value | undefined, message: Value | undefined, details: Value | undefined): TaskError | null {
  if (typeof code !== 'string') return null;
  const said = { code, message: message as string };
  return details instanceof Uint8Array ? { ...said, details } : said;
}
