import assert from 'node:assert/strict';
import {
  ALL_RIGHTS,
  checkRights,
  findBeyond,
  matchesPattern,
  type Rights,
  withClient,
} from '../../server/model/access.ts';

const NOTHING: Rights = { roles: ['worker'], queues: [], clients: [], calls: [], serves: [] };

describe('checkRights()', () => {
  it('takes what the contract allows', () => {
    const rights: Rights = {
      roles: ['worker', 'producer'],
      queues: ['mail', 'mail/*', '*', 'robots/{client}', '{client}/*', '{client}'],
      clients: ['robot-*', 'robot-7', '*'],
      calls: ['pkg.Service/Method', 'pkg.Service/*', 'pkg.*', 'pkg.Service/Get*', '*'],
      serves: ['Service/Method'],
    };
    assert.deepEqual(checkRights(rights), rights);
    assert.deepEqual(checkRights(ALL_RIGHTS), ALL_RIGHTS);
    assert.deepEqual(checkRights(NOTHING), NOTHING);
  });

  it('leaves out what is said twice', () => {
    const rights = checkRights({ ...NOTHING, roles: ['worker', 'worker'], queues: ['a', 'b', 'a'] });
    assert.deepEqual([rights.roles, rights.queues], [['worker'], ['a', 'b']]);
  });

  const long = 'q'.repeat(128);
  it('takes 64 patterns of 128 characters', () => {
    const queues = Array.from({ length: 64 }, (_, i) => `${i}/${long}`.slice(0, 128));
    assert.deepEqual(checkRights({ ...NOTHING, queues }).queues, queues);
  });

  const refused: readonly (readonly [Partial<Record<keyof Rights, readonly string[]>>, string, RegExp])[] = [
    [{ roles: [] }, 'rights.roles', /at least one of worker, producer, observer, operator/],
    [{ roles: ['worker', 'root'] }, 'rights.roles[1]', /expected one of/],
    [{ queues: ['a', ''] }, 'rights.queues[1]', /expected a pattern/],
    [{ queues: ['a*b'] }, 'rights.queues[0]', /"a\*b"/],
    [{ queues: ['a**'] }, 'rights.queues[0]', /"a\*\*"/],
    [{ queues: ['{client}/{client}'] }, 'rights.queues[0]', /once/],
    [{ queues: ['{Client}'] }, 'rights.queues[0]', /once/],
    [{ queues: [`${long}*`] }, 'rights.queues[0]', /at most 128 characters/],
    [{ queues: Array.from({ length: 65 }, (_, i) => `q${i}`) }, 'rights.queues', /at most 64 patterns/],
    [{ clients: ['{client}'] }, 'rights.clients[0]', /expected a name/],
    [{ clients: ['a b'] }, 'rights.clients[0]', /expected a name/],
    [{ calls: ['pkg.Service'] }, 'rights.calls[0]', /pkg\.Service\/Method/],
    [{ calls: ['/pkg.Service/Method'] }, 'rights.calls[0]', /pkg\.Service\/Method/],
    [{ serves: ['a', 'pkg/M/*'] }, 'rights.serves[0]', /pkg\.Service\/Method/],
  ];
  for (const [part, field, problem] of refused) {
    it(`names ${field}: ${JSON.stringify(part).slice(0, 60)}`, () => {
      assert.throws(() => checkRights({ ...NOTHING, ...part } as Rights), {
        code: 'INVALID_ARGUMENT',
        field,
        problem,
      });
    });
  }

  it('names another place of a request', () => {
    assert.throws(() => checkRights({ ...NOTHING, queues: [''] }, 'join.rights'), { field: 'join.rights.queues[0]' });
  });
});

describe('withClient()', () => {
  it('puts the id in the place of {client}, and means it as it stands', () => {
    assert.deepEqual(withClient(['a', 'robots/{client}', '{client}/*'], 'r-7'), ['a', 'robots/r-7', 'r-7/*']);
    assert.deepEqual(withClient(['{client}'], '$&'), ['$&']);
  });

  it('leaves such a pattern out where there is no one client', () => {
    assert.deepEqual(withClient(['a', 'robots/{client}', '{client}*'], undefined), ['a']);
  });
});

describe('findBeyond()', () => {
  const maker = { queues: ['mail/*', 'sms'], clients: 'all', calls: ['pkg.*'], serves: [] } as const;
  const cases: readonly (readonly [Partial<Rights>, string | undefined])[] = [
    [{}, undefined],
    [{ roles: ['operator'] }, undefined],
    [{ queues: ['mail/eu', 'mail/*', 'mail/eu/*', 'sms', 'mail/{client}'] }, undefined],
    [{ clients: ['*', 'robot-7'] }, undefined],
    [{ queues: ['mail/*', 'mail*'] }, 'rights.queues[1]'],
    [{ queues: ['*'] }, 'rights.queues[0]'],
    [{ queues: ['sms*'] }, 'rights.queues[0]'],
    [{ queues: ['{client}'] }, 'rights.queues[0]'],
    [{ calls: ['pkg.Service/Method', 'other.Service/Method'] }, 'rights.calls[1]'],
    [{ serves: ['pkg.Service/Method'] }, 'rights.serves[0]'],
  ];
  for (const [part, place] of cases) {
    it(`finds ${place ?? 'nothing'} of ${JSON.stringify(part)}`, () => {
      assert.equal(findBeyond({ ...NOTHING, ...part }, maker), place);
    });
  }
});

describe('matchesPattern()', () => {
  it('takes no character of a pattern but the last for more than itself', () => {
    assert.equal(matchesPattern('a.c', 'abc'), false);
    assert.equal(matchesPattern('*c', 'abc'), false);
    assert.equal(matchesPattern('*', ''), true);
  });
});
