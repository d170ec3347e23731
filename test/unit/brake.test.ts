import assert from 'node:assert/strict';
import { createTimers } from '../../server/dispatch/timers.ts';
import { type Brake, createBrake } from '../../server/session/brake.ts';
import { createFakeClock, type FakeClock } from '../scene/clock.ts';

describe('createBrake()', () => {
  let clock: FakeClock;
  let brake: Brake;
  let ends: number;

  beforeEach(() => {
    clock = createFakeClock();
    ends = 0;
    brake = createBrake(createTimers(clock), () => {
      ends += 1;
    });
  });

  /** How long the next pause lasts. */
  function pauseMs(): number {
    const before = ends;
    brake.gaveBack();
    let ms = 0;
    for (; brake.isOn && ms < 10_000; ms += 1) clock.advance(1);
    assert.equal(ends, before + 1);
    return ms;
  }

  it('pauses twice as long each time, up to 5 s', () => {
    assert.deepEqual(Array.from({ length: 8 }, pauseMs), [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  });

  it('is over, and begins anew, when something was finished', () => {
    for (let n = 0; n < 5; n += 1) pauseMs();
    brake.gaveBack();
    brake.finished();
    assert.deepEqual([brake.isOn, ends], [false, 6]);
    clock.advance(10_000);
    assert.equal(ends, 6);
    assert.equal(pauseMs(), 100);
  });

  it('ends nothing once it is closed', () => {
    brake.gaveBack();
    brake.close();
    clock.advance(10_000);
    assert.equal(ends, 0);
  });
});
