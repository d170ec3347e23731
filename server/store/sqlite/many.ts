import type { Database, Value } from './database.ts';

// Statements for many rows at a time: of a statement for one, a good part is the call.

/** Rows of one call. */
export const MANY = 16;

/** Rows that are gathered and run together. Whoever reads what they change flushes first. */
export interface Rows {
  add(row: readonly Value[]): void;
  flush(): void;
  /** After a rollback. */
  clear(): void;
}

/** @param head up to VALUES */
export function prepareRows(db: Database, head: string, columns: number): Rows {
  const runOne = db.prepare(`${head} ${marks(columns)}`);
  const runMany = db.prepare(`${head} ${Array(MANY).fill(marks(columns)).join(', ')}`);
  let values: Value[] = [];

  return {
    add: (row) => {
      for (const value of row) values.push(value);
      if (values.length < MANY * columns) return;
      runMany.run(...values);
      values = [];
    },
    flush: () => {
      if (values.length === 0) return;
      for (let at = 0; at < values.length; at += columns) runOne.run(...values.slice(at, at + columns));
      values = [];
    },
    clear: () => {
      values = [];
    },
  };
}

/** @param sql ending in IN; answers what runs it for keys, after the values of the other marks */
export function prepareKeys(db: Database, sql: string): (leading: readonly Value[], keys: readonly number[]) => void {
  const runOne = db.prepare(`${sql} ${marks(1)}`);
  const runMany = db.prepare(`${sql} ${marks(MANY)}`);
  return (leading, keys) => {
    let at = 0;
    for (; at + MANY <= keys.length; at += MANY) runMany.run(...leading, ...keys.slice(at, at + MANY));
    for (; at < keys.length; at += 1) runOne.run(...leading, keys[at]!);
  };
}

/** `(?, ?, …)` */
export function marks(count: number): string {
  return `(${Array(count).fill('?').join(', ')})`;
}
