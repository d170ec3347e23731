import type { Database, Value } from './database.ts';

// Statements for many rows at a time: of a statement for one, a good part is the call.

/** Rows of one call. */
export const MANY = 16;

/** Runs a statement for MANY rows; answers how many it changed. */
export type RunMany = (rows: readonly (readonly Value[])[]) => number;

/**
 * @param head up to VALUES
 * @param shared so many of the first columns mostly have the same value in all rows: it is bound once then, for binding
 * is a good part of what a row costs
 * @param tail what follows the rows
 */
export function prepareMany(db: Database, head: string, columns: number, shared = 0, tail = ''): RunMany {
  // Numbered marks have names, among which those of each value are looked for: no more of them than need be.
  const common = Array.from({ length: shared }, (_, column) => `?${column + 1}`);
  const alike = `(${[...common, ...Array<string>(columns - shared).fill('?')].join(', ')})`;
  const prepare = (row: string) => db.prepare(`${head} ${Array(MANY).fill(row).join(', ')} ${tail}`);
  const runAlike = prepare(alike);
  const runAny = prepare(marks(columns));

  return (rows) => {
    const first = rows[0]!;
    const values: Value[] = first.slice(0, shared);
    for (const row of rows) {
      for (let column = 0; column < shared; column++) {
        if (row[column] !== first[column]) return Number(runAny.run(...rows.flat()).changes);
      }
      for (let column = shared; column < columns; column++) values.push(row[column]!);
    }
    return Number(runAlike.run(...values).changes);
  };
}

/** Rows that are gathered and run together. Whoever reads what they change flushes first. */
export interface Rows {
  add(row: readonly Value[]): void;
  flush(): void;
  /** After a rollback. */
  clear(): void;
}

/** As prepareMany, but for any number of rows. */
export function prepareRows(db: Database, head: string, columns: number, shared?: number): Rows {
  const runOne = db.prepare(`${head} ${marks(columns)}`);
  const runMany = prepareMany(db, head, columns, shared);
  let rows: (readonly Value[])[] = [];

  return {
    add: (row) => {
      rows.push(row);
      if (rows.length < MANY) return;
      runMany(rows);
      rows = [];
    },
    flush: () => {
      if (rows.length === 0) return;
      for (const row of rows) runOne.run(...row);
      rows = [];
    },
    clear: () => {
      rows = [];
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
