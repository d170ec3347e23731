import assert from 'node:assert/strict';
import { createCrowd } from '../../server/api/crowd.ts';
import type { Receiver } from '../../server/dispatch/receiver.ts';
import { createCaller, joinCallers } from '../../server/model/caller.ts';
import type { Standing, StandingKind } from '../../server/model/drawer.ts';
import { createReceiver } from '../scene/receiver.ts';

const LANE = { queue: 'q', lane: '' };

function standing(kind: StandingKind, changes: Partial<Standing> = {}): Standing {
  return { kind, credit: 2, owedBytes: 0, roomBytes: 100, ...changes };
}

function session(clientId: string, stands: Standing, queues: readonly string[] = ['q']): Receiver {
  return { ...createReceiver(1), clientId, queues, labels: { of: clientId }, standing: () => stands };
}

function callerWith(roles: readonly ('producer' | 'observer' | 'operator')[], changes = {}) {
  const rights = { roles, queues: ['*'], clients: ['*'], calls: [], serves: [], ...changes };
  return createCaller({ principal: 'p', kind: 'token', rights, expiresAt: Number.POSITIVE_INFINITY });
}

function open(receivers: readonly Receiver[], caller = callerWith(['operator'])) {
  return createCrowd({ drawersOf: () => receivers, receivers: () => receivers }, caller);
}

describe('crowd.drawersOf()', () => {
  it('counts a client once, however many sessions it has', () => {
    const drawers = open([session('a', standing('full')), session('a', standing('full'))]).drawersOf(LANE);
    assert.deepEqual(drawers, [{ ...standing('full', { credit: 4 }), clientId: 'a' }]);
  });

  for (const order of ['first', 'last']) {
    const inOrder = (...all: Receiver[]): Receiver[] => (order === 'first' ? all : all.toReversed());

    it(`takes a client with one free session for free, with the room of that one: it is ${order}`, () => {
      const free = session('a', standing('free', { owedBytes: 7, roomBytes: 50, credit: 3 }));
      const full = session('a', standing('full', { owedBytes: 90, roomBytes: 10 }));
      assert.deepEqual(open(inOrder(free, full)).drawersOf(LANE), [
        { kind: 'free', owedBytes: 7, roomBytes: 50, credit: 3, clientId: 'a' },
      ]);
    });

    it(`takes the one with more room of two that are free: it is ${order}`, () => {
      const roomy = session('a', standing('free', { roomBytes: 1_000 }));
      const narrow = session('a', standing('free', { owedBytes: 990, roomBytes: 10 }));
      assert.deepEqual(open(inOrder(roomy, narrow)).drawersOf(LANE), [
        { kind: 'free', owedBytes: 0, roomBytes: 1_000, credit: 4, clientId: 'a' },
      ]);
    });

    it(`has a client wait for what passes soonest: it is ${order}`, () => {
      const full = session('a', standing('full', { credit: 3 }));
      const [drawer] = open(inOrder(full, session('a', standing('unread')))).drawersOf(LANE);
      assert.deepEqual([drawer!.kind, drawer!.credit], ['full', 3]);
    });
  }

  it('looks at a thousand sessions of a lane, and at a few of each when it has looked at twenty thousand', () => {
    const many = Array.from({ length: 1_100 }, (_, n) => session(`c${n}`, standing('free')));
    const crowd = open(many);
    const counts = Array.from({ length: 21 }, () => crowd.drawersOf(LANE).length);
    assert.deepEqual([counts[0], counts[19], counts[20]], [1_000, 1_000, 10]);
  });
});

describe('crowd.connected()', () => {
  it('names five queues, and labels of five in 200 characters each', () => {
    const many = Array.from({ length: 7 }, (_, n) => ({
      ...session(`c${n}`, standing('free'), [`q${n}`]),
      labels: { a: `${n}${'x'.repeat(300)}` },
    }));
    const { count, clientIds, queues, labels } = open(many).connected();
    assert.deepEqual([count, clientIds.length, queues, labels.length], [7, 5, ['q0', 'q1', 'q2', 'q3', 'q4'], 5]);
    assert.deepEqual(
      labels.map(({ length }) => length),
      [200, 200, 200, 200, 200],
    );
  });
});

describe('who may be named', () => {
  const others = [session('a', standing('full'), ['q', 'secret']), session('b', standing('full'), ['other'])];
  const named = (caller: ReturnType<typeof callerWith>) => {
    const crowd = open(others, caller);
    const { count, clientIds, queues, labels } = crowd.connected();
    return { count, clientIds, queues, labels, drawers: crowd.drawersOf(LANE).map(({ clientId }) => clientId) };
  };

  it('is everybody to operators and observers of all', () => {
    for (const role of ['operator', 'observer'] as const)
      assert.deepEqual(named(callerWith([role])), {
        ...{ count: 2, clientIds: ['a', 'b'], queues: ['other', 'q', 'secret'], labels: ['of=a', 'of=b'] },
        drawers: ['a', 'b'],
      });
  });

  it('is nobody to a producer: it is told how many there are', () => {
    assert.deepEqual(named(callerWith(['producer'])), {
      ...{ count: 2, clientIds: [], queues: [], labels: [], drawers: [null, null] },
    });
  });

  it('are the clients and the queues of the caller alone', () => {
    const caller = callerWith(['observer'], { queues: ['q', 'mine-*'], clients: ['a'] });
    assert.deepEqual(named(caller), {
      ...{ count: 2, clientIds: ['a'], queues: ['q'], labels: ['of=a'], drawers: ['a', null] },
    });
  });
});

describe('crowd.visibleQueues()', () => {
  const both = joinCallers([
    callerWith(['observer'], { queues: ['mail/*'], clients: ['a*'] }),
    callerWith(['producer'], { queues: ['bank'] }),
  ]);

  it('names of a client what the right allows by which the caller sees it, and nothing of its other rights', () => {
    const queues = ['bank', 'mail/in', 'other'];
    const crowd = open([session('a', standing('free'), queues), session('b', standing('free'), queues)], both);
    assert.deepEqual(crowd.visibleQueues({ clientId: 'a', queues }), ['mail/in']);
    assert.deepEqual(crowd.connected().queues, ['mail/in']);
    assert.deepEqual(crowd.connected().clientIds, ['a']);
  });
});
