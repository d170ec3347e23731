import assert from 'node:assert/strict';
import type { StoredCredential } from '../../server/store/credentials.ts';
import type { Store } from '../../server/store/store.ts';
import { createJoin, createToken, hashOf, newCredentialId } from '../scene/credentials.ts';
import { T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** All that are stored, by id. */
async function listAll(store: Store): Promise<readonly StoredCredential[]> {
  const all: StoredCredential[] = [];
  for (let page = await store.listCredentials('', 500); page.length > 0; ) {
    all.push(...page);
    page = await store.listCredentials(page.at(-1)!.id, 500);
  }
  return all;
}

/** Ids of the credentials that the store tells of as changed from now on, one list a signal. */
function listen(store: Store): string[][] {
  const told: string[][] = [];
  store.signals$.subscribe((signals) => {
    for (const one of signals) {
      if (one.kind === 'credentialsChanged') told.push(one.credentials.map(({ id }) => id).sort());
    }
  });
  return told;
}

describeStores('createCredential()', (open) => {
  it('stores a token as it was given', async () => {
    const store = await open();
    const token = createToken();
    const stored = await store.createCredential(token, T0);
    assert.deepEqual(stored, {
      ...{ ...token, createdAt: T0, lifetimeMs: HOUR, parentId: null, clientId: null },
      ...{ revokedAt: null, lastUsedAt: null },
    });
    assert.deepEqual(await store.findCredential(token.id), stored);
    assert.equal(await store.findCredential(newCredentialId()), null);
  });

  it('stores a join, and a token that never expires', async () => {
    const store = await open();
    const join = await store.createCredential(createJoin(), T0);
    assert.deepEqual([join.kind, join.usesLeft, join.lifetimeMs, join.expiresAt], ['join', 2, DAY, T0 + HOUR]);
    const token = await store.createCredential(createToken({ expiresAt: null, usesLeft: 3 }), T0);
    assert.deepEqual([token.usesLeft, token.lifetimeMs, token.expiresAt], [null, null, null]);
  });

  it('answers the same when it is asked again, and tells of it once', async () => {
    const store = await open();
    const told = listen(store);
    const token = createToken();
    const stored = await store.createCredential(token, T0);
    assert.deepEqual(await store.createCredential(token, T0 + 1), stored);
    assert.deepEqual(await store.createCredential({ ...token, expiresAt: null }, T0 + 1), stored);
    assert.deepEqual(told, [[token.id]]);
  });

  it('refuses an id or a secret that another credential has', async () => {
    const store = await open();
    const token = createToken();
    await store.createCredential(token, T0);
    await assert.rejects(store.createCredential({ ...token, hash: hashOf() }, T0), {
      code: 'ALREADY_EXISTS',
      field: 'id',
    });
    await assert.rejects(store.createCredential({ ...token, id: newCredentialId() }, T0), {
      code: 'ALREADY_EXISTS',
      field: 'secret_hash',
    });
    assert.equal((await listAll(store)).length, 1);
  });

  it('forgets in time what was revoked or has expired 30 days ago', async () => {
    const store = await open();
    const [expired, revoked, alive, late] = await Promise.all(
      [{}, { expiresAt: null }, { expiresAt: null }, { expiresAt: T0 + HOUR + 1 }].map((each) =>
        store.createCredential(createToken(each), T0),
      ),
    );
    await store.revokeCredential(revoked!.id, T0 + HOUR);
    const later = T0 + HOUR + 30 * DAY;
    for (let n = 0; n < 101; n += 1) await store.createCredential(createToken(), later - 1);
    assert.ok(await store.findCredential(expired!.id));
    for (let n = 0; n < 101; n += 1) await store.createCredential(createToken(), later);
    const left = (await listAll(store)).map(({ id }) => id);
    assert.deepEqual(
      [expired, revoked, alive, late].map((one) => left.includes(one!.id)),
      [false, false, true, true],
    );
  });
});

describeStores('listCredentials()', (open) => {
  it('pages by id', async () => {
    const store = await open();
    const ids = await Promise.all(
      [1, 2, 3, 4, 5].map(async () => (await store.createCredential(createToken(), T0)).id),
    );
    ids.sort();
    const page = async (after: string) => (await store.listCredentials(after, 2)).map(({ id }) => id);
    assert.deepEqual(await page(''), ids.slice(0, 2));
    assert.deepEqual(await page(ids[1]!), ids.slice(2, 4));
    assert.deepEqual(await page(ids[4]!), []);
  });
});

describeStores('touchCredentials()', (open) => {
  it('notes the use of each once a minute, and tells nobody', async () => {
    const store = await open();
    const a = await store.createCredential(createToken(), T0);
    const b = await store.createCredential(createToken(), T0);
    const told = listen(store);
    const used = async () => [
      (await store.findCredential(a.id))!.lastUsedAt,
      (await store.findCredential(b.id))!.lastUsedAt,
    ];
    await store.touchCredentials([a.id, newCredentialId()], T0 + 10);
    assert.deepEqual(await used(), [T0 + 10, null]);
    await store.touchCredentials([a.id, b.id], T0 + 60_009);
    assert.deepEqual(await used(), [T0 + 10, T0 + 60_009]);
    await store.touchCredentials([a.id, b.id], T0 + 60_010);
    assert.deepEqual(await used(), [T0 + 60_010, T0 + 60_009]);
    await store.touchCredentials([], T0);
    assert.deepEqual(told, []);
  });
});

describeStores('revokeCredential()', (open) => {
  it('revokes once, and tells of it', async () => {
    const store = await open();
    const { id } = await store.createCredential(createToken(), T0);
    const other = await store.createCredential(createToken(), T0);
    const told = listen(store);
    assert.deepEqual(await store.revokeCredential(id, T0 + 5), { revokedCount: 1, livingCount: 0 });
    assert.deepEqual(await store.revokeCredential(id, T0 + 6), { revokedCount: 0, livingCount: 0 });
    assert.equal((await store.findCredential(id))!.revokedAt, T0 + 5);
    assert.equal((await store.findCredential(other.id))!.revokedAt, null);
    assert.equal(await store.revokeCredential(newCredentialId(), T0), null);
    assert.deepEqual(told, [[id]]);
  });

  it('revokes what a token has replaced with it, and not what has replaced it', async () => {
    const store = await open();
    const first = await store.createCredential(createToken(), T0);
    const renew = async (oldId: string) => {
      const renewed = await store.renewCredential(
        { oldId, id: newCredentialId(), hash: hashOf(), overlapMs: HOUR, createdBy: 'operator', madeWith: null },
        T0,
      );
      assert.ok(typeof renewed !== 'string', String(renewed));
      return renewed.id;
    };
    const second = await renew(first.id);
    const third = await renew(second);
    await store.revokeCredential(second, T0 + 1);
    const revoked = async (id: string) => (await store.findCredential(id))!.revokedAt;
    assert.deepEqual([await revoked(first.id), await revoked(second), await revoked(third)], [T0 + 1, T0 + 1, null]);
  });
});

describeStores('renewCredential()', (open) => {
  const renewal = (oldId: string) => ({
    oldId,
    id: newCredentialId(),
    hash: hashOf(),
    overlapMs: 600_000,
    createdBy: 'operator',
    madeWith: null,
  });

  it('stores another secret with the same principal, rights and lifetime, and shortens the life of the one before', async () => {
    const store = await open();
    const old = await store.createCredential(createToken(), T0);
    const told = listen(store);
    const asked = renewal(old.id);
    const renewed = await store.renewCredential(asked, T0 + 1_000);
    assert.deepEqual(renewed, {
      ...{ ...old, id: asked.id, hash: asked.hash, parentId: old.id },
      ...{ createdAt: T0 + 1_000, expiresAt: T0 + 1_000 + HOUR },
    });
    assert.deepEqual(await store.findCredential(old.id), { ...old, expiresAt: T0 + 601_000 });
    assert.deepEqual(await store.renewCredential(asked, T0 + 2_000), renewed);
    assert.deepEqual(await store.renewCredential(asked, T0 + 9 * HOUR), renewed);
    assert.deepEqual(told, [[old.id, asked.id].sort()]);
  });

  it('lets the one before live no longer than it would, and keeps a life without end', async () => {
    const store = await open();
    const soon = await store.createCredential(createToken({ expiresAt: T0 + 10 }), T0);
    await store.renewCredential(renewal(soon.id), T0);
    assert.equal((await store.findCredential(soon.id))!.expiresAt, T0 + 10);
    const endless = await store.createCredential(createToken({ expiresAt: null }), T0);
    const next = await store.renewCredential(renewal(endless.id), T0);
    assert.ok(typeof next !== 'string' && next.expiresAt === null && next.lifetimeMs === null);
    assert.equal((await store.findCredential(endless.id))!.expiresAt, T0 + 600_000);
  });

  it('gives a renewed one its whole lifetime again, not what its overlap had left', async () => {
    const store = await open();
    const { id } = await store.createCredential(createToken(), T0);
    await store.renewCredential(renewal(id), T0);
    const again = await store.renewCredential(renewal(id), T0 + 1);
    assert.ok(typeof again !== 'string' && again.expiresAt === T0 + 1 + HOUR);
  });

  it('lets go of one whose answer was lost, when it was never used', async () => {
    const store = await open();
    const { id } = await store.createCredential(createToken(), T0);
    const [lost, used, next] = [renewal(id), renewal(id), renewal(id)];
    await store.renewCredential(used, T0);
    await store.touchCredentials([used.id], T0);
    await store.renewCredential(lost, T0 + 1);
    const told = listen(store);
    await store.renewCredential(next, T0 + 2);
    const expiry = async (one: { id: string }) => (await store.findCredential(one.id))!.expiresAt;
    assert.deepEqual(
      [await expiry(used), await expiry(lost), await expiry(next)],
      [T0 + HOUR, T0 + 600_002, T0 + 2 + HOUR],
    );
    assert.deepEqual(told, [[lost.id, next.id].sort()]);
  });

  it('gives a client eight that live, and says when there may be another', async () => {
    const store = await open();
    const join = await store.createCredential(createJoin(), T0);
    const drawn = { id: newCredentialId(), hash: hashOf() };
    let { id } = drawn;
    await store.enrolClient({ joinId: join.id, clientId: 'robot-1', ...drawn }, T0);
    for (let count = 1; count < 8; count += 1) {
      const next = await store.renewCredential(renewal(id), T0 + count);
      assert.ok(typeof next !== 'string');
      ({ id } = next);
    }
    const refusal = { code: 'RESOURCE_EXHAUSTED', retryAfterMs: 599_999 };
    await assert.rejects(store.renewCredential(renewal(id), T0 + 2), refusal);
    assert.equal(typeof (await store.renewCredential(renewal(id), T0 + 600_001)), 'object');
  });

  it('says why not', async () => {
    const store = await open();
    const [token, revoked] = [
      await store.createCredential(createToken(), T0),
      await store.createCredential(createToken(), T0),
    ];
    const join = await store.createCredential(createJoin(), T0);
    await store.revokeCredential(revoked.id, T0);
    const told = listen(store);
    const answers = [
      await store.renewCredential(renewal(newCredentialId()), T0),
      await store.renewCredential(renewal(join.id), T0),
      await store.renewCredential(renewal(revoked.id), T0),
      await store.renewCredential(renewal(token.id), T0 + HOUR),
    ];
    assert.deepEqual(answers, ['unknown', 'unknown', 'revoked', 'expired']);
    await assert.rejects(store.renewCredential({ ...renewal(token.id), id: join.id }, T0), { field: 'id' });
    await assert.rejects(store.renewCredential({ ...renewal(token.id), hash: token.hash }, T0), {
      field: 'secret_hash',
    });
    assert.deepEqual(told, []);
    assert.equal((await listAll(store)).length, 3);
  });
});
