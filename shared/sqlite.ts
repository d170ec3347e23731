import type * as sqlite from 'node:sqlite';
import { loadSqlite } from './quietsqlite.ts';

// For files that are loaded by those alone who open a database; others call loadSqlite() when they come to it.

export const { backup, DatabaseSync } = loadSqlite();
export type DatabaseSync = sqlite.DatabaseSync;
export type StatementSync = sqlite.StatementSync;
