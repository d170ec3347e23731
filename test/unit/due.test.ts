import assert from 'node:assert/strict';
import { createDueTimer } from '../../server/dispatch/due.ts';
import { ContactError } from '../../shared/errors.ts';
import { createFakeClock } from '../scene/clock.ts';

function createScene() {
  const clock = createFakeClock();
  const looks: number[] = [];
  const errors: unknown[] = [];
  const next: { dueAt: number | null; error?: unknown } = { dueAt: null };
  const due = createDueTimer({
    clock,
    wake: async (now) => {
      looks.push(now);
      if (next.error) throw next.error;
      return { ready: [], expired: [], nextDueAt: next.dueAt };
    },
    onFatal: (error) => errors.push(error),
  });
  const advance = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, looks, errors, next, due, advance };
}

describe('createDueTimer()', () => {
  it('looks at the start, and not again while nothing is due', async () => {
    const { looks, advance } = createScene();
    await advance(0);
    await advance(60_000);
    assert.equal(looks.length, 1);
  });

  it('looks at the instant that the store or an enqueue named', async () => {
    const { clock, looks, due, next, advance } = createScene();
    await advance(0);
    next.dueAt = clock.now() + 5_000;
    due.expect(clock.now() + 200);
    await advance(199);
    assert.equal(looks.length, 1);
    await advance(1);
    assert.equal(looks.length, 2);
    for (let second = 0; second < 4; second += 1) await advance(1_000);
    assert.equal(looks.length, 2);
    await advance(1_000);
    assert.equal(looks.length, 3);
  });

  it('notices within a second that the wall clock jumped ahead', async () => {
    const { clock, looks, due, advance } = createScene();
    await advance(0);
    due.expect(clock.now() + 3_600_000);
    await advance(1_000);
    clock.jump(3_600_000);
    await advance(1_000);
    assert.equal(looks.length, 2);
  });

  it('comes again when the store has no time', async () => {
    const { looks, errors, next, advance } = createScene();
    next.error = new ContactError('UNAVAILABLE', 'busy', { retryAfterMs: 100 });
    await advance(0);
    assert.equal(looks.length, 1);
    next.error = undefined;
    await advance(100);
    assert.equal(looks.length, 2);
    assert.deepEqual(errors, []);
  });

  it('hands on what nobody expects', async () => {
    const { errors, next, advance } = createScene();
    next.error = new Error('corrupt');
    await advance(0);
    assert.equal(String(errors[0]), 'Error: corrupt');
  });
});
