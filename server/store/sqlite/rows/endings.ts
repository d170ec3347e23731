import type { Database, Value } from '../file/database.ts';
import { prepareKeys, prepareRows } from '../file/many.ts';

/** What is written when a task is settled: its result comes, its live row goes. */
export interface Endings {
  /**
   * @param isWritten it has a live row
   * @param result its columns, in their order
   */
  add(taskKey: number, isWritten: boolean, result: readonly Value[]): void;
  /** Many are written together when `run` has ended; it reads none of them, unless it flushes. */
  gather<T>(run: () => T): T;
  flush(): void;
  /** After a rollback. */
  clear(): void;
}

const COLUMNS = 15;
/** All but the last four. */
const SHARED = 11;

export function createEndings(db: Database): Endings {
  const results = prepareRows(
    db,
    `INSERT INTO result (state, attempt, lost, delivery, is_told, cancel_requested, settled_at, client_id, error_code,
       error_message, content_type, position, task_key, claimed_at, result) VALUES`,
    COLUMNS,
    SHARED,
  );
  const deleteLive = prepareKeys(db, 'DELETE FROM live WHERE task_key IN');
  let keys: number[] = [];
  let isGathering = false;

  function flush(): void {
    if (keys.length > 0) deleteLive([], keys);
    keys = [];
    results.flush();
  }

  return {
    add: (taskKey, isWritten, result) => {
      if (isWritten) keys.push(taskKey);
      results.add(result);
      if (!isGathering) flush();
    },
    gather: (run) => {
      isGathering = true;
      try {
        const found = run();
        flush();
        return found;
      } finally {
        isGathering = false;
      }
    },
    flush,
    clear: () => {
      keys = [];
      results.clear();
    },
  };
}
