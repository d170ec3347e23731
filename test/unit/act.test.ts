import assert from 'node:assert/strict';
import { type ActRecord, isActFor, isTogether, joinActs, type NewAct, recordOf } from '../../server/model/act.ts';
import { ANONYMOUS, type Caller, createCaller, joinCallers } from '../../server/model/caller.ts';

const act = (given: Partial<NewAct> = {}) =>
  recordOf({ kind: 'tasks_cancelled', at: 1_000, by: 'token:ops', ...given });
const kept = (given: Partial<NewAct> = {}): ActRecord => ({ ...act(given), number: 1 });

describe('isTogether()', () => {
  it('is what the same one did to the same, of the same kind, within a minute of the first', () => {
    const first = act({ queue: 'q' });
    assert.equal(isTogether(first, act({ queue: 'q', at: 60_999, reason: 'another', taskId: 't' })), true);
    for (const other of [
      act({ queue: 'q', at: 61_000 }),
      act({ queue: 'r' }),
      act({ queue: 'q', by: 'token:web' }),
      act({ queue: 'q', kind: 'tasks_deleted' }),
      act({ queue: 'q', limits: { maxWaiting: 1, maxRunning: 0 } }),
    ]) {
      assert.equal(isTogether(first, other), false, JSON.stringify(other));
    }
    assert.equal(isTogether({ ...first, at: 50_000 }, act({ queue: 'q', at: 61_500 })), false);
  });
});

describe('joinActs()', () => {
  it('counts, spans, and has the newest reason that was given and the newest tasks', () => {
    const ids = Array.from({ length: 9 }, (_, n) => `old ${n}`);
    const before = { ...act({ reason: 'why', count: 9 }), taskIds: ids };
    const joined = joinActs(before, { ...act({ at: 2_000, taskId: 'new' }), taskIds: ['newer', 'new'], count: 2 });
    assert.deepEqual([joined.firstAt, joined.at, joined.count, joined.reason], [1_000, 2_000, 11, 'why']);
    assert.deepEqual(joined.taskIds, ['newer', 'new', ...ids.slice(0, 8)]);
    assert.equal(joinActs(before, act({ reason: 'other' })).reason, 'other');
  });
});

describe('isActFor()', () => {
  const operator = (rights: { queues?: string[]; clients?: string[] }, principal = 'token:ops'): Caller =>
    createCaller({
      ...{ principal, kind: 'token', expiresAt: Number.POSITIVE_INFINITY },
      rights: { roles: ['operator'], queues: [], clients: [], calls: [], serves: [], ...rights },
    });

  it('tells operators of a queue what was done to it, and to no other', () => {
    const ofMail = operator({ queues: ['mail/*'] });
    assert.equal(isActFor(kept({ queue: 'mail/in', by: 'token:other' }), ofMail), true);
    // Neither what they did themselves, while they were allowed to.
    assert.equal(isActFor(kept({ queue: 'bank' }), ofMail), false);
  });

  it('tells operators of a client what was done to it, and to no other', () => {
    const ofRobots = operator({ queues: ['*'], clients: ['robot-*'] });
    assert.equal(isActFor(kept({ kind: 'client_drained', clientId: 'robot-7' }), ofRobots), true);
    assert.equal(isActFor(kept({ kind: 'client_drained', clientId: 'laptop' }), ofRobots), false);
  });

  it('tells of what is about neither to who may do everything, and to who did it', () => {
    const created = kept({ kind: 'credential_created', credential: { id: 'x', principal: 'token:web' } });
    assert.equal(isActFor(created, ANONYMOUS), true);
    assert.equal(isActFor(created, operator({ queues: ['*'] })), true);
    assert.equal(isActFor(created, operator({ queues: ['*'], clients: ['*'] }, 'token:other')), false);
    assert.equal(isActFor(kept({ kind: 'backed_up' }), operator({ queues: ['*'] }, 'token:other')), false);
  });

  it('tells by one of several grants as a whole', () => {
    const worker = createCaller({
      ...{ principal: 'jwt:a', kind: 'jwt', expiresAt: Number.POSITIVE_INFINITY },
      rights: { roles: ['worker'], queues: ['bank'], clients: [], calls: [], serves: [] },
    });
    const both = joinCallers([worker, operator({ queues: ['mail'] }, 'jwt:a')]);
    assert.equal(isActFor(kept({ queue: 'mail' }), both), true);
    assert.equal(isActFor(kept({ queue: 'bank' }), both), false);
  });
});
