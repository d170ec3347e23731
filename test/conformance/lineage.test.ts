import assert from 'node:assert/strict';
import type { StoredCredential } from '../../server/store/credentials.ts';
import type { Store } from '../../server/store/store.ts';
import { createJoin, createToken, hashOf, newCredentialId } from '../scene/credentials.ts';
import { T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const drawn = () => ({ id: newCredentialId(), hash: hashOf() });

/** A token that has no end, made with another one. */
async function make(store: Store, madeWith: string | null, now = T0): Promise<string> {
  return (await store.createCredential(createToken({ madeWith, expiresAt: null }), now)).id;
}

async function join(store: Store, madeWith: string | null): Promise<string> {
  const gate = createJoin({ madeWith, expiresAt: null, usesLeft: null });
  return (await store.createCredential(gate, T0)).id;
}

async function enrol(store: Store, joinId: string, clientId: string): Promise<string> {
  return idOf(await store.enrolClient({ joinId, clientId, ...drawn() }, T0));
}

async function rotate(store: Store, oldId: string, madeWith: string | null, now = T0): Promise<string> {
  const renewal = { oldId, overlapMs: HOUR, createdBy: 'operator', madeWith, ...drawn() };
  return idOf(await store.renewCredential(renewal, now));
}

function idOf(answer: StoredCredential | string): string {
  assert.ok(typeof answer === 'object', String(answer));
  return answer.id;
}

const isRevoked = async (store: Store, id: string) => (await store.findCredential(id))!.revokedAt !== null;

const areRevoked = (store: Store, ids: readonly string[]) => Promise.all(ids.map((id) => isRevoked(store, id)));

/** What a thief has made with the token that it has, and what somebody else made of it unawares. */
async function steal(store: Store, stolen: string): Promise<string[]> {
  const [heir, besides] = [await rotate(store, stolen, stolen), await rotate(store, stolen, stolen)];
  const made = await make(store, stolen);
  const gate = await join(store, made);
  const robot = await enrol(store, gate, 'robot-1');
  const renewed = await rotate(store, robot, robot);
  return [heir, besides, made, gate, robot, renewed, await rotate(store, made, null), await make(store, heir)];
}

describeStores('what a credential has made', (open) => {
  it('says with which it was made', async () => {
    const store = await open();
    const maker = await make(store, null);
    const madeWith = async (id: string) => (await store.findCredential(id))!.madeWith;
    const gate = await join(store, maker);
    const robot = await enrol(store, gate, 'robot-1');
    const rotated = await rotate(store, await make(store, null), maker);
    assert.deepEqual(
      [await madeWith(maker), await madeWith(gate), await madeWith(robot), await madeWith(rotated)],
      [null, maker, gate, maker],
    );
    assert.equal(await madeWith(await make(store, newCredentialId())), null);
  });

  it('is revoked with it in one commit, down the whole tree, and nothing else is', async () => {
    const store = await open();
    const operator = await make(store, null);
    const stolen = await make(store, operator);
    const made = await steal(store, stolen);
    const given = await rotate(store, stolen, operator);
    const others = [
      operator,
      given,
      await make(store, given),
      await enrol(store, await join(store, operator), 'robot-2'),
    ];
    const told: string[][] = [];
    store.signals$.subscribe((signals) => {
      for (const one of signals) {
        if (one.kind === 'credentialsChanged') told.push(one.credentials.map(({ id }) => id).sort());
      }
    });
    const revocation = await store.revokeCredential(stolen, T0 + 1, { withMade: true });
    assert.deepEqual(revocation, { revokedCount: made.length + 1, livingCount: 0 });
    assert.deepEqual(told, [[stolen, ...made].sort()]);
    assert.deepEqual(new Set(await areRevoked(store, made)), new Set([true]));
    assert.deepEqual(new Set(await areRevoked(store, others)), new Set([false]));
    const again = await store.revokeCredential(stolen, T0 + 2, { withMade: true });
    assert.deepEqual(again, { revokedCount: 0, livingCount: 0 });
  });

  it('goes with one that has replaced its maker by itself', async () => {
    const store = await open();
    const first = await make(store, null);
    const made = await make(store, first);
    const second = await rotate(store, first, first);
    await store.revokeCredential(second, T0 + 1, { withMade: true });
    assert.deepEqual(await areRevoked(store, [first, second, made]), [true, true, true]);
  });

  it('stays where that is not asked for, and is counted, also when it is revoked later', async () => {
    const store = await open();
    const stolen = await make(store, null);
    const made = await steal(store, stolen);
    const revocation = await store.revokeCredential(stolen, T0 + 1);
    assert.deepEqual(revocation, { revokedCount: 1, livingCount: made.length });
    assert.deepEqual(new Set(await areRevoked(store, made)), new Set([false]));
    await store.revokeCredential(made[0]!, T0 + 2);
    const { revokedCount } = (await store.revokeCredential(stolen, T0 + 3, { withMade: true }))!;
    assert.equal(revokedCount, made.length - 1);
    assert.deepEqual(new Set(await areRevoked(store, made)), new Set([true]));
  });

  it('is no more once its maker is revoked, also where that was asked for before', async () => {
    const store = await open();
    const maker = await make(store, null);
    const other = await make(store, null);
    await store.revokeCredential(maker, T0);
    const refusal = { code: 'UNAUTHENTICATED', advice: { reason: 'REVOKED', retry: 'never' } };
    await assert.rejects(make(store, maker), refusal);
    await assert.rejects(join(store, maker), refusal);
    await assert.rejects(rotate(store, other, maker), refusal);
    assert.equal((await store.listCredentials('', 10)).length, 2);
  });

  it('is rotated or refused, and never there afterwards, when its maker is revoked at the same time', async () => {
    const store = await open();
    for (let round = 0; round < 20; round += 1) {
      const stolen = await make(store, null);
      const acts = [
        () => store.revokeCredential(stolen, T0 + 1, { withMade: true }),
        ...[1, 2, 3].map(() => () => rotate(store, stolen, stolen)),
        () => make(store, stolen),
      ];
      // The revocation comes at another place each time.
      const turned = [...acts.slice(round % 5), ...acts.slice(0, round % 5)];
      await Promise.allSettled(turned.map((act) => act()));
      const all = await store.listCredentials('', 500);
      const living = all.filter(({ revokedAt, madeWith }) => revokedAt === null && madeWith === stolen);
      assert.deepEqual([living.length, await isRevoked(store, stolen)], [0, true]);
    }
  });

  it('counts as made with the maker of one that is forgotten', async () => {
    const store = await open();
    const operator = await make(store, null);
    const first = (await store.createCredential(createToken({ madeWith: operator }), T0)).id;
    const second = (await store.createCredential(createToken({ madeWith: first }), T0)).id;
    const made = await make(store, second);
    const later = T0 + HOUR + 30 * DAY;
    for (let n = 0; n < 101; n += 1) await make(store, null, later);
    assert.deepEqual([await store.findCredential(first), await store.findCredential(second)], [null, null]);
    assert.equal((await store.findCredential(made))!.madeWith, operator);
    await store.revokeCredential(operator, later, { withMade: true });
    assert.equal(await isRevoked(store, made), true);
  });
});
