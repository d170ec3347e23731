import assert from 'node:assert/strict';
import { createByteBudget } from '../../server/session/budget.ts';
import { createLedger, type HeldDelivery, noteProgress } from '../../server/session/ledger.ts';

function createHeld(taskId: string, delivery = 1): HeldDelivery {
  return {
    taskId,
    delivery,
    timeoutMs: 0,
    isLast: false,
    isStarted: false,
    startedAt: null,
    since: Number.NaN,
    progress: null,
    isSettling: false,
    isEnding: false,
    isClosed: false,
    cancelReason: null,
    timeout: undefined,
    grace: undefined,
    place: -1,
  };
}

function createBooks(credit: number, maxBytes = 1_000, limit = 10_000) {
  const budget = createByteBudget(limit);
  const ledger = createLedger(0, maxBytes, budget, () => undefined);
  ledger.credit = credit;
  return { ledger, budget };
}

describe('createLedger()', () => {
  it('has what it holds once, whoever leaves and whoever else has it', () => {
    const { ledger } = createBooks(10);
    const other = createBooks(10).ledger;
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((id) => createHeld(id)) as [
      HeldDelivery,
      HeldDelivery,
      HeldDelivery,
      HeldDelivery,
    ];
    for (const one of [a, b, c, c]) ledger.hold(one);
    for (const one of [d, c, b]) other.hold(one);
    ledger.drop(a);
    ledger.drop(a);
    assert.deepEqual([ledger.size, other.size], [2, 3]);
    assert.deepEqual(
      [a, b, c, d].map((one) => [ledger.has(one), other.has(one)]),
      [
        [false, false],
        [true, true],
        [true, true],
        [false, true],
      ],
    );
    other.beginSettling(b);
    other.drop(c);
    assert.deepEqual([ledger.held.length, other.held.length, other.capacity().limit], [2, 2, 9]);
    ledger.drop(b);
    ledger.drop(c);
    assert.deepEqual(ledger.held, []);
  });

  it('gives room for the credit that is not held', () => {
    const { ledger } = createBooks(2);
    assert.equal(ledger.capacity().limit, 2);
    ledger.hold(createHeld('a'));
    assert.equal(ledger.capacity().limit, 1);
    ledger.hold(createHeld('b'));
    assert.equal(ledger.capacity().limit, 0);
  });

  it('frees the credit of a delivery while it settles, and takes it back when the store refuses', () => {
    const { ledger } = createBooks(1);
    const held = createHeld('a');
    ledger.hold(held);
    ledger.beginSettling(held);
    assert.equal(ledger.capacity().limit, 1);
    ledger.stopSettling(held);
    assert.equal(ledger.capacity().limit, 0);
    ledger.beginSettling(held);
    ledger.drop(held);
    assert.equal(ledger.capacity().limit, 1);
    ledger.drop(held);
    assert.equal(ledger.capacity().limit, 1);
  });

  it('counts a delivery that the server closed beside the next one of the same task', () => {
    const { ledger } = createBooks(3);
    const [first, second] = [createHeld('a', 1), createHeld('a', 2)];
    ledger.hold(first);
    ledger.hold(second);
    assert.equal(ledger.capacity().limit, 1);
    assert.deepEqual(ledger.held, [first, second]);
    ledger.drop(second);
    assert.equal(ledger.capacity().limit, 2);
    assert.deepEqual(ledger.held, [first]);
    ledger.drop(first);
    assert.deepEqual([ledger.capacity().limit, ledger.size], [3, 0]);
  });

  it('counts a delivery once that comes again while its end is under way', () => {
    const { ledger } = createBooks(2);
    const first = createHeld('a', 1);
    ledger.hold(first);
    ledger.beginSettling(first);
    ledger.hold(createHeld('a', 2));
    assert.equal(ledger.capacity().limit, 1);
    ledger.drop(first);
    assert.equal(ledger.capacity().limit, 1);
  });

  it('lowers credit for later claims only', () => {
    const { ledger } = createBooks(3);
    for (const id of ['a', 'b', 'c']) ledger.hold(createHeld(id));
    ledger.credit = 1;
    assert.equal(ledger.capacity().limit, 0);
    assert.equal(ledger.size, 3);
  });

  it('stops at its unreceipted bytes until they are receipted', () => {
    const { ledger } = createBooks(100, 1_000);
    ledger.sent(2, 400);
    ledger.sent(3, 700);
    assert.equal(ledger.capacity().limit, 0);
    assert.equal(ledger.receipt(2), true);
    assert.deepEqual(ledger.capacity(), { limit: 100, maxBytes: 300, mayExceed: false });
    assert.equal(ledger.receipt(3), true);
    assert.equal(ledger.capacity().mayExceed, true);
    assert.equal(ledger.receipt(3), false);
  });

  it('stops at the common budget, also when it owes nothing itself, and is told when there is room again', () => {
    const budget = createByteBudget(800);
    let told = 0;
    const owing = createLedger(10, 1_000, budget, () => undefined);
    const other = createLedger(10, 1_000, budget, () => undefined);
    const clean = createLedger(10, 1_000, budget, () => {
      told += 1;
    });
    owing.sent(1, 699);
    assert.equal(clean.capacity().limit, 10);
    other.sent(1, 101);
    assert.deepEqual([owing.capacity().limit, clean.capacity().limit], [0, 0]);
    other.close();
    assert.deepEqual([told, clean.capacity().limit], [1, 0]);
    owing.close();
    assert.deepEqual([told, clean.capacity().limit], [2, 10]);
    assert.deepEqual([budget.used, budget.isFull], [0, false]);
  });

  it('is given more beyond half of the common budget once it has shown that it reads, and is fed then', () => {
    const { budget, ledger } = createBooks(10, 1_000, 1_000);
    const owing = createLedger(10, 1_000, budget, () => undefined);
    owing.sent(1, 500);
    assert.equal(ledger.capacity().mayExceed, false);
    assert.equal(ledger.receipt(1), true);
    assert.equal(ledger.capacity().mayExceed, true);
    assert.equal(ledger.receipt(1), false);
  });

  it('says how it stands as it is given tasks', () => {
    const { ledger, budget } = createBooks(2, 1_000, 10_000);
    const { kind, credit, roomBytes } = ledger.standing;
    assert.deepEqual([kind, credit, roomBytes], ['free', 2, Number.POSITIVE_INFINITY]);
    const [a, b] = [createHeld('a'), createHeld('b')];
    for (const one of [a, b]) ledger.hold(one);
    assert.deepEqual([ledger.standing.kind, ledger.capacity().limit], ['full', 0]);
    ledger.beginSettling(a);
    ledger.sent(1, 300);
    assert.deepEqual(
      [ledger.standing.kind, ledger.standing.owedBytes, ledger.standing.roomBytes, ledger.capacity().maxBytes],
      ['free', 300, 700, 700],
    );
    ledger.sent(2, 700);
    assert.deepEqual([ledger.standing.kind, ledger.capacity().limit], ['unread', 0]);
    ledger.receipt(2);
    budget.add(10_000);
    assert.deepEqual([ledger.standing.kind, ledger.capacity().limit], ['budget', 0]);
  });
});

describe('noteProgress()', () => {
  it('keeps the beginning of the newest progress', () => {
    const held = createHeld('a');
    noteProgress(held, { fraction: 0.1, message: 'first' }, 1);
    noteProgress(held, { fraction: 0.2, message: 'x'.repeat(1_024) }, 2);
    assert.deepEqual(held.progress, { fraction: 0.2, message: 'x'.repeat(200), toldAt: 2 });
  });
});
