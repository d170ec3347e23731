import assert from 'node:assert/strict';
import { Subject } from 'rxjs';
import type { SessionOrder } from '../../server/dispatch/listen.ts';
import type { TaskQueue } from '../../server/dispatch/queue.ts';
import { createTimers } from '../../server/dispatch/timers.ts';
import { createAttempts } from '../../server/session/attempts.ts';
import { createHolders } from '../../server/session/holders.ts';
import { NO_JOURNAL } from '../../server/session/journal.ts';
import { createHeld, type HeldDelivery } from '../../server/session/ledger.ts';
import { MAX_EARLY, type Orders, obeyOrders } from '../../server/session/orders.ts';
import { createRoster } from '../../server/session/roster.ts';
import type { Session } from '../../server/session/session.ts';
import type { SessionSettings } from '../../server/session/settings.ts';
import { NO_STREAMS } from '../../server/session/streams.ts';
import { createFakeClock } from '../scene/clock.ts';

describe('obeyOrders()', () => {
  let orders: Orders;
  let orders$: Subject<SessionOrder>;
  let told: string[];
  let session: Session;

  beforeEach(() => {
    told = [];
    orders$ = new Subject();
    // What a session pushes for a cancel is all that is asked of it here.
    session = { cancel: (_delivery, reason) => told.push(reason) } as Partial<Session> as Session;
    const holders = createHolders(() => undefined);
    const attempts = createAttempts({
      queue: {} as TaskQueue,
      timers: createTimers(createFakeClock()),
      settings: { cancelGraceMs: 1_000 } as SessionSettings,
      random: () => 0,
      clock: createFakeClock(),
      ends: { note: () => undefined },
      holders: () => holders,
      onFatal: (error) => assert.fail(String(error)),
    });
    orders = obeyOrders({
      journal: NO_JOURNAL,
      queue: { orders$ },
      roster: createRoster(),
      holders,
      attempts,
      streams: NO_STREAMS,
      lose: assert.fail,
    });
  });

  const cancel = (taskId: string): void =>
    orders$.next({ kind: 'cancel', taskId, delivery: 1, reason: `no ${taskId}` });

  async function hold(taskId: string, delivery = 1): Promise<HeldDelivery> {
    const held = createHeld({ taskId, delivery }, 0, false, null);
    orders.held(session, held);
    await Promise.resolve();
    return held;
  }

  it('keeps a cancel that comes before its delivery, for that delivery and once', async () => {
    cancel('a');
    await hold('a', 2);
    assert.deepEqual(told, []);
    assert.equal((await hold('a')).cancelReason, 'no a');
    assert.deepEqual(told, ['no a']);
    await hold('a');
    assert.deepEqual(told, ['no a']);
  });

  it('keeps the newest of the cancels that come too early', async () => {
    for (let n = 0; n <= MAX_EARLY; n += 1) cancel(`${n}`);
    await hold('0');
    assert.deepEqual(told, []);
    await hold('1');
    await hold(`${MAX_EARLY}`);
    assert.deepEqual(told, ['no 1', `no ${MAX_EARLY}`]);
  });
});
