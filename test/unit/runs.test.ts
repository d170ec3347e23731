import assert from 'node:assert/strict';
import { createHeld, heldOf, noteStart } from '../../server/session/ledger.ts';
import { createDescribeRun } from '../../server/session/runs.ts';
import type { HeldTask } from '../../server/store/sessions.ts';

const DELIVERY = { taskId: 't', delivery: 3 };
const STORED: HeldTask = {
  ...{ ...DELIVERY, queue: 'q', lane: '', attempt: 1, timeoutMs: 0, isLast: false },
  ...{ claimedAt: null, isStarted: null, cancelReason: null },
};
const CLOCK = { now: () => 5_000, monotonic: () => 100 };

/** What is known of the run of a delivery that a connected client holds. */
function runOf(held: ReturnType<typeof createHeld>, lostUntil?: number) {
  const session = { clientId: 'a', session: { key: 1, epoch: 1 } };
  const holder = { held, session, isDropped: false, isOlder: false } as never;
  return createDescribeRun({ find: () => holder }, { ownerOf: () => undefined, windowOf: () => lostUntil })(DELIVERY);
}

describe('describeRun()', () => {
  it('tells since when a client runs a task that has said it', () => {
    const held = createHeld(DELIVERY, 0, false, false);
    noteStart(held, true, CLOCK);
    assert.deepEqual(runOf(held), {
      ...{ clientId: 'a', hasBegun: true, startedAt: 5_000, progress: null, lostUntil: null },
    });
  });

  it('says that a task has not begun of which that is known', () => {
    assert.equal(runOf(createHeld(DELIVERY, 0, false, false))?.hasBegun, false);
    assert.equal(runOf(heldOf({ ...STORED, isStarted: false }, CLOCK))?.hasBegun, false);
  });

  it('says that one has begun whose start an earlier process may have heard, and not since when', () => {
    const held = heldOf(STORED, CLOCK);
    assert.deepEqual([runOf(held)?.hasBegun, runOf(held)?.startedAt], [null, null]);
    noteStart(held, true, CLOCK);
    assert.deepEqual([runOf(held)?.hasBegun, runOf(held)?.startedAt], [true, null]);
  });

  it('takes what was pushed to a plain client for begun', () => {
    const held = createHeld(DELIVERY, 0, false, false);
    noteStart(held, null, CLOCK);
    assert.deepEqual([runOf(held)?.hasBegun, runOf(held)?.startedAt], [true, 5_000]);
  });

  it('leaves open whether one has begun that an earlier process left, and tells how long its client may take', () => {
    const owner = { clientId: 'b', subject: '', session: { key: 2, epoch: 1 } };
    const lost = { ownerOf: () => owner, windowOf: (key: number) => (key === 2 ? 9_000 : undefined) };
    assert.deepEqual(createDescribeRun({ find: () => undefined }, lost)(DELIVERY), {
      ...{ clientId: 'b', hasBegun: null, startedAt: null, progress: null, lostUntil: 9_000 },
    });
  });

  it('knows nothing of what another node has', () => {
    const lost = { ownerOf: () => undefined, windowOf: () => undefined };
    assert.equal(createDescribeRun({ find: () => undefined }, lost)(DELIVERY), undefined);
  });
});
