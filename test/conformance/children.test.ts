import assert from 'node:assert/strict';
import type { ResultRecord } from '../../server/model/task.ts';
import type { Store } from '../../server/store/store.ts';
import { assertLogged } from '../scene/answers.ts';
import { claim, nameDelivery, openSession, settle, startBroadcast } from '../scene/deliveries.ts';
import { createBroadcast, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

describeStores('the last child', (open) => {
  const ends: Record<string, (scene: Awaited<ReturnType<typeof startBroadcast>>, store: Store) => Promise<unknown>> = {
    'is stopped': async ({ runs: [run] }, store) => {
      await store.cancelTasks([run!.taskId], '', T0);
      const { event, parent } = await settle(store, { ...nameDelivery(run!), clientId: '', kind: 'stopped' });
      return [event, parent];
    },
    'is released after a cancel': async ({ runs: [run] }, store) => {
      await store.cancelTasks([run!.taskId], '', T0);
      const [outcome] = await store.releaseTasks([{ ...run!, cause: 'released', isStarted: true }], T0);
      return [outcome!.event, outcome!.parent];
    },
    'is lost for the last time': async ({ runs: [run] }, store) => {
      const [outcome] = await store.releaseTasks([{ ...run!, cause: 'lost', isStarted: true }], T0);
      return [outcome!.event, outcome!.parent];
    },
    'is lost with its session': async ({ session }, store) => (await store.endSession(session, 'all', T0)).events,
    'is cancelled while it waits': async ({ runs: [run], session }, store) => {
      await store.endSession(session, [], T0);
      const [outcome] = await store.cancelTasks([run!.taskId], '', T0);
      assert(outcome?.kind === 'cancelled');
      return [outcome.event, outcome.parent];
    },
    'is purged': async ({ session }, store) => {
      await store.endSession(session, [], T0);
      const { count, events } = await store.purgeTasks('q', 1, '', T0);
      assert.equal(count, 1);
      return events;
    },
    expires: async ({ session }, store) => {
      await store.endSession(session, [], T0);
      return (await store.wakeTasks(T0 + 100, 1)).expired;
    },
  };
  for (const [title, end] of Object.entries(ends)) {
    it(`ends the broadcast when it ${title}`, async () => {
      const store = await open();
      const scene = await startBroadcast(store, ['a'], { maxAttempts: 1, expiresAt: T0 + 100 });
      const [event, parent] = (await end(scene, store)) as ResultRecord[];
      assert.deepEqual([event!.taskId, parent!.taskId], [scene.children[0]!.id, scene.parent.id]);
      assert.deepEqual([parent!.state, parent!.position], ['failed', event!.position + 1]);
      await assertLogged(store, event);
      await assertLogged(store, parent);
      const counts = (await store.countChildren(scene.parent.id))!;
      assert.deepEqual(counts, {
        children: 1,
        succeeded: 0,
        failed: 0,
        cancelled: 0,
        expired: 0,
        [event!.state]: 1,
      });
    });
  }

  it('ends the broadcast when its named client is replaced', async () => {
    const store = await open();
    const { parent, children } = createBroadcast(['me'], { maxAttempts: 1 });
    await store.insertBroadcast(parent, children, T0);
    const named = { clientId: 'me', isNamed: true };
    const { session } = await openSession(store, named);
    await claim(store, session, { lanes: children });
    const { events } = await openSession(store, named);
    assert.deepEqual(
      events.map(({ taskId, state }) => [taskId, state]),
      [
        [children[0]!.id, 'failed'],
        [parent.id, 'failed'],
      ],
    );
  });
});
