import assert from 'node:assert/strict';
import { createOutage } from '../../client/outage.ts';
import { ContactError } from '../../shared/errors.ts';
import { createFakeClock } from '../scene/clock.ts';

describe('createOutage()', () => {
  it('tells why nobody answers in one line, whatever characters the other end has said', () => {
    const clock = createFakeClock();
    const told: string[] = [];
    const outage = createOutage({
      clock,
      server: () => 'there:1',
      isEncrypted: false,
      isConnected: () => false,
      tell: (line) => void told.push(line),
    });
    outage.failed(new ContactError('NOT_FOUND', 'no\u001b[31m\ncontact: all is well\u202e\u0085'));
    outage.await();
    clock.advance(10_000);
    outage.close();
    assert.equal(told.length, 1);
    assert.match(
      told[0]!,
      /^contact: no answer from there:1 yet: no \[31m contact: all is well {2}; trying on \([^\p{C}]*$/u,
    );
  });
});
