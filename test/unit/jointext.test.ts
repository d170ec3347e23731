import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'mocha';
import { ContactError } from '../../client/index.ts';
import { type JoinText, readJoinText, writeJoinText } from '../../shared/jointext.ts';

const secret = randomBytes(32).toString('base64url');
const pin = randomBytes(32).toString('base64url');
const JOIN: JoinText = {
  addresses: ['tasks.example.org:50051', '[::1]:1', 'unix:/a'],
  pin,
  id: 'abcdefgh01234567',
  secret,
};

/** Has to be refused; what is said must tell nothing of the text. */
function refuse(read: () => unknown, words: RegExp): void {
  assert.throws(read, (error) => {
    assert.ok(error instanceof ContactError && error.code === 'INVALID_ARGUMENT' && error.field === 'join');
    assert.match(error.message, words);
    assert.ok(!error.message.includes(secret) && !error.message.includes('cj_e'), error.message);
    return true;
  });
}

describe('readJoinText()', () => {
  it('reads what writeJoinText() wrote, blanks and newlines around it or not', () => {
    const text = writeJoinText(JOIN);
    assert.match(text, /^cj_[A-Za-z0-9_-]+$/);
    assert.deepEqual(readJoinText(text), JOIN);
    assert.deepEqual(readJoinText(` ${text}\r\n`), JOIN);
    assert.equal(readJoinText(writeJoinText({ ...JOIN, pin: '' })).pin, '');
  });

  it('reads it with quotes around it, and broken into lines as a terminal does', () => {
    const text = writeJoinText(JOIN);
    for (const given of [`"${text}"`, `'${text}'\n`, `\`${text}\``, `“${text}”`, text.replace(/.{30}/g, '$&\r\n  ')]) {
      assert.deepEqual(readJoinText(given), JOIN, given);
    }
  });

  it('refuses it with something before or behind, and says so', () => {
    const text = writeJoinText(JOIN);
    for (const given of [`JOIN=${text}`, `lets in 1 client\n${text}`, `${text}\nroot@vm:~# `, `${text} $`]) {
      refuse(() => readJoinText(given), /something stands before or behind the join text: give it alone/);
    }
  });

  it('takes a field that a later version added', () => {
    const later = { a: JOIN.addresses, p: pin, i: JOIN.id, s: secret, x: [1] };
    assert.deepEqual(readJoinText(`cj_${Buffer.from(JSON.stringify(later)).toString('base64url')}`), JOIN);
  });

  it('refuses what is cut off at any place, changed, too long or something else', () => {
    const text = writeJoinText(JOIN);
    for (let length = 3; length < text.length; length++) refuse(() => readJoinText(text.slice(0, length)), /cut off/);
    refuse(() => readJoinText(`${text.slice(0, 40)} ${text.slice(40)}`), /cut off or changed/);
    refuse(() => readJoinText(`cj_${'e'.repeat(4_096)}`), /has at most 4096 characters/);
    refuse(() => readJoinText(`ct_abcdefgh01234567_${secret}`), /this is a token, and no join text/);
    refuse(() => readJoinText(''), /it is empty: .* begins with cj_/);
    for (const json of ['null', '[]', '1', '{}', '{"a":"x"}']) {
      refuse(() => readJoinText(`cj_${Buffer.from(json).toString('base64url')}`), /cut off or changed/);
    }
  });
});

describe('writeJoinText()', () => {
  it('refuses parts that nobody could use, naming them', () => {
    const wrong: [Partial<JoinText>, RegExp][] = [
      [{ addresses: [] }, /1 to 8 addresses/],
      [{ addresses: Array(9).fill('a:1') }, /1 to 8 addresses/],
      [{ addresses: ['a'] }, /HOST:PORT/],
      [{ addresses: ['a:0'] }, /HOST:PORT/],
      [{ addresses: ['http://a:1'] }, /HOST:PORT/],
      [{ addresses: Array(8).fill(`${'a'.repeat(600)}:1`) }, /too long/],
      [{ pin: 'x' }, /pin/],
      [{ id: 'ABC' }, /id/],
      [{ secret: `${secret}=` }, /secret/],
      // Two bits that no byte has: another text for the same bytes.
      [{ secret: `${'A'.repeat(42)}B` }, /secret/],
    ];
    for (const [part, words] of wrong) refuse(() => writeJoinText({ ...JOIN, ...part }), words);
  });
});
