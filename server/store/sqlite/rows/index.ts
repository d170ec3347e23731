// The door of the rows: what others may use of the tables, and of what memory mirrors of them.

export * from '../../file/database.ts';
export * from './attempts.ts';
export * from './cache.ts';
export * from './catalog.ts';
export * from './children.ts';
export * from './counters.ts';
export { countSettled } from './counts.ts';
export * from './entries.ts';
export * from './failures.ts';
export * from './forgetting.ts';
export * from './owners.ts';
export * from './principals.ts';
export * from './sessions.ts';
export * from './task.ts';
export * from './taskacts.ts';
export * from './tasklog.ts';
export * from './tasks.ts';
