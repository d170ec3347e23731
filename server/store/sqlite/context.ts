import { type Acts, createActs } from '../act/acts.ts';
import { createFresh, type Fresh, type FreshLimits } from './fresh/fresh.ts';
import {
  type Attempts,
  type Cache,
  type Catalog,
  type CatalogBounds,
  type Children,
  type Counters,
  createAttempts,
  createCache,
  createCatalog,
  createChildren,
  createCounters,
  createOwners,
  createPrincipals,
  createSessions,
  createTaskActs,
  createTaskLog,
  createTasks,
  type Database,
  type FailureBounds,
  type Owners,
  type PrincipalBounds,
  type Principals,
  type Sessions,
  type TaskActs,
  type TaskLog,
  type Tasks,
} from './rows/index.ts';

export * from './fresh/fresh.ts';
export * from './rows/index.ts';

/** What the parts of the engine share: the tables, and what memory mirrors of them. */
export interface Context {
  readonly db: Database;
  readonly catalog: Catalog;
  readonly principals: Principals;
  readonly counters: Counters;
  readonly sessions: Sessions;
  readonly owners: Owners;
  readonly children: Children;
  readonly cache: Cache;
  readonly fresh: Fresh;
  readonly tasks: Tasks;
  readonly attempts: Attempts;
  readonly acts: TaskActs;
  /** What operators have ordered, whatever it was about. */
  readonly actLog: Acts;
  readonly log: TaskLog;
}

export function createContext(
  db: Database,
  limits?: FreshLimits,
  bounds: CatalogBounds & PrincipalBounds & FailureBounds = {},
): Context {
  const counters = createCounters(db);
  const principals = createPrincipals(db, bounds);
  const catalog = createCatalog(db, principals, { ...bounds, newestPosition: () => counters.nextPosition - 1 });
  const sessions = createSessions(db);
  const children = createChildren(db);
  const cache = createCache();
  const fresh = createFresh(db, catalog, limits);
  const tasks = createTasks(db, fresh, cache);
  return {
    db,
    catalog,
    principals,
    counters,
    sessions,
    owners: createOwners(db),
    children,
    cache,
    fresh,
    tasks,
    attempts: createAttempts(db, bounds),
    acts: createTaskActs(db),
    actLog: createActs(db),
    log: createTaskLog(db),
  };
}

/** A part that has in memory what the file has, or is about to have. */
export interface Mirror {
  /** Writes what changed: before every COMMIT. */
  flush?(): void;
  /** Learns that what was written is in the file: after every COMMIT. */
  confirm?(): void;
  /** Takes back what the file does not have: after every ROLLBACK. */
  reload(): void;
}

/**
 * Those parts of `Parts` that are mirrors, each of them: a record of mirrors that has this type lacks none. One that
 * was forgotten would go on with what a rollback took back, unseen until much later.
 */
export type MirrorsOf<Parts> = {
  readonly [Name in keyof Parts as Parts[Name] extends Mirror ? Name : never]: Parts[Name];
};
