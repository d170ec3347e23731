import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { checkValue, listOf, name } from '../../client/check.ts';
import { ContactError } from '../../client/index.ts';
import { drawToken } from '../../server/access/token.ts';
import { invalidName } from '../../shared/errors.ts';
import { isName } from '../../shared/ids.ts';
import { writeJoinText } from '../../shared/jointext.ts';

const CASES: readonly [string, string][] = [
  ['q*', 'got "q*" with "*"'],
  ['two words', 'got "two words" with " "'],
  ['größe', 'got "größe" with "ö"'],
  ['a😀', 'got "a😀" with "😀"'],
  ['', 'got ""'],
  ['x'.repeat(129), `got "${'x'.repeat(80)}" of 129 characters`],
];

describe('a name that is none', () => {
  it('is refused with what is wrong of it, by the server and by the SDK alike', () => {
    for (const [text, words] of CASES) {
      const message = `queue: expected [A-Za-z0-9._:/-], 1 to 128 characters, ${words}`;
      assert.equal(invalidName('queue', text).message, message);
      assert.throws(() => checkValue('queue', text, name), { name: 'ContactError', message });
    }
  });

  it('is the text of a credential too, by itself or with more, of which nothing is shown', () => {
    const { text, id } = drawToken();
    const join = writeJoinText({ addresses: ['a:1'], pin: '', id, secret: text.slice(-43) });
    assert.ok(join.length <= 128, 'it would be a name');
    const shown = 'got the text of a credential, which is a secret';
    for (const given of [text, `robots/${text}`, `${text}:a`, join, text.padEnd(200, '/'), `${text}\n`]) {
      // A second time it is no name that was one a moment ago.
      assert.deepEqual([isName(given), isName('q'), isName(given)], [false, true, false]);
      const message = `queue: expected [A-Za-z0-9._:/-], 1 to 128 characters, ${shown}`;
      assert.equal(invalidName('queue', given).message, message);
      assert.throws(() => checkValue('queue', given, name), { message });
    }
    // Cut off it is none any more, and shown as far as it is no secret.
    const { message } = invalidName('queue', `${text.slice(0, 50)} and more`);
    assert.ok(message.includes(`ct_${id}_***`) && !message.includes(text.slice(20, 50)), message);
  });

  it('is none that only looks a little like a credential', () => {
    const { text } = drawToken();
    for (const one of ['ct_7', 'cj_eyJ', text.slice(0, -1), `proje${text}`, `${text}x`, text.toUpperCase()]) {
      assert.equal(isName(one), true, one);
    }
  });

  it('is named by its place in a list', () => {
    assert.throws(
      () => checkValue('queues', ['good', 'q*'], listOf(name)),
      (error) =>
        error instanceof ContactError &&
        error.field === 'queues[1]' &&
        error.index === 1 &&
        error.problem.endsWith('got "q*" with "*"'),
    );
  });
});
