import { DatabaseSync } from 'node:sqlite';

/** How many rows a table of a store's file has, as another program sees them. */
export function countRows(file: string, table: string): number {
  const db = new DatabaseSync(file, { readOnly: true });
  const { count } = db.prepare(`SELECT count(*) AS count FROM ${table}`).get() as { count: number };
  db.close();
  return count;
}
