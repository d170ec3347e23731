import assert from 'node:assert/strict';
import type { Drawer, StandingKind } from '../../server/model/drawer.ts';
import { explainQueue, explainWaiting, type Party, type Situation } from '../../server/model/waiting.ts';
import { describeReason, describeWaiting } from '../../server/model/waitingtext.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const SOON = NOW + 60_000;

const NOBODY: Party = { count: 0, clientIds: [], queues: [], labels: [] };
const PARIS: Party = { count: 2, clientIds: ['a', 'b'], queues: ['x', 'y'], labels: ['site=paris', ''] };

/** A task that is ready, that somebody may take and nobody is before. */
const READY: Situation = {
  ...{ state: 'ready', queue: 'q', lane: '', isCall: false, bytes: 10, runAt: null, attempt: 0, lastError: null },
  ...{ isShuttingDown: false, trouble: '', isPaused: false, maxRunning: 0, running: 0 },
  ...{ drawers: [drawer('free')], serving: PARIS, connected: PARIS },
};

function drawer(kind: StandingKind, clientId: string | null = kind): Drawer {
  return { kind, clientId, credit: 2, owedBytes: 0, roomBytes: Number.POSITIVE_INFINITY };
}

const run = (changes: Partial<NonNullable<Situation['run']>> = {}): Partial<Situation> => ({
  state: 'running',
  run: { clientId: 'a', hasBegun: false, startedAt: null, progress: null, lostUntil: null, ...changes },
});

const begun = (changes: Partial<NonNullable<Situation['run']>>): Partial<Situation> =>
  run({ hasBegun: true, startedAt: NOW - 12_000, ...changes });

const progress = { fraction: 0.4, message: 'halves\nof it', toldAt: NOW - 3_000 };

/** Every situation: what is different about it, the kinds of its reasons in their order, and the words. */
const SITUATIONS: readonly (readonly [string, Partial<Situation>, string, string])[] = [
  ['next', {}, 'turn', 'its turn'],
  ['next, counted', { ahead: { count: 0, isAtLeast: false } }, 'turn', 'its turn: it is next'],
  ['behind one', { ahead: { count: 1, isAtLeast: false } }, 'turn', 'its turn: 1 other is before it'],
  [
    'behind many',
    { ahead: { count: 1_000, isAtLeast: true } },
    'turn',
    'its turn: at least 1,000 others are before it',
  ],
  [
    'server going',
    { isShuttingDown: true },
    'shutting_down',
    'the server to be back: it is shutting down and gives out nothing more',
  ],
  ['no room', { trouble: 'the disk is full' }, 'store', 'the server to write again: the disk is full'],
  ['paused', { isPaused: true }, 'paused', 'the queue q to be resumed: it is paused'],
  ['delayed', { state: 'scheduled', runAt: SOON }, 'delayed', 'its time, 2026-01-01T12:01:00.000Z'],
  [
    'backing off',
    { state: 'scheduled', runAt: SOON, attempt: 2, lastError: 'boom\x1b[31m' },
    'retry',
    'a retry at 2026-01-01T12:01:00.000Z, after 2 failed attempts, the last: boom [31m',
  ],
  [
    'backing off without a word',
    { state: 'scheduled', runAt: SOON, attempt: 1 },
    'retry',
    'a retry at 2026-01-01T12:01:00.000Z, after 1 failed attempt',
  ],
  ['held by its broadcast', { state: 'scheduled' }, 'broadcast', 'its broadcast to be complete'],
  ['a broadcast', { lane: 'p:', isPaused: true, drawers: [] }, 'children', 'its children'],
  [
    'its client went',
    { lane: 'c:berlin', drawers: [], target: { isConnected: false, lastSeenAt: NOW - 1_000, queues: [] } },
    'client_absent',
    'client berlin, which is not connected since 2026-01-01T11:59:59.000Z',
  ],
  [
    'its client never came',
    { lane: 'c:berlin', drawers: [], target: { isConnected: false, lastSeenAt: null, queues: [] } },
    'client_absent',
    'client berlin, which is not connected and not remembered',
  ],
  [
    'its client is none of who asks',
    { lane: 'c:berlin', drawers: [] },
    'client_absent',
    'client berlin, which is not connected or does not serve the queue q',
  ],
  [
    'its client is elsewhere',
    { lane: 'c:berlin', drawers: [], target: { isConnected: true, lastSeenAt: null, queues: ['x', 'y'] } },
    'client_elsewhere',
    'client berlin, which is connected but does not serve the queue q; it serves x, y',
  ],
  [
    'a call whose client is away',
    {
      ...{ lane: 'c:berlin', drawers: [], queue: 'shop.Till/Open', isCall: true },
      target: { isConnected: true, lastSeenAt: null, queues: [] },
    },
    'client_elsewhere',
    'client berlin, which is connected but does not serve the method shop.Till/Open',
  ],
  [
    'nobody is there',
    { drawers: [], serving: NOBODY, connected: NOBODY },
    'not_served',
    'a client: none that is connected serves the queue q; no client is connected',
  ],
  [
    'all who are there serve others',
    { drawers: [], serving: NOBODY },
    'not_served',
    'a client: none that is connected serves the queue q; 2 clients (a, b) serve others: x, y',
  ],
  [
    'all who are there serve others that are not to be named',
    { drawers: [], serving: NOBODY, connected: { ...PARIS, clientIds: [], queues: [] } },
    'not_served',
    'a client: none that is connected serves the queue q; 2 clients serve others',
  ],
  [
    'nobody serves, and a selector',
    { lane: 's:site=oslo', drawers: [], serving: NOBODY, connected: NOBODY },
    'not_served',
    'a client that matches site=oslo: none that is connected serves the queue q; no client is connected',
  ],
  [
    'nobody matches',
    { lane: 's:site=oslo', drawers: [] },
    'no_match',
    'a client that matches site=oslo: the 2 clients (a, b) of the queue q do not, with site=paris; no labels',
  ],
  [
    'all are drained',
    { drawers: [drawer('drained', 'a'), drawer('drained', 'b')] },
    'drained',
    'a client that is not drained: each of the 2 clients that may take it (a, b) is drained',
  ],
  [
    'one does not read',
    { drawers: [drawer('unread', null)] },
    'unread',
    'a client that reads: the one client that may take it has not read what was sent',
  ],
  [
    'one has no room for its size',
    { drawers: [{ ...drawer('free', 'a'), owedBytes: 500, roomBytes: 9 }] },
    'unread',
    'a client that reads: the one client that may take it (a) has not read what was sent',
  ],
  [
    'one does not end',
    { drawers: [drawer('overdue', 'a')] },
    'overdue',
    'a client that answers: the one client that may take it (a) has an attempt that did not end in time',
  ],
  ['the limit of its queue', { maxRunning: 3, running: 3 }, 'limit', 'a place in the queue q: 3 of at most 3 run'],
  ['below the limit of its queue', { maxRunning: 3, running: 2 }, 'turn', 'its turn'],
  [
    'one gives back',
    { drawers: [drawer('gives_back', 'a')] },
    'gives_back',
    'a client that works: the one client that may take it (a) has given tasks back with nothing done',
  ],
  [
    'the budget',
    { drawers: [{ ...drawer('free', 'a'), roomBytes: 9 }] },
    'budget',
    'the server to send more: all that it may have sent and unread is, the one client that may take it (a) waits',
  ],
  [
    'all are full',
    { drawers: [drawer('full', 'a'), drawer('full', 'b')], ahead: { count: 4, isAtLeast: false } },
    'full turn',
    'credit: each of the 2 clients that may take it (a, b) holds all that it may, 4 together; also its turn: 4 others are before it',
  ],
  [
    'one asks for none',
    { drawers: [{ ...drawer('full', 'a'), credit: 0 }] },
    'full',
    'credit: the one client that may take it (a) asks for no tasks now',
  ],
  ['claimed', run(), 'claimed', 'on a, which has it and has not said that it began'],
  [
    'claimed, and perhaps begun',
    run({ hasBegun: null }),
    'claimed',
    'on a, which has it; whether it has begun is not known',
  ],
  [
    'claimed, and tells',
    run({ progress }),
    'claimed',
    'on a, which has it and has not said that it began, 40 % halves of it told 3 s ago',
  ],
  ['running', begun({}), 'running', 'on a for 12 s'],
  ['running since a time that is not known', begun({ startedAt: null }), 'running', 'on a, since when is not known'],
  [
    'running since some time, and tells',
    begun({ startedAt: null, progress }),
    'running',
    'on a, since when is not known, 40 % halves of it told 3 s ago',
  ],
  ['running, and tells', begun({ progress }), 'running', 'on a for 12 s, 40 % halves of it told 3 s ago'],
  [
    'lost',
    begun({ startedAt: NOW - 300_000, lostUntil: SOON }),
    'lost',
    'on a for 5 min, whose connection was lost: it may come back until 2026-01-01T12:01:00.000Z, then others get the task',
  ],
  ['settled', { state: 'succeeded' }, '', ''],
];

/** Several at once: what somebody has to do comes first. */
const ORDERED: readonly (readonly [string, Partial<Situation>, string])[] = [
  [
    'everything',
    { isShuttingDown: true, trouble: 'full', isPaused: true, maxRunning: 1, running: 1, drawers: [] },
    'shutting_down store paused not_served limit',
  ],
  ['paused and delayed', { isPaused: true, state: 'scheduled', runAt: SOON }, 'paused delayed'],
  ['delayed and not served', { state: 'scheduled', runAt: SOON, drawers: [], serving: NOBODY }, 'delayed not_served'],
  ['delayed, and who may take it is full', { state: 'scheduled', runAt: SOON, drawers: [drawer('full')] }, 'delayed'],
  [
    'backing off, and all are drained',
    { state: 'scheduled', runAt: SOON, attempt: 1, drawers: [drawer('drained')] },
    'retry drained',
  ],
  ['the limit, and all are drained', { maxRunning: 1, running: 1, drawers: [drawer('drained')] }, 'drained limit'],
  [
    'the limit, and one of two is drained',
    { maxRunning: 1, running: 1, drawers: [drawer('drained'), drawer('full')] },
    'limit drained full',
  ],
  ['one drained, one full', { drawers: [drawer('full'), drawer('drained')] }, 'drained full'],
  [
    'one of each',
    {
      drawers: (['full', 'budget', 'gives_back', 'overdue', 'unread', 'drained'] as const).map((kind) => drawer(kind)),
    },
    'unread overdue drained gives_back budget full',
  ],
  ['one is free', { drawers: [drawer('full'), drawer('free'), drawer('drained')] }, 'turn'],
  ['paused, and behind others', { isPaused: true, ahead: { count: 2, isAtLeast: false } }, 'paused turn'],
];

const kindsOf = (changes: Partial<Situation>): string =>
  explainWaiting({ ...READY, ...changes })
    .map(({ kind }) => kind)
    .join(' ');

describe('explainWaiting()', () => {
  for (const [name, changes, kinds, words] of SITUATIONS) {
    it(`says why: ${name}`, () => {
      const reasons = explainWaiting({ ...READY, ...changes });
      assert.equal(reasons.map(({ kind }) => kind).join(' '), kinds);
      assert.equal(describeWaiting(reasons, NOW), words);
    });
  }

  for (const [name, changes, kinds] of ORDERED) {
    it(`names first what somebody has to do: ${name}`, () => assert.equal(kindsOf(changes), kinds));
  }

  it('names five clients and counts all', () => {
    const drawers = Array.from({ length: 7 }, (_, n) => drawer('drained', `c${n}`));
    const [reason] = explainWaiting({ ...READY, drawers });
    assert.deepEqual([reason!.clientIds?.length, reason!.count, reason!.of], [5, 7, 7]);
    assert.match(describeReason(reason!, NOW), /each of the 7 clients .* \(c0, c1, c2, c3, c4, …\) is drained$/);
  });

  it('cuts the words of others', () => {
    const [reason] = explainWaiting({ ...READY, trouble: 'x'.repeat(10_000) });
    assert.ok(describeReason(reason!, NOW).length < 300);
  });
});

describe('explainQueue()', () => {
  it('names each kind once, in the order of tasks', () => {
    const heads = [{}, { maxRunning: 1, running: 1 }, { lane: 'c:x', drawers: [] }, { lane: 'c:y', drawers: [] }];
    const reasons = explainQueue(heads.map((changes) => explainWaiting({ ...READY, ...changes })));
    assert.deepEqual(
      reasons.map(({ kind, clientIds }) => `${kind} ${clientIds ?? ''}`.trim()),
      ['client_absent x', 'limit', 'turn'],
    );
  });
});
