import assert from 'node:assert/strict';
import type { AnsweringCall } from '../../server/transport/answering.ts';
import type { Line } from '../../server/transport/line.ts';
import { createOutflow, type Outflow } from '../../server/transport/outflow.ts';
import { createManualClock, type ManualClock } from './client-clock.ts';

const PATIENCE = { pingIntervalMs: 1_000, slowLineBytesPerSecond: 1_000 };
const MIB = 1 << 20;

describe('createOutflow()', () => {
  let clock: ManualClock;
  let taken: (() => void)[];
  let listeners: Map<string, () => void>;
  let isOver: boolean;
  let stuckCount: number;
  let line: Line;
  let out: Outflow<string>;

  beforeEach(() => {
    clock = createManualClock();
    taken = [];
    listeners = new Map();
    isOver = false;
    stuckCount = 0;
    line = { isFull: false, leftBytes: 0 };
    const call = {
      write: (_message: string, callback: () => void) => taken.push(callback) > 0,
      on: (event: string, listener: () => void) => listeners.set(event, listener),
    };
    out = createOutflow({
      call: call as unknown as AnsweringCall<string>,
      isOver: () => isOver,
      clock,
      patience: PATIENCE,
      line: () => line,
      onStuck: () => {
        stuckCount += 1;
      },
    });
  });

  const takeOne = (): void => taken.shift()?.();

  it('has room for 15 messages, and again once one of 16 was taken', async () => {
    for (let n = 0; n < 15; n += 1) assert.equal(out.write('x', 10), true);
    assert.equal(out.write('x', 10), false);
    const room = out.hasRoom();
    takeOne();
    assert.equal(await room, true);
    assert.equal(clock.timerCount, 0);
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
    clock.jump(10_000_000);
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
    assert.equal(clock.timerCount, 0);
    isOver = true;
    assert.equal(out.write('x', 1), false);
    assert.equal(await out.hasRoom(), false);
    assert.equal(taken.length, 1);
  });
});
