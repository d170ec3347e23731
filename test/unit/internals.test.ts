import assert from 'node:assert/strict';
import { insideOf } from '../../server/transport/internals.ts';

describe('insideOf()', () => {
  const createCall = () => ({
    stream: { once: () => undefined },
    decoder: {
      write: () => [],
      readState: 0,
      readMessageSize: 0,
      readMessageRemaining: 0,
      readPartialMessage: [],
      readCompressFlag: Buffer.alloc(1),
    },
    receivedHalfClose: false,
    sendMessage: () => undefined,
    sendStatus: () => undefined,
    handleEndEvent: () => undefined,
  });

  it('is a call that has all that is read of it', () => {
    const call = createCall();
    assert.equal(insideOf(call), call);
  });

  for (const field of Object.keys(createCall())) {
    it(`is refused without ${field}`, () => {
      assert.throws(() => insideOf({ ...createCall(), [field]: undefined }), /unknown form/);
    });
  }

  for (const field of Object.keys(createCall().decoder)) {
    it(`is refused without ${field} of its decoder`, () => {
      const call = createCall();
      const decoder = { ...call.decoder, [field]: undefined };
      assert.throws(() => insideOf({ ...call, decoder }), /unknown form/);
    });
  }
});
