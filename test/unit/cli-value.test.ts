import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { describeValue } from '../../cli/value.ts';
import { readValue } from '../../json/value.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const printed = (value: string, type: string): string => JSON.stringify(readValue(text(value), type));

describe('readValue()', () => {
  it('is a JSON value when the type is JSON', () => {
    for (const type of ['application/json', 'Application/JSON; charset=utf-8', 'application/problem+json']) {
      assert.deepEqual(readValue(text('{"a":[1,null,"x"]}'), type), { a: [1, null, 'x'] }, type);
    }
  });

  it('keeps digits that a double cannot hold', () => {
    for (const json of [
      '{"id":12345678901234567890}',
      '[0.10000000000000000001]',
      '1e400',
      '[9007199254740993,1.50]',
    ]) {
      assert.equal(printed(json, 'application/json'), json);
    }
  });

  it('is a string when the bytes are UTF-8, whatever the type says', () => {
    assert.equal(readValue(text('{"a":1}'), 'text/plain'), '{"a":1}');
    assert.equal(readValue(text('grüße\n'), 'application/octet-stream'), 'grüße\n');
    assert.equal(readValue(text(''), ''), '');
  });

  it('is a string when the type says JSON and the bytes are not', () => {
    assert.equal(readValue(text('{"a":'), 'application/json'), '{"a":');
    assert.equal(readValue(text(''), 'application/json'), '');
  });

  it('is base64 when the bytes are no text', () => {
    assert.deepEqual(readValue(Uint8Array.of(0xff, 0, 1), 'application/json'), { base64: '/wAB' });
  });

  it('reads a view at its own place', () => {
    assert.equal(readValue(text('xxabcxx').subarray(2, 5), 'text/plain'), 'abc');
  });
});

describe('describeValue()', () => {
  it('is one line of bounded length', () => {
    assert.equal(describeValue(text('a\nb'), 10), 'a\\nb');
    assert.equal(describeValue(text('x'.repeat(50)), 10), `${'x'.repeat(9)}…`);
    assert.equal(describeValue(text('ü👩'.repeat(50)), 6).length <= 6, true);
  });

  it('tells the size of what is no text', () => {
    assert.equal(describeValue(Uint8Array.of(0xff, 0xfe), 10), '(2 bytes)');
  });
});
