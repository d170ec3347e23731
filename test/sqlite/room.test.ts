import assert from 'node:assert/strict';
import { createCredentials } from '../../server/store/credential/credentials.ts';
import type { RoomBounds } from '../../server/store/credential/room.ts';
import type { NewCredential, StoredCredential } from '../../server/store/credentials.ts';
import { applySettings, type Database, openDatabase } from '../../server/store/file/database.ts';
import { migrate } from '../../server/store/file/schema.ts';
import { createOwners } from '../../server/store/sqlite/rows/index.ts';
import { createJoin, createToken, hashOf, newCredentialId } from '../scene/credentials.ts';
import { T0 } from '../scene/tasks.ts';

const DAY = 86_400_000;
const drawn = () => ({ id: newCredentialId(), hash: hashOf() });

describe('room for credentials', () => {
  let db: Database;
  beforeEach(() => {
    db = openDatabase(':memory:');
    applySettings(db, ':memory:');
    migrate(db);
  });
  afterEach(() => db.close());

  function open(bounds: RoomBounds) {
    const credentials = createCredentials(db, createOwners(db), bounds);
    const stored = (answer: unknown): StoredCredential => {
      assert.ok(typeof answer === 'object', String(answer));
      return answer as StoredCredential;
    };
    return {
      ...credentials,
      make: (given: Partial<NewCredential> = {}, now = T0) =>
        stored(
          credentials.change({ kind: 'create', credential: createToken({ expiresAt: null, ...given }) }, now).answer,
        ),
      join: (given: Partial<NewCredential> = {}) =>
        stored(
          credentials.change(
            { kind: 'create', credential: createJoin({ usesLeft: null, expiresAt: null, ...given }) },
            T0,
          ).answer,
        ),
      enrol: (joinId: string, clientId: string, now = T0) =>
        stored(credentials.change({ kind: 'enrol', enrolment: { joinId, clientId, ...drawn() } }, now).answer),
      rotate: (oldId: string, now = T0) => {
        const renewal = { oldId, overlapMs: 60_000, createdBy: 'operator', madeWith: null, ...drawn() };
        return stored(credentials.change({ kind: 'renew', renewal }, now).answer);
      },
      revoke: (id: string, now = T0) => credentials.change({ kind: 'revoke', id, withMade: false }, now),
      ids: () => credentials.list('', 500).map(({ id }) => id),
    };
  }

  const FULL = { code: 'RESOURCE_EXHAUSTED', message: /^\d+ credentials are stored, and no more are taken: revoking/ };
  const OWN = { code: 'RESOURCE_EXHAUSTED', message: /^4 credentials count for token:ops, .*: revoking/ };

  it('has a share for each maker, down its whole tree, and none for who may do everything', () => {
    const all = open({ max: 100, perMaker: 4, reserved: 0 });
    const ops = all.make({ name: 'ops' });
    const own = { madeWith: ops.id, countedFor: 'token:ops' };
    const under = all.make(own);
    // What is made with what it made counts for it, whatever is said, and so does whom its joins let in.
    const gate = all.join({ madeWith: under.id, countedFor: 'token:under' });
    all.enrol(gate.id, 'robot-1');
    const last = all.make(own);
    assert.throws(() => all.make(own), OWN);
    assert.throws(() => all.make({ madeWith: last.id, countedFor: 'token:last' }), OWN);
    assert.throws(() => all.enrol(gate.id, 'robot-2'), OWN);
    all.make({ countedFor: 'token:other' });
    for (let n = 0; n < 10; n += 1) all.make();
    all.reload();
    assert.throws(() => all.make(own), OWN);
    all.revoke(last.id);
    all.make(own);
    assert.throws(() => all.make(own), OWN);
  });

  it('keeps some for rotations, renewals and clients that were let in before', () => {
    const all = open({ max: 10, perMaker: 10, reserved: 0.3 });
    const gate = all.join({ lifetimeMs: 1_000 });
    const robot = all.enrol(gate.id, 'robot-1');
    const token = all.make();
    for (let n = 0; n < 4; n += 1) all.make();
    assert.throws(() => all.make(), FULL);
    assert.throws(() => all.enrol(gate.id, 'robot-2'), FULL);
    assert.equal(all.find(gate.id)!.usesLeft, null);
    all.rotate(token.id);
    all.rotate(robot.id);
    all.enrol(gate.id, 'robot-1', T0 + 2_000);
    assert.equal(all.ids().length, 10);
  });

  it('forgets what has ended once there is none, and clients that may come again last', () => {
    const all = open({ max: 5, perMaker: 5, reserved: 0 });
    const gate = all.join({ lifetimeMs: 1_000 });
    const robot = all.enrol(gate.id, 'robot-1');
    const [first, second, third] = [all.make(), all.make(), all.make({ expiresAt: T0 + 90_000 })];
    const later = T0 + 5_000;
    all.revoke(second.id, later);
    all.make({}, later);
    assert.deepEqual([all.find(second.id), all.find(robot.id)?.id], [null, robot.id]);
    all.make({}, later);
    assert.equal(all.find(robot.id), null);
    const refusal = { ...FULL, retryAfterMs: 85_000 };
    assert.throws(() => all.make({}, later), refusal);
    assert.throws(() => all.make({}, later + 1), { ...FULL, retryAfterMs: 84_999 });
    // At once after a revocation, and else every ten seconds.
    all.revoke(first.id, later + 2);
    const { answer, forgotten } = all.change(
      { kind: 'create', credential: createToken({ expiresAt: null }) },
      later + 2,
    );
    assert.deepEqual([typeof answer, forgotten], ['object', [first.id]]);
    assert.throws(() => all.make({}, T0 + 89_999), FULL);
    assert.throws(() => all.make({}, T0 + 90_000), FULL);
    all.make({}, T0 + 99_999);
    assert.equal(all.find(third.id), null);
  });

  it('keeps a revoked client for as long as an older join would let it in', () => {
    const all = open({ max: 3, perMaker: 3, reserved: 0 });
    const gate = all.join();
    const robot = all.enrol(gate.id, 'robot-1');
    all.revoke(robot.id, T0 + 1);
    const token = all.make();
    assert.throws(() => all.make({}, T0 + 2), FULL);
    all.revoke(gate.id, T0 + 3);
    all.make({}, T0 + 4);
    assert.deepEqual([all.find(robot.id), all.find(gate.id), all.find(token.id)?.id], [null, null, token.id]);
  });

  it('counts what is there after a commit was taken back', () => {
    const all = open({ max: 3, perMaker: 2, reserved: 0 });
    all.make({ countedFor: 'token:ops' });
    db.exec('BEGIN');
    all.make();
    all.make({ countedFor: 'token:ops' });
    db.exec('ROLLBACK');
    all.reload();
    all.make({ countedFor: 'token:ops' });
    assert.throws(() => all.make({ countedFor: 'token:ops' }), /^ContactError: 2 credentials count for token:ops/);
    all.make();
    assert.throws(() => all.make(), FULL);
  });

  it('tells of what was forgotten once it is, and not where that was taken back', () => {
    const all = open({ max: 3, perMaker: 3, reserved: 0 });
    const old = all.make({ expiresAt: T0 + 1 });
    all.make();
    all.make();
    db.exec('BEGIN');
    all.make({}, T0 + 30 * DAY);
    assert.equal(all.find(old.id), null);
    db.exec('ROLLBACK');
    all.reload();
    const { forgotten } = all.change({ kind: 'create', credential: createToken({ expiresAt: null }) }, T0 + 30 * DAY);
    assert.deepEqual(forgotten, [old.id]);
    assert.throws(() => all.make(), FULL);
  });

  it('looks by indexes', () => {
    open({ max: 3, perMaker: 3, reserved: 0 });
    const plans = [
      "SELECT id FROM credential WHERE counted_for <> '' AND counted_for = ? AND coalesce(revoked_at, expires_at) <= ?",
      'SELECT min(coalesce(revoked_at, expires_at)) FROM credential WHERE coalesce(revoked_at, expires_at) > ?',
    ].map((sql) =>
      db.prepare<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...Array(sql.split('?').length - 1).fill('')),
    );
    for (const [plan] of plans) assert.match(plan!.detail, /^SEARCH .* USING .*INDEX credential_by_(share|end) /);
  });
});
