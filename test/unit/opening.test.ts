import assert from 'node:assert/strict';
import { tellSpoken } from '../../server/transport/opening.ts';

describe('tellSpoken()', () => {
  const tell = (text: string) => tellSpoken(Buffer.from(text, 'latin1'));

  it('knows HTTP/2 by its preface alone', () => {
    assert.deepEqual(['P', 'PR', 'PRI'].map(tell), [undefined, undefined, undefined]);
    assert.equal(tell('PRI '), 'http2');
    assert.equal(tell('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'http2');
  });

  it('takes every method of HTTP/1 for that, from its first letters on', () => {
    for (const text of ['GET / HTTP/1.1', 'POST', 'PUT ', 'PATCH', 'PRIX', 'PROPFIND', 'D'])
      assert.equal(tell(text), 'http1');
  });

  it('leaves what is neither to HTTP/2, which refuses it', () => {
    for (const text of ['\x16\x03\x01', '\0', 'get / ', '\r\n']) assert.equal(tell(text), 'http2');
  });
});
