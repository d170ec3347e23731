import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { checkValue, listOf, name } from '../../client/check.ts';
import { ContactError } from '../../client/index.ts';
import { invalidName } from '../../shared/errors.ts';

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
