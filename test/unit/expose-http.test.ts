import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { endOfHttp, endOfReset, writeRequest } from '../../client/expose/http.ts';

describe('endOfHttp()', () => {
  for (const [httpStatus, code] of [
    [400, 13],
    [401, 16],
    [403, 7],
    [404, 12],
    [429, 14],
    [502, 14],
    [503, 14],
    [504, 14],
    [500, 2],
    [200, 2],
  ] as const) {
    it(`is ${code} for HTTP status ${httpStatus}, as gRPC has it`, () => {
      assert.equal(endOfHttp(httpStatus, 'text/html')?.code, code);
    });
  }

  it('is none for gRPC', () => {
    assert.equal(endOfHttp(200, 'application/grpc+proto'), undefined);
  });
});

describe('endOfReset()', () => {
  for (const [name, code, started] of [
    ['NGHTTP2_REFUSED_STREAM', 14, 'no'],
    ['NGHTTP2_CANCEL', 1, undefined],
    ['NGHTTP2_ENHANCE_YOUR_CALM', 8, undefined],
    ['NGHTTP2_INADEQUATE_SECURITY', 7, undefined],
    ['NGHTTP2_PROTOCOL_ERROR', 13, undefined],
    ['NGHTTP2_NO_ERROR', 13, undefined],
  ] as const) {
    it(`is ${code} for ${name}, as gRPC has it`, () => {
      const end = endOfReset(constants[name]);
      assert.deepEqual([end.code, end.trailers[0]?.value], [code, started]);
    });
  }
});

describe('writeRequest()', () => {
  it('says the time that is left in at most eight digits', () => {
    const timeoutOf = (timeoutMs: number) => {
      const headers = writeRequest({ method: 'p.S/M', metadata: [], timeoutMs }, 'http', 'here');
      const at = headers.indexOf('grpc-timeout');
      return at < 0 ? undefined : headers[at + 1];
    };
    assert.deepEqual([0, 1, 99_999_999, 100_000_000, 100_000_001].map(timeoutOf), [
      undefined,
      '1m',
      '99999999m',
      '100000S',
      '100001S',
    ]);
  });
});
