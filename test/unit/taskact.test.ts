import assert from 'node:assert/strict';
import type { Role } from '../../server/model/access.ts';
import { createCaller, joinCallers } from '../../server/model/caller.ts';
import { actsFor, type TaskActRecord } from '../../server/model/taskact.ts';

const BY_OTHERS: TaskActRecord = { kind: 'redriven', at: 1, by: 'token:ops', reason: '' };
const OWN: TaskActRecord = { kind: 'cancelled', at: 2, by: 'jwt:alice', reason: 'no' };

const callerOf = (role: Role, queue: string) =>
  createCaller({
    principal: 'jwt:alice',
    kind: 'jwt',
    rights: { roles: [role], queues: [queue], clients: ['*'], calls: [], serves: [] },
    expiresAt: Number.POSITIVE_INFINITY,
  });

describe('actsFor()', () => {
  const namesFor = (caller: ReturnType<typeof callerOf>) =>
    actsFor([BY_OTHERS, OWN], 'mails', caller).map(({ by }) => by);

  it('names all to an operator of the queue, and to others themselves', () => {
    assert.deepEqual(namesFor(callerOf('operator', 'mails')), ['token:ops', 'jwt:alice']);
    assert.deepEqual(namesFor(callerOf('producer', 'mails')), ['', 'jwt:alice']);
    assert.deepEqual(namesFor(callerOf('observer', '*')), ['', 'jwt:alice']);
  });

  it('names nobody to who is an operator of other queues alone', () => {
    const caller = joinCallers([callerOf('operator', 'sums'), callerOf('producer', 'mails')]);
    assert.deepEqual(namesFor(caller), ['', 'jwt:alice']);
  });
});
