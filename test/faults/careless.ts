import { DatabaseSync } from 'node:sqlite';

// Loaded into a server (`node --import …/careless.ts`): once its settings were checked, SQLite no longer waits for the
// disk. A fault for tests that must find it.

const { prepare } = DatabaseSync.prototype;
DatabaseSync.prototype.prepare = function (sql, ...rest) {
  if (sql === 'COMMIT') this.exec('PRAGMA synchronous = OFF');
  return prepare.call(this, sql, ...rest);
};
