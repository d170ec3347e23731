import assert from 'node:assert/strict';
import { createTimers } from '../../server/dispatch/timers.ts';
import { createBrake } from '../../server/session/brake.ts';
import { createByteBudget } from '../../server/session/budget.ts';
import type { SessionEvent } from '../../server/session/outlet.ts';
import { createSession, type Session } from '../../server/session/session.ts';
import type { SessionOptions } from '../../server/session/sessiontypes.ts';
import { createFakeClock, type FakeClock } from '../scene/clock.ts';

const PING_MS = 1_000;
const BUDGET_BYTES = 2 << 20;

describe('createSession()', () => {
  let clock: FakeClock;
  let events: SessionEvent['kind'][];
  let session: Session;
  let isLost: boolean;
  let hasRoom: boolean;
  let onDrain: () => void;
  /** What the socket has not taken yet, and whether it takes what is sent at once. */
  let untaken: (() => void)[];
  let isTaking: boolean;
  let kept: number;
  let open: () => Session;

  /** As the registry does. */
  function watch(): void {
    const ms = session.checkLiveness();
    if (ms === null) isLost = true;
    else clock.after(ms, watch);
  }

  type Task = Parameters<Session['push']>[0][0];

  function taskOf(bytes: number): Task {
    return { id: 't', delivery: 1, payload: Buffer.alloc(bytes), metadata: {}, timeoutMs: 0 } as unknown as Task;
  }

  /** Says something now and then, and gives no receipt. */
  function speakFor(intervals: number): void {
    for (let n = 0; n < 2 * intervals && !isLost; n += 1) {
      clock.advance(PING_MS / 2);
      session.touch();
    }
  }

  beforeEach(() => {
    clock = createFakeClock();
    events = [];
    isLost = false;
    kept = 0;
    hasRoom = true;
    untaken = [];
    isTaking = true;
    const settings = { pingIntervalMs: PING_MS, slowLineBytesPerSecond: 8_192, maxUnreceiptedBytes: 1 << 20 };
    const options = {
      ref: { key: 1, epoch: 1 },
      clientId: 'c',
      queues: ['q'],
      labels: {},
      outlet: {
        peer: '',
        send(_seq: number, event: SessionEvent, onTaken?: () => void) {
          events.push(event.kind);
          if (onTaken && isTaking && hasRoom) onTaken();
          else if (onTaken) untaken.push(onTaken);
          return hasRoom;
        },
        onDrain: (listener: () => void) => {
          onDrain = listener;
        },
        end: () => {},
      },
      budget: createByteBudget(BUDGET_BYTES),
      settings,
      brake: createBrake(createTimers(clock), () => undefined),
      monotonic: clock.monotonic,
      maxSeq: 200,
      onCapacity: () => undefined,
      onHeld: () => undefined,
    } as unknown as SessionOptions;
    open = () => createSession(options, {} as Session['liveness']);
    session = open();
    session.pair({ isOver: () => false, end: () => undefined, keep: () => kept++ });
    clock.after(PING_MS, watch);
  });

  it('is pinged when it is silent, and lost after three intervals', () => {
    clock.advance(PING_MS);
    assert.deepEqual(events, ['ping']);
    clock.advance(2 * PING_MS - 1);
    assert.equal(isLost, false);
    clock.advance(PING_MS / 10 + 1);
    assert.equal(isLost, true);
  });

  it('lives on with any sign of life', () => {
    for (let n = 0; n < 10; n += 1) {
      clock.advance(2 * PING_MS);
      session.touch();
    }
    assert.equal(isLost, false);
  });

  it('has as much time to be heard as the process stood still', () => {
    clock.advance(PING_MS);
    clock.block(5 * PING_MS);
    // It was due an interval after the ping.
    clock.advance(4 * PING_MS);
    assert.equal(isLost, false);
    clock.advance(PING_MS / 10);
    assert.equal(isLost, true);
  });

  it('lives when it was heard after that', () => {
    clock.advance(PING_MS);
    clock.block(5 * PING_MS);
    clock.advance(2 * PING_MS);
    session.touch();
    clock.advance(PING_MS);
    assert.equal(isLost, false);
  });

  it('is pinged also when it speaks all the time and is told nothing', () => {
    for (let n = 0; n < 100; n += 1) {
      clock.advance(PING_MS / 10);
      session.touch();
    }
    assert.ok(events.length >= 9 && events.length <= 11, `${events.length} pings in ten intervals`);
    assert.ok(kept >= 2, `its status stream was kept ${kept} times`);
    assert.equal(isLost, false);
  });

  it('is pinged also when it is plain and answers nothing, unless its socket is full', () => {
    session = open();
    clock.advance(10 * PING_MS);
    assert.deepEqual([...new Set(events)], ['ping']);
    assert.ok(events.length >= 9 && events.length <= 11, `${events.length} pings in ten intervals`);
    hasRoom = false;
    session.push([taskOf(1)]);
    const { length } = events;
    clock.advance(2 * PING_MS);
    assert.equal(events.length, length);
  });

  it('is looked at twice each time that it reads nothing, when it is plain', () => {
    session = open();
    const patience = 3 * PING_MS + (1_000 * (1 << 20)) / 8_192;
    const standStill = (): void => {
      hasRoom = false;
      session.send({ kind: 'ping' });
      clock.advance(patience);
    };
    standStill();
    hasRoom = true;
    onDrain();
    clock.advance(PING_MS);
    standStill();
    clock.advance(PING_MS / 10);
    assert.equal(isLost, false);
    clock.advance(PING_MS / 10);
    assert.equal(isLost, true);
  });

  it('is lost when its receipts are overdue, whatever else it says, and sooner when the budget is full', () => {
    const push = () => session.push([taskOf(1 << 19)]);
    push();
    session.receipt(1);
    push();
    speakFor(10);
    assert.equal(isLost, false);
    push();
    push();
    speakFor(10);
    assert.equal(isLost, false);
    push();
    speakFor(10);
    assert.equal(isLost, true);
  });

  it('is lost sooner beyond half of the budget already when it never gave a receipt', () => {
    for (let n = 0; n < 2; n += 1) session.push([taskOf(1 << 19)]);
    speakFor(10);
    assert.equal(isLost, true);
  });

  for (const isRoomLeft of [false, true]) {
    it(`has seen nothing that no socket has taken, where its stream has ${isRoomLeft ? '' : 'no '}room`, () => {
      const take = (): void => untaken.shift()!();
      isTaking = false;
      hasRoom = isRoomLeft;
      session.push([taskOf(1 << 19)]);
      session.receipt(1);
      assert.ok(session.ledger.unreceiptedBytes > 0);
      session.push([taskOf(1)]);
      take();
      assert.ok(session.ledger.unreceiptedBytes > 0, 'what was sent later is not seen');
      session.receipt(2 ** 32 - 1);
      assert.ok(session.ledger.unreceiptedBytes > 0, 'what was sent later has not left');
      take();
      assert.equal(session.ledger.unreceiptedBytes, 0);
      session.push([taskOf(1)]);
      take();
      assert.ok(session.ledger.unreceiptedBytes > 0, 'a receipt is for what was sent before it');
    });
  }

  it('is over, to be taken up at once, long before its numbers are used up', () => {
    for (let n = 0; n < 199; n += 1) session.send({ kind: 'ping' });
    session.touch();
    assert.notEqual(session.checkLiveness(), null);
    session.send({ kind: 'ping' });
    assert.equal(session.checkLiveness(), null);
    assert.deepEqual(session.endReason.advice, { reason: 'EXHAUSTED', retry: 'now' });
  });

  it('is silent where a look finds nothing else', () => {
    assert.equal(session.endReason.advice?.reason, 'SILENT');
  });

  it('stands as what keeps it from more, first what ends only by an act', () => {
    const { brake } = session.options;
    session.ledger.credit = 3;
    assert.deepEqual([session.standing().kind, session.standing().credit], ['free', 3]);
    brake.gaveBack();
    assert.equal(session.standing().kind, 'gives_back');
    session.isOverdue = true;
    assert.equal(session.standing().kind, 'overdue');
    hasRoom = false;
    session.send({ kind: 'ping' });
    assert.equal(session.standing().kind, 'unread');
    session.drain(true);
    assert.equal(session.standing().kind, 'drained');
    assert.equal(session.capacity().limit, 0);
  });
});
