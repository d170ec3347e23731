import assert from 'node:assert/strict';
import { createServer } from 'node:http2';
import { resetWithoutEnd, streamOf } from '../../client/internals.ts';
import { insideOf, loosenHeaders } from '../../server/transport/internals.ts';

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

describe('loosenHeaders()', () => {
  it('knows the servers of this Node.js', () => {
    assert.equal(loosenHeaders(createServer({ maxSendHeaderBlockLength: 1 })), true);
  });

  it('has what is strict by default loose', () => {
    const options = { maxSendHeaderBlockLength: 1 };
    loosenHeaders({ [Symbol('options')]: options });
    const loose = { strictFieldWhitespaceValidation: false, strictSingleValueFields: false };
    assert.deepEqual(options, { maxSendHeaderBlockLength: 1, ...loose });
  });

  it('says that it does not know what looks otherwise', () => {
    assert.equal(loosenHeaders({}), false);
    assert.equal(loosenHeaders({ [Symbol('options')]: {} }), false);
    assert.equal(loosenHeaders({ [Symbol('options')]: undefined }), false);
    assert.equal(loosenHeaders({ [Symbol('others')]: { maxSendHeaderBlockLength: 1 } }), false);
  });
});

describe('streamOf()', () => {
  it('finds nothing in what it does not know', () => {
    const endless: { call?: object } = {};
    endless.call = endless;
    for (const call of [{}, endless, { call: { nextCall: { child: null } } }, { underlyingCalls: [] }]) {
      assert.equal(streamOf(call), undefined);
      assert.equal(resetWithoutEnd(call), false);
    }
  });
});
