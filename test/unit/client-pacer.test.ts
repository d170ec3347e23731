import assert from 'node:assert/strict';
import { Pacer } from '../../client/pacer.ts';
import { createFakeClock } from '../scene/clock.ts';

function createScene() {
  const clock = createFakeClock(0);
  const went: string[] = [];
  const pacer = new Pacer<{ readonly name: string }>(clock, 250, () => {
    for (const item of pacer.due()) {
      pacer.went(item);
      went.push(`${item.name} ${clock.monotonic()}`);
    }
  });
  return { clock, pacer, went };
}

describe('Pacer', () => {
  it('lets the first go at once and the rest once an interval, as one', () => {
    const { clock, pacer, went } = createScene();
    const a = { name: 'a' };
    for (let ms = 0; ms < 600; ms += 10) {
      pacer.offer(a);
      clock.advance(10);
    }
    assert.deepEqual(went, ['a 0', 'a 250', 'a 500']);
    clock.advance(1_000);
    assert.deepEqual(went, ['a 0', 'a 250', 'a 500', 'a 750']);
    assert.equal(clock.pending, 0);
    pacer.offer(a);
    assert.equal(went.at(-1), 'a 1600');
  });

  it('keeps a time for each item', () => {
    const { clock, pacer, went } = createScene();
    const [a, b] = [{ name: 'a' }, { name: 'b' }];
    pacer.offer(a);
    clock.advance(100);
    pacer.offer(b);
    pacer.offer(a);
    pacer.offer(b);
    assert.equal(clock.pending, 1);
    clock.advance(400);
    assert.deepEqual(went, ['a 0', 'b 100', 'a 250', 'b 350']);
  });

  it('lets go of everything when it is closed', () => {
    const { clock, pacer, went } = createScene();
    const a = { name: 'a' };
    pacer.offer(a);
    pacer.offer(a);
    pacer.close();
    clock.advance(1_000);
    assert.deepEqual(went, ['a 0']);
    assert.equal(clock.pending, 0);
  });
});
