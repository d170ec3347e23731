import assert from 'node:assert/strict';
import { createResending } from '../../client/resending.ts';
import { ContactError } from '../../shared/errors.ts';
import { createFakeClock } from '../scene/clock.ts';

const reset = new ContactError('INTERNAL', 'Received RST_STREAM with code 0');

describe('createResending()', () => {
  it('takes four streams in a row that were reset at once, over five seconds, for a mistake of an old server', () => {
    const clock = createFakeClock();
    const isWorthResending = createResending(clock);
    for (let n = 0; n < 3; n += 1) {
      assert.equal(isWorthResending(reset, true, false), true);
      clock.advance(2_000);
    }
    assert.equal(isWorthResending(reset, true, false), false);
  });

  it('goes on for as long as the server takes the call, however often a proxy ends its stream', () => {
    const clock = createFakeClock();
    const isWorthResending = createResending(clock);
    for (let n = 0; n < 100; n += 1) {
      assert.equal(isWorthResending(reset, true, true), true);
      clock.advance(60_000);
    }
    assert.equal(isWorthResending(new ContactError('NOT_FOUND', 'gone'), true, true), false);
  });
});
