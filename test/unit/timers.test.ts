import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createTimers } from '../../server/dispatch/timers.ts';
import { createFakeClock } from '../scene/clock.ts';

describe('createTimers()', () => {
  it('runs deadlines in order of time', () => {
    const clock = createFakeClock();
    const timers = createTimers(clock);
    const ran: string[] = [];
    for (const [name, ms] of Object.entries({ c: 30, a: 10, b: 20 })) {
      timers.set(
        timers.create(() => ran.push(name)),
        ms,
      );
    }
    clock.advance(25);
    assert.deepEqual(ran, ['a', 'b']);
    clock.advance(5);
    assert.deepEqual(ran, ['a', 'b', 'c']);
  });

  it('moves a deadline that is set again', () => {
    const clock = createFakeClock();
    const timers = createTimers(clock);
    let runs = 0;
    const deadline = timers.create(() => {
      runs += 1;
    });
    timers.set(deadline, 10);
    timers.set(deadline, 50);
    clock.advance(49);
    assert.equal(runs, 0);
    clock.advance(1);
    assert.equal(runs, 1);
    assert.equal(timers.size, 0);
  });

  it('runs those that are set together in one turn, and none at once', () => {
    const clock = createFakeClock();
    const timers = createTimers(clock);
    const instants: number[] = [];
    const start = Math.ceil(clock.monotonic() / 250) * 250;
    clock.advance(start - clock.monotonic() + 10);
    for (const ms of [5_000, 5_100, 5_230, 5_245, 1]) {
      const deadline = timers.create(() => instants.push(clock.monotonic() - start));
      timers.setTogether(deadline, ms, 250);
    }
    for (let at = 10; at < 6_000; at += 10) clock.advance(10);
    assert.deepEqual(instants, [250, 5_000, 5_000, 5_000, 5_250]);
  });

  it('takes an earlier one although a later one is armed', () => {
    const clock = createFakeClock();
    const timers = createTimers(clock);
    const ran: string[] = [];
    timers.set(
      timers.create(() => ran.push('late')),
      100,
    );
    timers.set(
      timers.create(() => ran.push('early')),
      5,
    );
    clock.advance(5);
    assert.deepEqual(ran, ['early']);
  });

  it('runs exactly what a plain list would run', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), index: fc.nat(9), ms: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ kind: fc.constant('clear' as const), index: fc.nat(9), ms: fc.constant(0) }),
      fc.record({ kind: fc.constant('advance' as const), index: fc.constant(0), ms: fc.integer({ min: 0, max: 40 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const clock = createFakeClock();
        const timers = createTimers(clock);
        const ran: number[] = [];
        const deadlines = Array.from({ length: 10 }, (_, index) => timers.create(() => ran.push(index)));
        const dueAt = new Map<number, number>();
        let expected = 0;
        for (const { kind, index, ms } of steps) {
          if (kind === 'set') {
            timers.set(deadlines[index]!, ms);
            dueAt.set(index, clock.monotonic() + ms);
          } else if (kind === 'clear') {
            timers.clear(deadlines[index]!);
            dueAt.delete(index);
          } else {
            const due = [...dueAt].filter(([, at]) => at <= clock.monotonic() + ms).sort((a, b) => a[1] - b[1]);
            clock.advance(ms);
            const news = ran.slice(expected);
            assert.deepEqual([...news].sort(), due.map(([one]) => one).sort());
            assert.deepEqual(
              news.map((one) => dueAt.get(one)),
              due.map(([, at]) => at),
            );
            for (const [one] of due) dueAt.delete(one);
            expected = ran.length;
          }
          assert.equal(timers.size, dueAt.size);
        }
      }),
    );
  });
});
