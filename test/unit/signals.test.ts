import assert from 'node:assert/strict';
import type { Request } from '../../server/store/request.ts';
import { type Signal, signalsOf } from '../../server/store/signals.ts';
import { createBroadcast, createTask } from '../scene/tasks.ts';

const LANE = { queue: 'q', lane: '' };
const SETTLE: Request = { kind: 'settle', settlements: [], now: 100 };

function planning(request: Request, answer: unknown): readonly Signal[] {
  return signalsOf(request, answer, 'committed');
}

describe('signalsOf()', () => {
  it('tells the lanes of an insert once, and the first of its instants', () => {
    const tasks = [createTask({ runAt: 30 }), createTask({ expiresAt: 20 }), createTask({ queue: 'p' })];
    assert.deepEqual(
      planning({ kind: 'insert', tasks, now: 0 }, []).map((signal) => {
        return signal.kind === 'inserted' ? signal.lanes.map(({ queue }) => queue) : signal;
      }),
      [['q', 'p'], { kind: 'due', at: 20 }],
    );
  });

  it('tells when what backs off is due, or expires before that', () => {
    const backsOff = { code: 'STORED', scheduledAt: 900 };
    assert.deepEqual(planning(SETTLE, [backsOff]).at(-1), { kind: 'due', at: 900 });
    assert.deepEqual(planning(SETTLE, [{ ...backsOff, expiresAt: 500 }]).at(-1), { kind: 'due', at: 500 });
  });

  it('has a look at what came back, which may be past its expiry', () => {
    assert.deepEqual(planning(SETTLE, [{ code: 'STORED', ready: LANE }]), [
      { kind: 'runsEnded' },
      { kind: 'ready', lanes: [LANE] },
      { kind: 'due', at: 100 },
    ]);
  });

  it('says nothing of a broadcast that is filling or was there', () => {
    const request: Request = {
      kind: 'insertBroadcast',
      parent: createBroadcast([]).parent,
      children: [createTask()],
      now: 0,
      filledBy: null,
    };
    assert.equal(planning(request, { id: '', deduplicated: false }).length, 1);
    assert.equal(planning(request, { id: '', deduplicated: true }).length, 0);
    assert.equal(planning({ ...request, filledBy: 'n' }, { id: '', deduplicated: false }).length, 0);
  });

  it('tells results only once they are on disk, the parent of a broadcast after its child', () => {
    const answer = [{ code: 'STORED', event: { position: 1 }, parent: { position: 2 } }];
    assert.deepEqual(planning(SETTLE, answer), [{ kind: 'runsEnded' }]);
    assert.deepEqual(signalsOf(SETTLE, answer, 'durable'), [
      { kind: 'settled', records: [{ position: 1 }, { position: 2 }] },
      { kind: 'changed', tasks: [] },
    ]);
  });

  it('leaves a result that has no position yet to whoever numbers it', () => {
    const numbered = { code: 'STORED', event: { position: 7 } };
    const unnumbered = { code: 'STORED', event: { position: null }, parent: { position: null } };
    const records = (answer: unknown) =>
      signalsOf(SETTLE, answer, 'durable').flatMap((signal) => (signal.kind === 'settled' ? signal.records : []));
    assert.deepEqual(records([unnumbered, numbered]), [{ position: 7 }]);
    assert.deepEqual(
      signalsOf(SETTLE, [unnumbered], 'durable').map(({ kind }) => kind),
      ['changed'],
    );
  });
});
