import { ACCESS } from './access.ts';
import { TLS } from './encryption.ts';
import type { AnyRow, Rows, ValuesOf } from './row.ts';
import { LIMITS, LOGS, METRICS, NETWORK, SESSIONS, STORAGE, TASKS } from './rows.ts';

/** The options that `createServer()` takes. */
export const SERVER_ROWS = {
  ...NETWORK,
  ...ACCESS,
  ...TLS,
  ...STORAGE,
  ...TASKS,
  ...SESSIONS,
  ...LIMITS,
  ...METRICS,
} satisfies Rows;

/** Those of `contact serve`: all of these, and its own. */
export const ROWS = { ...SERVER_ROWS, ...LOGS } satisfies Rows;

export type OptionName = keyof typeof ROWS;
export type ServerOptions = ValuesOf<typeof SERVER_ROWS>;
export type ServeOptions = ValuesOf<typeof ROWS>;

/** Headings of the reference and of `--help`, each with its rows. */
export const GROUPS: readonly (readonly [title: string, rows: Rows])[] = [
  ['Network', NETWORK],
  ['Who is let in', ACCESS],
  ['TLS', TLS],
  ['Store', STORAGE],
  ['Tasks', TASKS],
  ['Sessions', SESSIONS],
  ['Limits', LIMITS],
  ['Metrics', METRICS],
  ['Log', LOGS],
];

export function rowOf(name: string): AnyRow {
  return ROWS[name as OptionName];
}

/** The defaults of a table of rows. */
export function defaultsOf<R extends Rows>(rows: R): ValuesOf<R> {
  const values = Object.entries(rows).map(([name, one]) => [name, one.default]);
  return Object.freeze(Object.fromEntries(values)) as ValuesOf<R>;
}
