import { type Database, prepareKeys } from '../../file/database.ts';

/** Deletes settled tasks by their keys, with all that is kept of them; counting them is the caller's. */
export type ForgetTasks = (keys: readonly number[]) => void;

export function prepareForgetting(db: Database): ForgetTasks {
  const deleting = [
    prepareKeys(db, 'DELETE FROM result WHERE task_key IN'),
    prepareKeys(db, 'DELETE FROM checkpoint WHERE task_key IN'),
    prepareKeys(db, 'DELETE FROM attempt WHERE task_key IN'),
    prepareKeys(db, 'DELETE FROM task_act WHERE task_key IN'),
    prepareKeys(db, 'DELETE FROM task_log WHERE task_key IN'),
    prepareKeys(db, 'DELETE FROM broadcast WHERE parent_key IN'),
    prepareKeys(db, 'DELETE FROM task WHERE key IN'),
  ];
  return (keys) => {
    for (const deleteOf of deleting) deleteOf([], keys);
  };
}
