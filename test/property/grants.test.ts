import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { NewTaskSchema, TaskService } from '../../gen/index.ts';
import { createCallers } from '../../server/access/callers.ts';
import { admissionOf, asAdmitted, isAdmitted } from '../../server/access/methods.ts';
import { readTasks } from '../../server/api/batch.ts';
import { asSeerOf } from '../../server/api/clients.ts';
import { readClient } from '../../server/api/identity.ts';
import { checkQueue } from '../../server/api/scope.ts';
import { ALL_RIGHTS, type Rights, type Role } from '../../server/model/access.ts';
import { type Caller, findUngrantable, mayAddress, mayCall, mayDoEverything } from '../../server/model/caller.ts';
import { checkCaller, readWanted } from '../../server/tunnel/asked.ts';
import { isFull } from '../scene/full.ts';

const numRuns = isFull ? 20_000 : 1_000;

const names = ['a', 'ab', 'b'];
const methods = ['p.S/A', 'p.S/B'];
const patterns = fc.subarray(['a', 'a*', 'b', '*']);
const calls = fc.subarray(['p.S/A', 'p.S/B', 'p.*']);
const roles = fc.subarray<Role>(['worker', 'producer', 'observer', 'operator'], { minLength: 1 });
const rights = fc.record({ roles, queues: patterns, clients: patterns, calls, serves: fc.constant([]) });
const several = fc.array(rights, { minLength: 1, maxLength: 4 });

/** What a pattern means, said another way. */
const means = (list: readonly string[], name: string): boolean =>
  list.some((one) => new RegExp(`^${one.replaceAll('.', '\\.').replace('*', '.*')}$`).test(name));

const callerOf = (given: readonly Rights[], clientId?: string): Caller =>
  createCallers({ principal: 'jwt:a', kind: 'jwt', rights: given, expiresAt: 1 }).as(clientId);

function isAllowed(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'PERMISSION_DENIED');
    return false;
  }
}

/** The caller of a method as its handler has it; undefined: it is refused for its role. */
function admit(caller: Caller, path: string): Caller | undefined {
  const admission = admissionOf(path);
  return isAdmitted(caller, admission) ? asAdmitted(caller, admission) : undefined;
}

const ENQUEUE = `/${TaskService.typeName}/EnqueueTasks`;
const name = fc.constantFrom(...names);

describe('several grants', () => {
  it('let give to a queue, for a client, what one of them does as a whole', () => {
    fc.assert(
      fc.property(several, name, fc.option(name), (given, queue, clientId) => {
        const caller = admit(callerOf(given), ENQUEUE);
        const target = clientId === null ? {} : { target: { case: 'clientId', value: clientId } as const };
        const task = create(NewTaskSchema, { queue, ...target });
        const reading = { now: 0, maxPayloadBytes: 1 };
        const expected = given.some(
          (one) =>
            one.roles.some((role) => role === 'producer' || role === 'operator') &&
            means(one.queues, queue) &&
            (clientId === null || means(one.clients, clientId)),
        );
        assert.equal(caller !== undefined && isAllowed(() => readTasks([task], { caller, ...reading })), expected);
      }),
      { numRuns },
    );
  });

  it('let a worker be a client, for a queue, as one of them does', () => {
    fc.assert(
      fc.property(several, name, name, (given, queue, clientId) => {
        const caller = admit(callerOf(given, clientId), '/contact.v1.ContactService/GetTask');
        const register = (): void => {
          readClient({ caller: caller!, header: () => clientId });
          checkQueue(caller!, queue, 'queues[0]');
        };
        const expected = given.some(
          (one) => one.roles.includes('worker') && means(one.queues, queue) && means(one.clients, clientId),
        );
        assert.equal(caller !== undefined && isAllowed(register), expected);
      }),
      { numRuns },
    );
  });

  it('let call a method of a client as one of them does, and look at the queues of a client', () => {
    fc.assert(
      fc.property(several, fc.constantFrom(...methods), name, name, (given, method, clientId, queue) => {
        const who = callerOf(given);
        const call = { method, who, metadata: [{ key: 'contact-client', value: clientId }] };
        const expected = given.some((one) => means(one.calls, method) && means(one.clients, clientId));
        assert.equal(
          isAllowed(() => checkCaller(call as unknown as Parameters<typeof checkCaller>[0])),
          expected,
        );
        const { scope } = readWanted({ ...call, metadata: [] } as unknown as Parameters<typeof readWanted>[0]);
        const goesTo = mayCall(who, method) && mayAddress({ ...who, clients: scope }, clientId);
        assert.equal(goesTo, expected, 'of those that a call without a name goes to');
        const seer = asSeerOf(clientId, who);
        const sees = mayAddress(who, clientId) && isAllowed(() => checkQueue(seer, queue, 'queue'));
        assert.equal(
          sees,
          given.some((one) => means(one.clients, clientId) && means(one.queues, queue)),
        );
      }),
      { numRuns },
    );
  });

  it('allow everything where one of them does', () => {
    const [queues, clients] = [
      { ...ALL_RIGHTS, queues: ['a'] },
      { ...ALL_RIGHTS, clients: ['a'] },
    ];
    assert.equal(mayDoEverything(callerOf([queues, clients])), false);
    assert.equal(mayDoEverything(callerOf([queues, ALL_RIGHTS])), true);
  });

  it('let give to others what is within one of them', () => {
    fc.assert(
      fc.property(several, rights, (given, asked) => {
        const caller = admit(callerOf(given), '/contact.v1.AccessService/CreateToken');
        const makers = given.filter((one) => one.roles.includes('operator'));
        const expected = makers.some((one) => findUngrantable(callerOf([one]), asked) === undefined);
        assert.equal(caller !== undefined && findUngrantable(caller, asked) === undefined, expected);
      }),
      { numRuns },
    );
  });
});
