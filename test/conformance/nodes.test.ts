import assert from 'node:assert/strict';
import { claim, createOpening, nameDelivery, openSession, settle, startTask, succeed } from '../scene/deliveries.ts';
import { addTasks, stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

describeStores('describeSessions()', (open) => {
  it('tells what each runs, with the cancels that were asked for', async () => {
    const store = await open();
    const first = await startTask(store, {}, { clientId: 'me', isNamed: true });
    const { session } = await openSession(store);
    await store.cancelTasks([first.taskId], 'enough', T0);
    assert.deepEqual(await store.describeSessions([session, first.session]), [
      { kind: 'open', running: [], isDrained: null },
      { kind: 'open', running: [{ ...nameDelivery(first), cancelReason: 'enough' }], isDrained: false },
    ]);
    await store.drainClient('me', true);
    await settle(store, succeed(first));
    assert.deepEqual(await store.describeSessions([first.session]), [{ kind: 'open', running: [], isDrained: true }]);
  });

  it('tells which have been resumed, replaced or ended since', async () => {
    const store = await open();
    const mine = { clientId: 'me', isNamed: true };
    const opening = createOpening(mine);
    const { session: before } = await store.openSession(opening, T0);
    const resume = { previousHash: opening.secretHash, holding: [] };
    const { session: resumed } = await openSession(store, { ...mine, resume });
    assert.deepEqual(
      (await store.describeSessions([before, resumed])).map(({ kind }) => kind),
      ['resumed', 'open'],
    );
    const { session: ended } = await openSession(store);
    await store.endSession(ended, [], T0);
    await openSession(store, mine);
    assert.deepEqual(await store.describeSessions([ended, resumed]), [{ kind: 'gone' }, { kind: 'gone' }]);
  });
});

describeStores('openSession() at another node', (open) => {
  /** A client comes back to its session, and names nothing; the caller knows these sessions and no starts. */
  for (const [what, isResumed] of [
    ['resumes', true],
    ['replaces', false],
  ] as const) {
    it(`takes for started what another node was told, when it ${what} a session as it is not known here`, async () => {
      const store = await open();
      const mine = { clientId: 'me', isNamed: true };
      const opening = createOpening(mine);
      const { session: first } = await store.openSession(opening, T0);
      const there = createOpening({ ...mine, resume: { previousHash: opening.secretHash, holding: [] } });
      const { session } = await store.openSession(there, T0);
      assert.equal(session.key, first.key);
      const [taskId] = await addTasks(store, { maxAttempts: 1 });
      assert.equal((await claim(store, session)).length, 1);
      // Known with the epoch that it had here, before it went on there.
      const known = { started: [], knownSessions: [first] };
      const resume = isResumed ? { previousHash: there.secretHash, holding: [], started: [] } : null;
      await openSession(store, { ...mine, ...known, resume });
      assert.equal(await stateOf(store, taskId!), 'failed');
    });
  }

  it('gives back what is known not to have begun, of a session as it is known', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1 }, { clientId: 'me', isNamed: true });
    await openSession(store, { clientId: 'me', isNamed: true, started: [], knownSessions: [run.session] });
    assert.equal(await stateOf(store, run.taskId), 'ready');
  });
});
