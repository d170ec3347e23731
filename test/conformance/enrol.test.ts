import assert from 'node:assert/strict';
import type { EnrolRefusal, StoredCredential } from '../../server/store/credentials.ts';
import type { Store } from '../../server/store/store.ts';
import { createJoin, createToken, hashOf, newCredentialId } from '../scene/credentials.ts';
import { T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const draw = (joinId: string, clientId = 'robot-7') => ({ joinId, clientId, id: newCredentialId(), hash: hashOf() });

function accepted(answer: StoredCredential | EnrolRefusal): StoredCredential {
  assert.ok(typeof answer !== 'string', String(answer));
  return answer;
}

const usesLeft = async (store: Store, id: string) => (await store.findCredential(id))!.usesLeft;

describeStores('enrolClient()', (open) => {
  it('gives a client what the join says, under the secret that the client drew', async () => {
    const store = await open();
    const told: string[][] = [];
    const join = await store.createCredential(createJoin(), T0);
    store.signals$.subscribe((signals) => {
      for (const one of signals) {
        if (one.kind === 'credentialsChanged') told.push(one.credentials.map(({ id }) => id).sort());
      }
    });
    const asked = draw(join.id);
    const enrolled = await store.enrolClient(asked, T0 + 5);
    assert.deepEqual(enrolled, {
      ...{ id: asked.id, hash: asked.hash, kind: 'client', principal: 'client:robot-7', name: 'robot-7' },
      ...{ rights: join.rights, createdAt: T0 + 5, expiresAt: T0 + 5 + DAY, lifetimeMs: DAY, usesLeft: null },
      ...{ parentId: join.id, clientId: 'robot-7', revokedAt: null, lastUsedAt: null, createdBy: 'join:fleet' },
      ...{ endsBy: null, madeWith: join.id, countedFor: '' },
    });
    assert.equal(await usesLeft(store, join.id), 1);
    assert.deepEqual(told, [[asked.id, join.id].sort()]);
  });

  it('answers the same when the answer was lost, and counts one use', async () => {
    const store = await open();
    const join = await store.createCredential(createJoin({ usesLeft: 1 }), T0);
    const asked = draw(join.id);
    const [first, second] = await Promise.all([store.enrolClient(asked, T0), store.enrolClient(asked, T0)]);
    assert.deepEqual(second, first);
    assert.deepEqual(await store.enrolClient(asked, T0 + 2 * HOUR), first);
    assert.equal(await usesLeft(store, join.id), 0);
    assert.equal((await store.listCredentials('', 10)).length, 2);
  });

  it('lets in as many as the join has uses, and any number without a limit', async () => {
    const store = await open();
    const two = await store.createCredential(createJoin(), T0);
    const any = await store.createCredential(createJoin({ usesLeft: null, lifetimeMs: null }), T0);
    const answers = await Promise.all(
      ['robot-1', 'robot-2', 'robot-3'].map((id) => store.enrolClient(draw(two.id, id), T0)),
    );
    assert.deepEqual(
      answers.map((one) => (typeof one === 'string' ? one : one.clientId)),
      ['robot-1', 'robot-2', 'used_up'],
    );
    for (const id of ['robot-4', 'robot-5', 'robot-6']) {
      assert.equal(accepted(await store.enrolClient(draw(any.id, id), T0)).expiresAt, null);
    }
    assert.equal(await usesLeft(store, any.id), null);
  });

  it('says why not, and changes nothing', async () => {
    const store = await open();
    const join = await store.createCredential(createJoin(), T0);
    const revoked = await store.createCredential(createJoin(), T0);
    await store.revokeCredential(revoked.id, T0);
    const token = await store.createCredential(createToken(), T0);
    accepted(await store.enrolClient(draw(join.id), T0));
    const answers = [
      await store.enrolClient(draw(newCredentialId(), 'robot-8'), T0),
      await store.enrolClient(draw(token.id, 'robot-8'), T0),
      await store.enrolClient(draw(revoked.id, 'robot-8'), T0),
      await store.enrolClient(draw(join.id, 'robot-8'), T0 + HOUR),
      await store.enrolClient(draw(join.id, 'door-1'), T0),
      await store.enrolClient(draw(join.id), T0),
    ];
    assert.deepEqual(answers, ['unknown', 'unknown', 'revoked', 'expired', 'client_refused', 'taken']);
    await assert.rejects(store.enrolClient({ ...draw(join.id, 'robot-8'), id: token.id }, T0), {
      code: 'ALREADY_EXISTS',
      field: 'id',
    });
    await assert.rejects(store.enrolClient({ ...draw(join.id, 'robot-8'), hash: token.hash }, T0), {
      code: 'ALREADY_EXISTS',
      field: 'secret_hash',
    });
    assert.equal(await usesLeft(store, join.id), 1);
    assert.equal((await store.listCredentials('', 10)).length, 4);
  });

  it('lets a client in again whose credential has expired', async () => {
    const store = await open();
    const join = await store.createCredential(createJoin({ lifetimeMs: 60_000 }), T0);
    accepted(await store.enrolClient(draw(join.id), T0));
    assert.equal(await store.enrolClient(draw(join.id), T0 + 59_999), 'taken');
    accepted(await store.enrolClient(draw(join.id), T0 + 60_000));
  });

  it('keeps a revoked client out, also with the answer that was lost, until a join is made for it', async () => {
    const store = await open();
    const join = await store.createCredential(createJoin({ usesLeft: null, expiresAt: null }), T0);
    const asked = draw(join.id);
    accepted(await store.enrolClient(asked, T0 + 1));
    const renewed = {
      oldId: asked.id,
      id: newCredentialId(),
      hash: hashOf(),
      overlapMs: 600_000,
      createdBy: 'operator',
      madeWith: null,
    };
    assert.notEqual(typeof (await store.renewCredential(renewed, T0 + 2)), 'string');
    await store.revokeCredential(asked.id, T0 + 3);
    // All that it has, whichever was named.
    assert.equal((await store.findCredential(renewed.id))!.revokedAt, T0 + 3);
    assert.equal(await store.enrolClient(asked, T0 + 4), 'revoked');
    assert.equal(await store.enrolClient(draw(join.id), T0 + 4), 'revoked');
    const same = await store.createCredential(createJoin({ expiresAt: null }), T0 + 3);
    assert.equal(await store.enrolClient(draw(same.id), T0 + 4), 'revoked');
    accepted(await store.enrolClient(draw(join.id, 'robot-8'), T0 + 4));
    const newer = await store.createCredential(createJoin(), T0 + 5);
    accepted(await store.enrolClient(draw(newer.id), T0 + 6));
  });

  it('keeps a revoked client out for as long as there is a join that is older', async () => {
    const store = await open();
    const join = await store.createCredential(createJoin({ usesLeft: null, expiresAt: null }), T0);
    const asked = draw(join.id);
    accepted(await store.enrolClient(asked, T0 + 1));
    await store.revokeCredential(asked.id, T0 + 2);
    const fill = async (now: number) => {
      for (let n = 0; n < 101; n += 1) await store.createCredential(createToken({ expiresAt: null }), now);
    };
    const later = T0 + 400 * DAY;
    await fill(later);
    assert.equal(await store.enrolClient(draw(join.id), later), 'revoked');
    await store.revokeCredential(join.id, later);
    await fill(later + 1);
    assert.equal(await store.findCredential(asked.id), null);
  });
});
