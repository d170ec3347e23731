import assert from 'node:assert/strict';
import type { Rights } from '../../server/model/access.ts';
import {
  ANONYMOUS,
  createCaller,
  EVERY_CLIENT,
  EVERY_QUEUE,
  findUngrantable,
  isInScope,
  LOCAL_OPERATOR,
  mayAddress,
  mayBe,
  mayCall,
  mayServe,
} from '../../server/model/caller.ts';

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

const NEVER = Number.POSITIVE_INFINITY;
const RIGHTS: Rights = {
  roles: ['worker'],
  queues: ['mail', 'robots/{client}'],
  clients: ['robot-*'],
  calls: ['pkg.Arm/*'],
  serves: ['pkg.Arm/Move'],
};

describe('createCaller()', () => {
  it('gives a client its own queues', () => {
    const caller = createCaller({
      principal: 'client:robot-7',
      kind: 'client',
      clientId: 'robot-7',
      credentialId: 'id',
      rights: RIGHTS,
      expiresAt: 5,
    });
    assert.deepEqual(caller, {
      principal: 'client:robot-7',
      kind: 'client',
      clientId: 'robot-7',
      credentialId: 'id',
      roles: new Set(['worker']),
      scope: { queues: ['mail', 'robots/robot-7'] },
      clients: { clients: ['robot-*'] },
      calls: ['pkg.Arm/*'],
      serves: ['pkg.Arm/Move'],
      expiresAt: 5,
    });
  });

  it('gives nobody the queues of a client who has no one client', () => {
    const { scope } = createCaller({ principal: 'token:t', kind: 'token', rights: RIGHTS, expiresAt: NEVER });
    assert.deepEqual(scope, { queues: ['mail'] });
    assert.equal(isInScope(scope, 'robots/{client}'), false);
  });

  it('says all where a pattern means all', () => {
    const rights = { ...RIGHTS, queues: ['mail', '*'], clients: ['*'], calls: ['*'], serves: ['*'] };
    const caller = createCaller({ principal: 'token:t', kind: 'token', rights, expiresAt: NEVER });
    assert.deepEqual(
      [caller.scope, caller.clients, caller.calls, caller.serves],
      [EVERY_QUEUE, EVERY_CLIENT, 'all', 'all'],
    );
  });
});

describe('rights of a caller', () => {
  const bound = createCaller({
    principal: 'client:robot-7',
    kind: 'client',
    clientId: 'robot-7',
    rights: RIGHTS,
    expiresAt: NEVER,
  });
  const fleet = createCaller({ principal: 'token:t', kind: 'token', rights: RIGHTS, expiresAt: NEVER });
  const none = createCaller({
    principal: 'token:none',
    kind: 'token',
    rights: { roles: ['observer'], queues: [], clients: [], calls: [], serves: [] },
    expiresAt: NEVER,
  });

  it('let a client be itself alone, and others be whom a pattern means', () => {
    assert.deepEqual(
      ['robot-7', 'robot-8', 'door'].map((id) => mayBe(bound, id)),
      [true, false, false],
    );
    assert.deepEqual(
      ['robot-7', 'robot-8', 'door'].map((id) => mayBe(fleet, id)),
      [true, true, false],
    );
  });

  it('let those be addressed whom a pattern means', () => {
    assert.deepEqual(
      ['robot-8', 'door'].map((id) => mayAddress(bound, id)),
      [true, false],
    );
  });

  it('let methods be called and served that a pattern means', () => {
    assert.deepEqual(
      ['pkg.Arm/Move', 'pkg.Arm/Stop', 'pkg.Leg/Move'].map((one) => mayCall(fleet, one)),
      [true, true, false],
    );
    assert.deepEqual(
      ['pkg.Arm/Move', 'pkg.Arm/Stop'].map((one) => mayServe(fleet, one)),
      [true, false],
    );
  });

  it('are none where the lists are empty, and all of who is asked nothing and of the local operator', () => {
    for (const [caller, expected] of [
      [none, false],
      [ANONYMOUS, true],
      [LOCAL_OPERATOR, true],
    ] as const) {
      const may = [mayBe(caller, 'c'), mayAddress(caller, 'c'), mayCall(caller, 'p.S/M'), mayServe(caller, 'p.S/M')];
      assert.deepEqual([...may, isInScope(caller.scope, 'q')], Array(5).fill(expected));
    }
    assert.deepEqual([...ANONYMOUS.roles], ['worker', 'producer', 'observer', 'operator']);
  });

  it('may be given to others as far as they go', () => {
    assert.equal(findUngrantable(fleet, { ...RIGHTS, roles: ['operator'], queues: ['mail'] }), undefined);
    assert.equal(findUngrantable(fleet, { ...RIGHTS, queues: ['mail', 'sms'] }), 'rights.queues[1]');
    assert.equal(findUngrantable(fleet, { ...RIGHTS, queues: [], serves: ['*'] }), 'rights.serves[0]');
    assert.equal(findUngrantable(LOCAL_OPERATOR, RIGHTS), undefined);
  });
});
