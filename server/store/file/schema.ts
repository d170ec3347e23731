import { randomBytes } from 'node:crypto';
import { ContactError } from '../../../shared/errors.ts';
import type { Database } from './database.ts';
import { MIGRATIONS } from './migrations.ts';

/** Marks the file as ours ("cntc"), so that another program's database is never touched. */
export const APPLICATION_ID = 0x636e7463;

/** Refuses what is not ours or too new, before anything is written. */
export function checkSchema(db: Database, file: string): void {
  const version = db.pragma('user_version');
  const applicationId = db.pragma('application_id');
  const isEmpty = db.prepare<{ name: string }>('SELECT name FROM sqlite_schema LIMIT 1').get() === undefined;
  if (isEmpty ? applicationId !== 0 && applicationId !== APPLICATION_ID : applicationId !== APPLICATION_ID) {
    throw new ContactError('FAILED_PRECONDITION', `store: ${file} is a database of another program`);
  }
  if (Number(version) > MIGRATIONS.length) {
    throw new ContactError(
      'FAILED_PRECONDITION',
      `store: ${file} was written by a newer version (schema ${version}, this one knows up to ${MIGRATIONS.length})`,
    );
  }
}

/** Brings the file to the newest schema. */
export function migrate(db: Database, migrations: readonly string[] = MIGRATIONS): void {
  for (let version = Number(db.pragma('user_version')); version < migrations.length; version++) {
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(migrations[version]!);
      if (version === 0) {
        db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
        db.prepare('INSERT INTO meta VALUES (?, ?)').run('epoch', randomBytes(8).toString('hex'));
      }
      db.exec(`PRAGMA user_version = ${version + 1}`);
      db.exec('COMMIT');
    } catch (error) {
      if (db.isInTransaction()) db.exec('ROLLBACK');
      throw error;
    }
  }
}
