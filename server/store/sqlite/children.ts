import type { ChildCounts } from '../../model/broadcast.ts';
import type { SettledState } from '../../model/task.ts';
import type { Database } from './database.ts';

/** The counts of broadcasts, by the key of the parent. */
export interface Children {
  /** Opens a broadcast whose children are live and have these keys. */
  open(parentKey: number, firstKey: number, lastKey: number): void;
  /** Where a live task counts when it settles; null: nowhere, or it did already. */
  parentOf(key: number): number | null;
  count(parentKey: number, state: SettledState): ChildCounts;
  find(parentKey: number): ChildCounts | undefined;
  forget(parentKey: number): void;
}

const COUNTS = 'children, succeeded, failed, cancelled, expired';

export function createChildren(db: Database): Children {
  const insert = db.prepare('INSERT INTO broadcast VALUES (?, ?, 0, 0, 0, 0)');
  const mark = db.prepare('UPDATE live SET parent_key = ? WHERE task_key BETWEEN ? AND ?');
  const selectParent = db.prepare<{ parent_key: number | null }>('SELECT parent_key FROM live WHERE task_key = ?');
  const select = db.prepare<ChildCounts>(`SELECT ${COUNTS} FROM broadcast WHERE parent_key = ?`);
  const prepareCount = (state: SettledState) =>
    db.prepare<ChildCounts>(`UPDATE broadcast SET ${state} = ${state} + 1 WHERE parent_key = ? RETURNING ${COUNTS}`);
  const counting = {
    succeeded: prepareCount('succeeded'),
    failed: prepareCount('failed'),
    cancelled: prepareCount('cancelled'),
    expired: prepareCount('expired'),
  };
  const remove = db.prepare('DELETE FROM broadcast WHERE parent_key = ?');
  return {
    open: (parentKey, firstKey, lastKey) => {
      insert.run(parentKey, lastKey - firstKey + 1);
      mark.run(parentKey, firstKey, lastKey);
    },
    parentOf: (key) => selectParent.get(key)?.parent_key ?? null,
    count: (parentKey, state) => counting[state].get(parentKey)!,
    find: (parentKey) => {
      const counts = select.get(parentKey);
      // A plain object: a row of node:sqlite has no prototype.
      return counts && { ...counts };
    },
    forget: (parentKey) => {
      remove.run(parentKey);
    },
  };
}
