import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createCredentials } from '../../server/store/credential/credentials.ts';
import { applySettings, type Database, openDatabase } from '../../server/store/file/database.ts';
import { migrate } from '../../server/store/file/schema.ts';
import { openStore } from '../../server/store/open.ts';
import { createOwners } from '../../server/store/sqlite/rows/index.ts';
import { createJoin, createToken, hashOf, newCredentialId } from '../scene/credentials.ts';
import { createFolder } from '../scene/folder.ts';
import { T0 } from '../scene/tasks.ts';

function openEmpty(): Database {
  const db = openDatabase(':memory:');
  applySettings(db, ':memory:');
  migrate(db);
  return db;
}

describe('createCredentials()', () => {
  it('finds what it needs by indexes', () => {
    const db = openEmpty();
    createCredentials(db, createOwners(db));
    const plans = [
      'SELECT principal FROM credential WHERE principal = ?',
      'SELECT * FROM credential WHERE client_id = ?',
      'SELECT * FROM credential WHERE hash = ?',
      'SELECT id FROM credential WHERE made_with = ?',
      'SELECT id FROM credential WHERE parent_id = ?',
      'SELECT * FROM credential WHERE parent_id = ? AND id <> ? AND last_used_at IS NULL',
      'SELECT id FROM credential WHERE coalesce(revoked_at, expires_at) <= ?',
      "SELECT 1 FROM credential WHERE kind = 'join' AND created_at <= ?",
    ].map((sql) =>
      db.prepare<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...Array(sql.split('?').length - 1).fill('')),
    );
    for (const [plan] of plans) assert.match(plan!.detail, /^SEARCH /);
    db.close();
  });
});

describe('credentials in a file', () => {
  it('are there when it is opened again', async () => {
    const folder = createFolder();
    const open = () => openStore(`sqlite:${join(folder, 'contact.db')}`, { node: 'test' });
    try {
      let store = await open();
      const token = await store.createCredential(createToken(), T0);
      await store.revokeCredential(token.id, T0 + 1);
      const gate = await store.createCredential(createJoin(), T0);
      const drawn = { id: newCredentialId(), hash: hashOf() };
      const enrolment = { joinId: gate.id, clientId: 'robot-7', ...drawn };
      const client = await store.enrolClient(enrolment, T0);
      await store.close();
      store = await open();
      assert.deepEqual(await store.findCredential(token.id), { ...token, revokedAt: T0 + 1 });
      assert.deepEqual(await store.enrolClient(enrolment, T0 + 2), client);
      assert.equal((await store.findCredential(gate.id))!.usesLeft, 1);
      await store.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('can be stored in one of a version that had none', async () => {
    const folder = createFolder();
    const file = join(folder, 'contact.db');
    const open = () => openStore(`sqlite:${file}`, { node: 'test' });
    try {
      await (await open()).close();
      const db = new DatabaseSync(file);
      db.exec(
        `DROP TABLE credential; DROP TABLE task_act; DROP TABLE task_log; DROP TABLE act; DROP TABLE history; DROP TABLE attempt; DROP TABLE failure; DROP TABLE principal;
         DROP INDEX result_unsuccessful; ALTER TABLE task DROP COLUMN created_by;
         ALTER TABLE client DROP COLUMN subject; ALTER TABLE result DROP COLUMN told_by;
         ALTER TABLE live DROP COLUMN owner_subject; ALTER TABLE queue DROP COLUMN counted_for; PRAGMA user_version = 14`,
      );
      db.close();
      const store = await open();
      const token = await store.createCredential(createToken(), T0);
      assert.deepEqual(await store.listCredentials('', 10), [token]);
      await store.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
