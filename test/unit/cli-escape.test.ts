import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { escapeLine, escapeLines, shorten, stripControls } from '../../cli/escape.ts';

const CONTROL = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

describe('escapeLine()', () => {
  it('shows control characters instead of sending them', () => {
    assert.equal(escapeLine('a\tb\r\nc'), 'a\\tb\\r\\nc');
    assert.equal(escapeLine('\u001b[2J\u0000\u009b'), '\\x1b[2J\\x00\\x9b');
    assert.equal(escapeLine('\u202egpj.exe'), '\\u202egpj.exe');
    assert.equal(escapeLine('grüße 👩‍💻'), 'grüße 👩‍💻');
  });

  it('shows what has no width', () => {
    assert.equal(escapeLine('pay\u200bpal \u{e0041}\ufeff\u00ad'), 'pay\\u200bpal \\u{e0041}\\ufeff\\xad');
    assert.equal(escapeLine('a\u200db\ud800'), 'a\\u200db\\ud800');
  });

  it('leaves no control character in any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !CONTROL.test(escapeLine(text))));
  });
});

describe('escapeLines()', () => {
  it('keeps line feeds and tabs', () => {
    assert.equal(escapeLines('a\n\tb\u0007'), 'a\n\tb\\x07');
  });
});

describe('shorten()', () => {
  it('cuts to the length it is given', () => {
    assert.equal(shorten('abcdef', 6), 'abcdef');
    assert.equal(shorten('abcdefg', 6), 'abcde…');
  });

  it('cuts no pair in two', () => {
    assert.equal(shorten('abc👩def', 5), 'abc…');
  });
});

describe('stripControls()', () => {
  it('takes terminal sequences out', () => {
    assert.equal(stripControls('\u001b[1;31mfailed\u001b[0m: \u001b]0;title\u0007x\u0000'), 'failed: x');
    assert.equal(stripControls('one\r\ntwo\tthree'), 'one\ntwo\tthree');
  });

  it('leaves no control character but line feed and tab', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => !CONTROL.test(stripControls(text).replace(/[\n\t]/g, ''))),
    );
  });
});
