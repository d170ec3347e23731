import assert from 'node:assert/strict';
import { createOutage } from '../../client/outage.ts';
import { ContactError } from '../../shared/errors.ts';
import { createFakeClock } from '../scene/clock.ts';

/** Why the server is out of reach, as people are told of an error of grpc-js. */
function tell(message: string, { isEncrypted = false, isMarked = false } = {}): string | undefined {
  const outage = createOutage({
    clock: createFakeClock(),
    server: () => 'there:1',
    isEncrypted,
    isConnected: () => false,
    tell: null,
  });
  outage.failed(new ContactError('UNAVAILABLE', message, { isMarked }));
  return outage.trouble?.message;
}

describe('trouble of a connection', () => {
  it('says what to do about its cause', () => {
    const refused = 'connect ECONNREFUSED 127.0.0.1:1';
    assert.equal(tell(refused), `${refused} (is \`contact serve\` running there?)`);
    assert.match(
      tell('Name resolution failed for target dns:nowhere')!,
      /\(DNS\) \(is the name spelt as it should be\?\)$/,
    );
    assert.match(tell('self-signed certificate', { isEncrypted: true })!, /\(is its authority in `tls.ca`\?\)$/);
    assert.match(tell('wrong version number', { isEncrypted: true })!, / Then leave out `tls`\)$/);
    assert.match(tell('Failed to connect')!, /\(if it is served with TLS, give `tls`\)$/);
    assert.match(tell('Protocol error')!, /\(is that the port of contact\?\)$/);
    assert.match(tell('no connection within 100 ms')!, /\(is the address right, and a firewall on the way\?\)$/);
  });

  it('guesses nothing where nothing is known, or the server has said it', () => {
    assert.equal(tell('the moon is in the way'), 'the moon is in the way');
    assert.equal(tell('ENOENT of mine', { isMarked: true }), 'ENOENT of mine');
  });
});
