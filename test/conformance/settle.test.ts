import assert from 'node:assert/strict';
import type { Delivery, SessionRef } from '../../server/model/task.ts';
import type { Settlement, SettleOutcome } from '../../server/store/deliveries.ts';
import type { Store } from '../../server/store/store.ts';
import { newTaskId } from '../../shared/ids.ts';
import { assertLogged, textOf } from '../scene/answers.ts';
import { claim, fail, nameDelivery, openSession, settle, startTask, succeed } from '../scene/deliveries.ts';
import { stateOf, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

const HOUR = 3_600_000;

describeStores('settleTasks()', (open) => {
  it('stores the first result and its event', async () => {
    const store = await open();
    const run = await startTask(store, { metadata: { a: '1' } });
    const outcome = await settle(store, succeed(run, 'the answer'), T0 + 5);
    assert.equal(outcome.code, 'STORED');
    const { result, ...event } = outcome.event!;
    assert.equal(textOf(result), 'the answer');
    assert.deepEqual(event, {
      position: 1,
      taskId: run.taskId,
      queue: 'q',
      state: 'succeeded',
      contentType: 'text/plain',
      error: null,
      attempt: 1,
      delivery: 1,
      clientId: 'c',
      createdAt: T0,
      claimedAt: T0,
      settledAt: T0 + 5,
      metadata: { a: '1' },
      cancelRequested: false,
      parentId: null,
    });
    await assertLogged(store, outcome.event);
    const found = (await store.describeTask(run.taskId))!;
    assert.deepEqual([found.state, found.settled?.position, found.clientId], ['succeeded', 1, 'c']);
  });

  it('names the client that has the delivery, or had it, when nobody is named, however it ends', async () => {
    const store = await open();
    const opening = { clientId: 'owner' };
    const ends: Record<string, (run: Delivery & { session: SessionRef }) => Promise<SettleOutcome>> = {
      succeeded: (run) => settle(store, unnamed(succeed(run))),
      failed: (run) => settle(store, unnamed(fail(run))),
      stopped: (run) => settle(store, { ...nameDelivery(run), kind: 'stopped' }),
      released: async (run) =>
        (await store.releaseTasks([{ ...nameDelivery(run), cause: 'released', isStarted: true }], T0))[0]!,
      'lost, then succeeded': async (run) => {
        await store.endSession(run.session, [], T0);
        return settle(store, unnamed(succeed(run)));
      },
    };
    for (const [end, tell] of Object.entries(ends)) {
      const run = await startTask(store, { queue: end.replaceAll(' ', ''), maxAttempts: 1 }, opening);
      const { event } = await tell(run);
      assert.equal(event?.clientId, 'owner', end);
      assert.equal((await store.describeTask(run.taskId))!.clientId, 'owner', end);
    }
  });

  it('answers DUPLICATE to the same delivery again, whatever it says', async () => {
    const store = await open();
    const run = await startTask(store);
    const [first, second] = await store.settleTasks([succeed(run), succeed(run, 'other')], T0);
    assert.deepEqual([first!.code, second!.code], ['STORED', 'DUPLICATE']);
    assert.equal((await settle(store, fail(run))).code, 'DUPLICATE');
    assert.equal((await store.resultBounds()).newest, 1);
    assert.equal(textOf((await store.describeTask(run.taskId))!.settled!.result), 'done');
  });

  it('answers UNKNOWN for no such task, STALE for a delivery that never was', async () => {
    const store = await open();
    const run = await startTask(store);
    assert.deepEqual(await settle(store, succeed({ taskId: newTaskId(), delivery: 1 })), { code: 'UNKNOWN' });
    assert.deepEqual(await settle(store, succeed({ ...run, delivery: 2 })), { code: 'STALE' });
    assert.deepEqual(await settle(store, succeed({ ...run, delivery: 0 })), { code: 'STALE' });
    assert.equal(await stateOf(store, run.taskId), 'running');
  });

  it('fences an older delivery once the task was claimed again', async () => {
    const store = await open();
    const run = await startTask(store);
    await store.endSession(run.session, [], T0);
    const { session } = await openSession(store);
    const [again] = await claim(store, session);
    assert.equal(again!.delivery, 2);
    assert.equal((await settle(store, succeed(run))).code, 'STALE');
    assert.equal((await settle(store, succeed({ taskId: run.taskId, delivery: 2 }))).code, 'STORED');
    assert.equal((await settle(store, succeed(run))).code, 'STALE');
  });

  it('accepts a late result of the newest delivery that only a loss ended', async () => {
    const store = await open();
    const run = await startTask(store);
    await store.endSession(run.session, 'all', T0);
    assert.equal(await stateOf(store, run.taskId), 'ready');
    const { code, event } = await settle(store, succeed(run));
    assert.deepEqual([code, event!.state, event!.attempt, event!.delivery], ['STORED', 'succeeded', 1, 1]);
    const { session } = await openSession(store);
    assert.deepEqual(await claim(store, session), []);
  });

  it('burns one attempt for a late failure, not two', async () => {
    const store = await open();
    const run = await startTask(store);
    await store.endSession(run.session, 'all', T0);
    assert.equal((await settle(store, fail(run))).code, 'STORED');
    const found = (await store.describeTask(run.taskId))!;
    assert.deepEqual([found.state, found.attempt, found.lost], ['scheduled', 1, 0]);
  });

  it('schedules a retry by the policy', async () => {
    const store = await open();
    const run = await startTask(store);
    const outcome = await settle(store, fail(run, { random: 0.5 }));
    assert.deepEqual(outcome, { code: 'STORED', scheduledAt: T0 + 500 });
    const found = (await store.describeTask(run.taskId))!;
    assert.deepEqual([found.state, found.runAt, found.attempt, found.clientId], ['scheduled', T0 + 500, 1, '']);
    assert.equal((await settle(store, succeed(run))).code, 'DUPLICATE');
  });

  for (const [what, end] of Object.entries({
    'is cancelled': async (store, { taskId }) => store.cancelTasks([taskId], 'why', T0 + 1),
    'is purged': async (store) => store.purgeTasks('q', 10, 'why', T0 + 1),
    'is cancelled once it is ready again': async (store, { taskId }) => {
      await store.wakeTasks(T0 + HOUR - 1, 10);
      assert.equal(await stateOf(store, taskId), 'ready');
      await store.cancelTasks([taskId], 'why', T0 + HOUR - 1);
    },
    expires: async (store) => store.wakeTasks(T0 + HOUR, 10),
    'failed for good, is run again, and is cancelled': async (store, { taskId }) => {
      await store.redriveTasks([taskId], T0 + 1);
      await store.cancelTasks([taskId], 'why', T0 + 2);
    },
  } satisfies Record<string, (store: Store, run: Delivery) => Promise<unknown>>)) {
    it(`answers DUPLICATE to who had told a failure, and to nobody else, when the task ${what} before the next attempt`, async () => {
      const store = await open();
      const hers = { clientId: 'robot', subject: 'jwt:alice' };
      const maxAttempts = what.startsWith('failed') ? 1 : 3;
      const run = await startTask(store, { expiresAt: T0 + HOUR, maxAttempts }, hers);
      const told = { ...fail(run), clientId: 'robot' };
      assert.equal((await settle(store, { ...told, namedBy: hers })).code, 'STORED');
      await end(store, run);
      assert.match((await stateOf(store, run.taskId))!, /cancelled|expired/);
      const tellers = [
        [hers, 'DUPLICATE'],
        [{ ...hers, clientId: undefined }, 'DUPLICATE'],
        [{ ...hers, subject: '' }, 'DUPLICATE'],
        [{ ...hers, subject: 'jwt:mallory' }, 'STALE'],
        [{ ...hers, clientId: 'other' }, 'STALE'],
        [{ clientId: undefined, subject: 'jwt:mallory' }, 'STALE'],
      ] as const;
      for (const [namedBy, code] of tellers) {
        assert.equal((await settle(store, { ...told, namedBy })).code, code, JSON.stringify(namedBy));
        assert.equal((await settle(store, { ...succeed(run), namedBy })).code, code, JSON.stringify(namedBy));
      }
      assert.equal((await settle(store, { ...told, session: run.session })).code, 'STALE', 'the server itself');
      assert.equal((await store.describeTask(run.taskId))!.clientId, '', 'no client has ended the task');
      await store.deleteTasks([run.taskId]);
      assert.equal((await settle(store, { ...told, namedBy: hers })).code, 'UNKNOWN');
    });
  }

  it('gives the next attempt the next numbers', async () => {
    const store = await open();
    const run = await startTask(store);
    await settle(store, fail(run));
    await store.wakeTasks(T0 + 500, 10);
    const [again] = await claim(store, run.session);
    assert.deepEqual([again!.delivery, again!.attempt], [2, 2]);
    assert.equal((await settle(store, fail({ taskId: run.taskId, delivery: 2 }))).scheduledAt, T0 + 1_000);
  });

  it('retries after the time that the failure asks for', async () => {
    const store = await open();
    const run = await startTask(store);
    const outcome = await settle(store, fail(run, { retry: { kind: 'after', ms: 77 } }));
    assert.equal(outcome.scheduledAt, T0 + 77);
  });

  it('fails for good when the failure asks for no retry', async () => {
    const store = await open();
    const run = await startTask(store);
    const { event } = await settle(store, fail(run, { retry: { kind: 'never' } }));
    assert.deepEqual([event!.state, event!.error], ['failed', { code: 'BROKEN', message: 'it broke' }]);
    await assertLogged(store, event);
  });

  it('keeps the details of a failure, and none where there are none', async () => {
    const store = await open();
    const error = { code: 'NOT_FOUND', message: 'no', details: new Uint8Array([8, 5, 0, 255]) };
    const run = await startTask(store);
    await settle(store, fail(run, { error, retry: { kind: 'never' } }));
    const { settled } = (await store.describeTask(run.taskId))!;
    assert.deepEqual(settled!.error, error);
    const other = await startTask(store);
    await settle(store, fail(other, { retry: { kind: 'never' } }));
    const described = (await store.describeTask(other.taskId))!;
    assert.deepEqual(described.settled!.error, { code: 'BROKEN', message: 'it broke' });
  });

  it('fails for good with the last attempt', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 2 });
    await settle(store, fail(run, { retry: { kind: 'after', ms: 0 } }));
    await store.wakeTasks(T0, 10);
    await claim(store, run.session);
    const { event } = await settle(store, fail({ taskId: run.taskId, delivery: 2 }));
    assert.deepEqual([event!.state, event!.attempt, event!.delivery], ['failed', 2, 2]);
  });

  it('lets the server act only through the session row that runs it', async () => {
    const store = await open();
    const run = await startTask(store);
    const other = (await openSession(store)).session;
    for (const session of [other, { ...run.session, epoch: 9 }]) {
      assert.equal((await settle(store, { ...fail(run), session })).code, 'STALE');
    }
    const timeout = { ...fail(run), session: run.session };
    assert.equal((await settle(store, timeout)).code, 'STORED');
    // The worker's own answer comes after the server gave up on it.
    assert.equal((await settle(store, succeed(run))).code, 'STALE');
  });

  it('does not let the server end a delivery that is lost already', async () => {
    const store = await open();
    const run = await startTask(store);
    await store.endSession(run.session, 'all', T0);
    assert.equal((await settle(store, { ...fail(run), session: run.session })).code, 'STALE');
    assert.equal(await stateOf(store, run.taskId), 'ready');
  });

  it('answers STALE after the server failed it for good', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1 });
    const { event } = await settle(store, { ...fail(run), session: run.session });
    assert.equal(event!.state, 'failed');
    assert.equal((await settle(store, succeed(run))).code, 'STALE');
  });

  it('takes `stopped` without a cancel as a release', async () => {
    const store = await open();
    for (const isStarted of [true, false]) {
      const run = await startTask(store, { queue: `q${isStarted}` });
      const outcome = await settle(store, { ...nameDelivery(run), clientId: 'c', kind: 'stopped', isStarted });
      assert.deepEqual(outcome, { code: 'STORED', ready: { queue: `q${isStarted}`, lane: '' } });
      const found = (await store.describeTask(run.taskId))!;
      assert.deepEqual([found.state, found.attempt], ['ready', isStarted ? 1 : 0]);
    }
  });

  it('abandons nothing that was not cancelled', async () => {
    const store = await open();
    const run = await startTask(store);
    const abandoned = { ...nameDelivery(run), session: run.session, clientId: 'c', kind: 'abandoned' } as const;
    assert.equal((await settle(store, abandoned)).code, 'STALE');
    assert.equal(await stateOf(store, run.taskId), 'running');
  });
});

/** The same, by nobody in particular. */
function unnamed({ clientId: _clientId, ...settlement }: Settlement): Settlement {
  return settlement;
}
