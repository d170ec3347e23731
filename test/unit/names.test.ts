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
    // Nearly one is as good as one to who reads it: with more at either end, pasted twice, or with a sign cut off.
    const nearly = [`${text}A`, `${text}-old`, `x${text}`, `proje${text}`, `${text}${text}`, text.slice(0, -1)];
    const whole = [text, `robots/${text}`, `${text}:a`, join, `${join}x`, text.padEnd(200, '/'), `${text}\n`];
    for (const given of [...whole, ...nearly, text.slice(0, 40), join.slice(0, 30)]) {
      // A second time it is no name that was one a moment ago.
      assert.deepEqual([isName(given), isName('q'), isName(given)], [false, true, false]);
      const message = `queue: expected [A-Za-z0-9._:/-], 1 to 128 characters, ${shown}`;
      assert.equal(invalidName('queue', given).message, message);
      assert.throws(() => checkValue('queue', given, name), { message });
    }
  });

  it('is none that only looks a little like a credential', () => {
    const { text } = drawToken();
    for (const one of [
      'ct_7',
      'cj_eyJ',
      'cj_customers',
      text.slice(0, 39),
      'product_0123456789abcdef_orders',
      'eyJ.eyJ',
    ]) {
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
