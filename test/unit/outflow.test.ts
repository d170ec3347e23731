import assert from 'node:assert/strict';
import type { AnsweringCall } from '../../server/transport/answering.ts';
import type { Line } from '../../server/transport/line.ts';
import { createOutflow, type Outflow } from '../../server/transport/outflow.ts';
import { createUnread } from '../../server/transport/unread.ts';
import { silentLogger } from '../../shared/logger.ts';
import { createFakeClock, type FakeClock } from '../scene/clock.ts';

const PATIENCE = { pingIntervalMs: 1_000, slowLineBytesPerSecond: 1_000 };
const MIB = 1 << 20;
/** Each byte counts twice. */
const BUDGET = 8 * MIB;

describe('createOutflow()', () => {
  let clock: FakeClock;
  let taken: (() => void)[];
  let listeners: Map<string, () => void>;
  let isOver: boolean;
  let stuckCount: number;
  let line: Line;
  let out: Outflow<string>;
  let outflowOf: (name: string) => Outflow<string>;
  let dropped: string[];

  beforeEach(() => {
    clock = createFakeClock();
    taken = [];
    listeners = new Map();
    isOver = false;
    stuckCount = 0;
    line = { isFull: false, leftBytes: 0 };
    const call = {
      write: (_message: string, callback: () => void) => taken.push(callback) > 0,
      on: (event: string, listener: () => void) => listeners.set(event, listener),
    };
    dropped = [];
    const unread = createUnread({ budgetBytes: BUDGET, monotonic: clock.monotonic, logger: silentLogger });
    outflowOf = (name) =>
      createOutflow({
        call: call as unknown as AnsweringCall<string>,
        isOver: () => isOver,
        clock,
        patience: PATIENCE,
        line: () => line,
        onStuck: () => {
          stuckCount += 1;
        },
        unread,
        onDrop: () => dropped.push(name),
      });
    out = outflowOf('first');
  });

  const takeOne = (): void => taken.shift()?.();

  it('has room for 15 messages, and again once one of 16 was taken', async () => {
    for (let n = 0; n < 15; n += 1) assert.equal(out.write('x', 10), true);
    assert.equal(out.write('x', 10), false);
    const room = out.hasRoom();
    takeOne();
    assert.equal(await room, true);
  });

  it('has one timer, however much is written, and none once all is taken', () => {
    for (let n = 0; n < 100; n += 1) {
      out.write('x', 10);
      if (n > 5) takeOne();
    }
    assert.equal(clock.pending, 1);
    while (taken.length > 0) takeOne();
    clock.advance(3_000);
    assert.equal(clock.pending, 0);
  });

  it('ends a reader that takes nothing of one small message, although there is room', () => {
    out.write('x', 100);
    clock.advance(3_000 + 100 + 51);
    assert.equal(stuckCount, 1);
  });

  it('has less room while half of what is for all readers is used', async () => {
    const other = outflowOf('second');
    for (const one of [out, other]) one.write('x', MIB);
    assert.equal(outflowOf('third').write('x', 65_535), true);
    assert.equal(outflowOf('fourth').write('x', 65_536), false);
    takeOne();
    assert.equal(outflowOf('fifth').write('x', MIB / 2), true);
  });

  it('drops those that have taken nothing for longest, beyond what is for all of them, at the write that is too much', () => {
    const others = ['second', 'third', 'fourth', 'fifth'].map(outflowOf);
    out.write('x', MIB - 1_000);
    for (const other of others.slice(0, 3)) {
      clock.advance(1);
      other.write('x', MIB - 1_000);
    }
    assert.deepEqual(dropped, []);
    // The first one takes something, so it has stood still for less time than the others.
    clock.advance(1);
    takeOne();
    out.write('x', MIB - 1_000);
    clock.advance(1);
    others[3]!.write('x', MIB - 1_000);
    // And room for more than one message.
    assert.deepEqual(dropped, ['second', 'third']);
    // What those held is counted once, also if their messages are told to be over afterwards.
    while (taken.length > 0) takeOne();
    for (const one of [out, others[2]!, others[3]!, outflowOf('sixth')]) one.write('x', MIB - 1_000);
    assert.equal(dropped.length, 2);
    outflowOf('seventh').write('x', MIB - 1_000);
    assert.deepEqual(dropped.slice(2), ['first', 'fourth']);
  });

  it('has room for 1 MiB', async () => {
    assert.equal(out.write('x', MIB - 1), true);
    assert.equal(out.write('x', 1), false);
    const room = out.hasRoom();
    takeOne();
    assert.equal(await room, true);
  });

  it('ends a reader that takes nothing for three intervals and the time of the message it is at', async () => {
    out.write('x', MIB);
    const room = out.hasRoom();
    clock.advance(3_000 + (1_000 * MIB) / 1_000 - 1);
    assert.equal(stuckCount, 0);
    // A twentieth of an interval: it may have taken something that we have not heard of yet.
    clock.advance(51);
    assert.equal(stuckCount, 1);
    assert.equal(await room, false);
  });

  it('does not end one that takes something now and then', async () => {
    for (let n = 0; n < 20; n += 1) out.write('x', 100);
    const room = out.hasRoom();
    for (let n = 0; n < 5; n += 1) {
      clock.advance(3_000);
      takeOne();
    }
    assert.equal(await room, true);
    assert.equal(stuckCount, 0);
  });

  it('does not end one for as long as others take what their full connection carries', async () => {
    for (let n = 0; n < 16; n += 1) out.write('x', 1_000);
    const room = out.hasRoom();
    for (let n = 1; n <= 30; n += 1) {
      line = { isFull: true, leftBytes: 1_000 * n };
      clock.advance(1_000);
    }
    assert.equal(stuckCount, 0);
    // It moves no more: what has left bought its time.
    clock.advance(3_000 + 1_000 + 51);
    assert.equal(stuckCount, 1);
    assert.equal(await room, false);
  });

  it('ends one that takes nothing while its connection has room, whatever others take', () => {
    for (let n = 0; n < 16; n += 1) out.write('x', 1_000);
    void out.hasRoom();
    line = { isFull: false, leftBytes: 100 * MIB };
    clock.advance(3_000 + 1_000 + 51);
    assert.equal(stuckCount, 1);
  });

  it('does not end one for a pause of the process', async () => {
    out.write('x', MIB);
    const room = out.hasRoom();
    clock.block(10_000_000);
    takeOne();
    assert.equal(await room, true);
    clock.advance(10_000_000);
    assert.equal(stuckCount, 0);
  });

  it('says that there is no room in a call that is over', async () => {
    out.write('x', MIB);
    const room = out.hasRoom();
    listeners.get('cancelled')?.();
    assert.equal(await room, false);
    assert.equal(clock.pending, 0);
    isOver = true;
    assert.equal(out.write('x', 1), false);
    assert.equal(await out.hasRoom(), false);
    assert.equal(taken.length, 1);
  });
});
