import assert from 'node:assert/strict';
import { ANONYMOUS, EVERY_QUEUE, isInScope } from '../../server/model/caller.ts';

describe('isInScope()', () => {
  const cases: readonly (readonly [readonly string[], string, boolean])[] = [
    [['mail'], 'mail', true],
    [['mail'], 'mails', false],
    [['mail'], 'ma', false],
    [['mail', 'sms'], 'sms', true],
    [['mail*'], 'mail', true],
    [['mail*'], 'mail/eu', true],
    [['mail*'], 'mai', false],
    [['mail/*'], 'mail', false],
    [['mail/*'], 'mail/eu', true],
    [['*'], 'anything', true],
    [['ma*l'], 'mail', false],
    [['*il'], 'mail', false],
    [['mail**'], 'mail', false],
    [['m.il'], 'mail', false],
    [[''], 'mail', false],
    [[], 'mail', false],
  ];
  for (const [queues, queue, expected] of cases) {
    it(`${expected ? 'takes' : 'refuses'} ${queue} with ${JSON.stringify(queues)}`, () => {
      assert.equal(isInScope({ queues }, queue), expected);
    });
  }

  it('takes every queue for all', () => {
    assert.equal(isInScope(EVERY_QUEUE, 'mail'), true);
    assert.equal(isInScope(ANONYMOUS.scope, 'mail'), true);
  });

  it('takes a pattern that is the word all for a name', () => {
    assert.equal(isInScope({ queues: ['all'] }, 'mail'), false);
  });
});
