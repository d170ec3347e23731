import assert from 'node:assert/strict';
import type { Store } from '../../server/store/store.ts';
import { assertRejects } from '../scene/answers.ts';
import { createJoin, createToken, hashOf, newCredentialId } from '../scene/credentials.ts';
import { nameDelivery, openSession, settle, startTask, succeed } from '../scene/deliveries.ts';
import { stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const DAY = 24 * 3_600_000;
const ROBOT = { clientId: 'robot-7', isNamed: true };
const [ALICE, MALLORY] = ['jwt:alice', 'jwt:mallory'] as const;

const taken = (of: Promise<unknown>) => assertRejects(of, 'ALREADY_EXISTS', /^(?:contact-client|client_id): /);

describeStores('ownerOf()', (open) => {
  it('is the principal by which a named client came first, whoever comes and as long as it is remembered', async () => {
    const store = await open();
    assert.equal(await store.ownerOf('robot-7', T0), '');
    const { session } = await openSession(store, {
      ...ROBOT,
      subject: ALICE,
      labels: { site: 'berlin' },
      queues: ['a'],
    });
    await store.endSession(session, 'all', T0 + 1);
    const before = await store.findClient('robot-7');
    for (const isNamed of [true, false]) {
      await taken(openSession(store, { ...ROBOT, isNamed, subject: MALLORY, queues: ['b'] }, T0 + 2));
    }
    await taken(
      store.rememberServing({ clientId: 'robot-7', labels: {}, methods: ['p.S/M'], subject: MALLORY }, T0 + 3),
    );
    await store.leaveServing({ clientId: 'robot-7', subject: MALLORY }, T0 + 4);
    assert.deepEqual(await store.findClient('robot-7'), before);
    assert.deepEqual(await store.listServing('', 10), []);
    assert.equal(await store.ownerOf('robot-7', T0 + 5), ALICE);
    await openSession(store, { ...ROBOT, subject: ALICE }, T0 + 6);
  });

  it('stays where nobody asks who comes, who may come as any client', async () => {
    const store = await open();
    await openSession(store, { ...ROBOT, subject: '' });
    await openSession(store, { ...ROBOT, subject: ALICE });
    await openSession(store, { ...ROBOT, subject: '' });
    assert.equal(await store.ownerOf('robot-7', T0), ALICE);
    await taken(openSession(store, { ...ROBOT, subject: MALLORY }));
  });

  it('is that of the sessions where none of them is named, until they are gone', async () => {
    const store = await open();
    const one = await openSession(store, { clientId: 'robot-7', subject: ALICE });
    const two = await openSession(store, { clientId: 'robot-7', subject: ALICE });
    await store.loseSession(one.session, T0);
    await store.endSession(two.session, 'all', T0);
    await taken(openSession(store, { ...ROBOT, subject: MALLORY }));
    await taken(store.rememberServing({ clientId: 'robot-7', labels: {}, methods: ['p.S/M'], subject: MALLORY }, T0));
    await store.endSession(one.session, 'all', T0);
    await openSession(store, { ...ROBOT, subject: MALLORY });
  });

  it('is a client that serves, as one with a session', async () => {
    const store = await open();
    await store.rememberServing({ clientId: 'robot-7', labels: {}, methods: ['p.S/M'], subject: ALICE }, T0);
    await taken(openSession(store, { ...ROBOT, subject: MALLORY }));
    await store.leaveServing({ clientId: 'robot-7', subject: MALLORY }, T0 + 9);
    assert.equal((await store.findClient('robot-7'))!.lastSeenAt, T0);
    await store.leaveServing({ clientId: 'robot-7', subject: ALICE }, T0 + 1);
    assert.equal((await store.findClient('robot-7'))!.lastSeenAt, T0 + 1);
    await taken(openSession(store, { ...ROBOT, subject: MALLORY }, T0 + 2));
  });

  it('is nobody any more when no credential of its principal lives: revoked, or expired', async () => {
    for (const end of ['revoked', 'expired'] as const) {
      const store = await open();
      const made = createToken({ principal: 'token:web', name: 'web', expiresAt: end === 'expired' ? T0 + DAY : null });
      const token = await store.createCredential(made, T0);
      await openSession(store, { ...ROBOT, subject: 'token:web' }, T0);
      await store.drainClient('robot-7', true);
      await taken(openSession(store, { ...ROBOT, subject: 'token:next' }, T0 + DAY - 1));
      if (end === 'revoked') await store.revokeCredential(token.id, T0 + DAY);
      const { isDrained } = await openSession(store, { ...ROBOT, subject: 'token:next' }, T0 + DAY);
      assert.equal(isDrained, true, 'what was ordered of the client holds for who comes next');
      assert.equal((await store.findClient('robot-7'))!.subject, 'token:next');
    }
  });

  it('leaves to a principal that has come to an end what it had', async () => {
    const store = await open();
    const token = await store.createCredential(createToken({ name: 'web', expiresAt: null }), T0);
    const its = { ...ROBOT, subject: 'token:web', secretHash: 'its' };
    const run = await startTask(store, {}, its);
    await store.revokeCredential(token.id, T0);
    const resume = { previousHash: 'its', holding: [nameDelivery(run)] };
    const next = await openSession(store, { ...ROBOT, subject: 'token:next', resume });
    assert.deepEqual([next.resumed, next.closed, next.replaced], [false, [nameDelivery(run)], []]);
    assert.equal(await stateOf(store, run.taskId), 'running');
    assert.equal((await settle(store, { ...succeed(run), session: run.session })).code, 'STORED');
  });

  it('lives on with what its credential was rotated to', async () => {
    const store = await open();
    const old = await store.createCredential(createToken({ principal: 'token:web', name: 'web' }), T0);
    await openSession(store, { ...ROBOT, subject: 'token:web' }, T0);
    const next = { id: newCredentialId(), hash: hashOf() };
    await store.renewCredential(
      { oldId: old.id, ...next, overlapMs: 0, createdBy: 'operator', madeWith: null },
      T0 + 1,
    );
    await store.revokeCredential(old.id, T0 + 2);
    await taken(openSession(store, { ...ROBOT, subject: 'token:other' }, T0 + 3));
  });

  it('is the client that came in by a join while its credential lives, also before it came, and it is not forgotten', async () => {
    const store = await open();
    const enrolled = await enrol(store, 'robot-7', T0);
    await taken(openSession(store, { ...ROBOT, subject: MALLORY }, T0));
    assert.equal(await store.forgetClient('robot-7', T0), 'enrolled');
    const { session } = await openSession(store, { ...ROBOT, subject: 'client:robot-7' }, T0);
    assert.equal(await store.forgetClient('robot-7', T0), 'here');
    await store.loseSession(session, T0);
    assert.equal(await store.forgetClient('robot-7', T0), 'enrolled');
    await store.endSession(session, 'all', T0);
    assert.equal(await store.forgetClient('robot-7', T0), 'enrolled');
    assert.equal((await store.findClient('robot-7'))!.clientId, 'robot-7');
    assert.ok(!(await store.listActs(null, 0, 10)).some(({ kind }) => kind === 'client_forgotten'));
    await taken(openSession(store, { ...ROBOT, subject: MALLORY }, T0));
    await store.revokeCredential(enrolled.id, T0);
    assert.equal(await store.forgetClient('robot-7', T0), 'forgotten');
    await openSession(store, { ...ROBOT, subject: MALLORY }, T0);
  });

  it('keeps a join from letting in a client of its id', async () => {
    const store = await open();
    await openSession(store, { ...ROBOT, subject: ALICE });
    const join = await store.createCredential(createJoin({ usesLeft: 1 }), T0);
    const asked = { joinId: join.id, clientId: 'robot-7', id: newCredentialId(), hash: hashOf() };
    assert.equal(await store.enrolClient(asked, T0), 'owned');
    assert.equal((await store.findCredential(join.id))!.usesLeft, 1);
    assert.equal(typeof (await store.enrolClient({ ...asked, clientId: 'robot-8' }, T0)), 'object');
  });

  it('keeps a join from letting in a client as which another serves that the store does not know of', async () => {
    const store = await open();
    const join = await store.createCredential(createJoin({ usesLeft: 1 }), T0);
    const asked = { joinId: join.id, clientId: 'robot-7', id: newCredentialId(), hash: hashOf() };
    assert.equal(await store.enrolClient({ ...asked, servedBy: () => MALLORY }, T0), 'owned');
    assert.equal((await store.findCredential(join.id))!.usesLeft, 1);
    // What its answer was lost of is its own.
    for (const servedBy of ['', 'client:robot-7', MALLORY]) {
      assert.equal(typeof (await store.enrolClient({ ...asked, servedBy: () => servedBy }, T0)), 'object', servedBy);
    }
  });
});

async function enrol(store: Store, clientId: string, now: number) {
  const join = await store.createCredential(createJoin(), now);
  const enrolled = await store.enrolClient({ joinId: join.id, clientId, id: newCredentialId(), hash: hashOf() }, now);
  assert.ok(typeof enrolled === 'object', String(enrolled));
  return enrolled;
}

describeStores('forgetClient()', (open) => {
  it('forgets a client that is away, with its drain, and its id is nobody’s', async () => {
    const store = await open();
    const { session } = await openSession(store, { ...ROBOT, subject: ALICE });
    await store.drainClient('robot-7', true);
    const told: unknown[] = [];
    store.signals$.subscribe((signals) => told.push(...signals));
    assert.equal(await store.forgetClient('robot-7', T0), 'here');
    await store.loseSession(session, T0);
    assert.equal(await store.forgetClient('robot-7', T0), 'forgotten');
    assert.deepEqual(told, [{ kind: 'clientDrained', clientId: 'robot-7', isDrained: false, isRemembered: true }]);
    assert.equal(await store.forgetClient('robot-7', T0), 'unknown');
    assert.equal(await store.findClient('robot-7'), null);
    assert.equal((await openSession(store, { ...ROBOT, subject: MALLORY })).isDrained, false);
    // It does not come back to what it had, and who comes next loses nothing when that would have been over.
    assert.deepEqual(await store.endSession(session, 'all', T0), { ready: [], events: [], lostCount: 0 });
    await taken(openSession(store, { ...ROBOT, subject: ALICE }));
  });

  it('forgets no client that may come back to a session with what that runs, and changes nothing of it', async () => {
    const store = await open();
    const run = await startTask(store, {}, { ...ROBOT, subject: ALICE, secretHash: 'its' });
    const idle = await openSession(store, { ...ROBOT, isNamed: false, subject: ALICE });
    await store.loseSession(run.session, T0);
    await store.loseSession(idle.session, T0);
    const before = await store.findClient('robot-7');
    assert.equal(await store.forgetClient('robot-7', T0), 'awaited');
    assert.deepEqual(await store.findClient('robot-7'), before);
    await taken(openSession(store, { ...ROBOT, subject: MALLORY }));
    const resume = { previousHash: 'its', holding: [nameDelivery(run)] };
    const back = await openSession(store, { ...ROBOT, subject: ALICE, resume });
    assert.deepEqual([back.resumed, back.held.length], [true, 1]);
    await store.endSession(back.session, 'all', T0);
    assert.equal(await store.forgetClient('robot-7', T0), 'forgotten');
    assert.equal(await stateOf(store, run.taskId), 'ready');
    await openSession(store, { ...ROBOT, subject: MALLORY });
  });

  it('forgets no client that serves, and what one that served no more has served', async () => {
    const store = await open();
    await store.rememberServing({ clientId: 'robot-7', labels: {}, methods: ['p.S/M'], subject: ALICE }, T0);
    assert.equal(await store.forgetClient('robot-7', T0), 'here');
    await store.leaveServing({ clientId: 'robot-7', subject: ALICE }, T0);
    assert.equal(await store.forgetClient('robot-7', T0), 'forgotten');
    assert.deepEqual(await store.listServing('', 10), []);
  });
});
