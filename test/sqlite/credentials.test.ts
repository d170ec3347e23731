import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { CredentialChange, NewCredential } from '../../server/store/credentials.ts';
import { applySettings, type Database, openDatabase } from '../../server/store/file/database.ts';
import { migrate } from '../../server/store/file/schema.ts';
import { openStore } from '../../server/store/open.ts';
import { createCredentials } from '../../server/store/sqlite/credentials.ts';
import { createJoin, createToken, hashOf, newCredentialId } from '../scene/credentials.ts';
import { createFolder } from '../scene/folder.ts';
import { T0 } from '../scene/tasks.ts';

const DAY = 86_400_000;

function openEmpty(): Database {
  const db = openDatabase(':memory:');
  applySettings(db, ':memory:');
  migrate(db);
  return db;
}

const created = (with_: Partial<NewCredential> = {}): CredentialChange => ({
  kind: 'create',
  credential: createToken(with_),
});

const FULL = { code: 'RESOURCE_EXHAUSTED', message: /^3 credentials are stored, and no more/ };

describe('createCredentials()', () => {
  it('stores so many, and more once some are forgotten, which it looks for once a minute', () => {
    const db = openEmpty();
    const credentials = createCredentials(db, 3);
    for (let n = 0; n < 3; n += 1) credentials.change(created({ expiresAt: n === 0 ? T0 : null }), T0);
    assert.throws(() => credentials.change(created(), T0 + 30 * DAY - 30_000), FULL);
    assert.throws(() => credentials.change(created(), T0 + 30 * DAY), FULL);
    credentials.change(created(), T0 + 30 * DAY + 30_000);
    assert.equal(credentials.list('', 10).length, 3);
    db.close();
  });

  it('refuses a client and a renewal too when it is full, and counts no use', () => {
    const db = openEmpty();
    const credentials = createCredentials(db, 3);
    const gate = createJoin();
    credentials.change({ kind: 'create', credential: gate }, T0);
    const token = createToken();
    credentials.change({ kind: 'create', credential: token }, T0);
    credentials.change(created(), T0);
    const drawn = { id: newCredentialId(), hash: hashOf() };
    const enrolment = { joinId: gate.id, clientId: 'robot-1', ...drawn };
    assert.throws(() => credentials.change({ kind: 'enrol', enrolment }, T0), FULL);
    const renewal = { oldId: token.id, overlapMs: 1, createdBy: 'operator', madeWith: null, ...drawn };
    assert.throws(() => credentials.change({ kind: 'renew', renewal }, T0), FULL);
    assert.equal(credentials.find(gate.id)!.usesLeft, 2);
    assert.equal(credentials.find(token.id)!.expiresAt, token.expiresAt);
    // What is stored is answered all the same.
    assert.equal(credentials.change({ kind: 'create', credential: token }, T0).changed.length, 0);
    db.close();
  });

  it('counts what is there after a commit was taken back', () => {
    const db = openEmpty();
    const credentials = createCredentials(db, 3);
    credentials.change(created(), T0);
    db.exec('BEGIN');
    for (let n = 0; n < 2; n += 1) credentials.change(created(), T0);
    db.exec('ROLLBACK');
    credentials.reload();
    for (let n = 0; n < 2; n += 1) credentials.change(created(), T0);
    assert.throws(() => credentials.change(created(), T0), FULL);
    db.close();
  });

  it('finds what it needs by indexes', () => {
    const db = openEmpty();
    createCredentials(db);
    const plans = [
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
        `DROP TABLE credential; DROP TABLE attempt; DROP TABLE failure; DROP TABLE principal;
         DROP INDEX result_unsuccessful; ALTER TABLE task DROP COLUMN created_by;
         ALTER TABLE client DROP COLUMN subject; ALTER TABLE result DROP COLUMN told_by;
         ALTER TABLE live DROP COLUMN owner_subject; PRAGMA user_version = 14`,
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
