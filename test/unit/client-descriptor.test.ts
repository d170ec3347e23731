import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { checkInit } from '../../client/descriptor.ts';
import { ClientInfoSchema, EnqueueTasksRequestSchema } from '../../gen/index.ts';

describe('checkInit()', () => {
  const check = (init: unknown): void => checkInit(ClientInfoSchema, init, 'request');

  it('takes what may be a message, and a message', () => {
    check({});
    check({ id: 'a', connected: true, labels: { site: 'berlin' }, queues: ['q'], agent: undefined });
    check(create(ClientInfoSchema));
    check({ ...create(ClientInfoSchema), id: 'a' });
    check({ id: 'a', $unknown: [] });
    checkInit(EnqueueTasksRequestSchema, { tasks: [{ queue: 'q' }] }, 'request');
  });

  it('refuses what is no object, fields that there are not, text and booleans that are none, and names them', () => {
    for (const [init, message] of [
      [undefined, 'request: expected a message contact.v1.ClientInfo, got a value of type undefined'],
      [null, 'request: expected a message contact.v1.ClientInfo, got null'],
      ['a', 'request: expected a message contact.v1.ClientInfo, got "a"'],
      [[], 'request: expected a message contact.v1.ClientInfo, got an array'],
      [{ Id: 'a' }, 'Id: contact.v1.ClientInfo has no such field'],
      [{ id: 5 }, 'id: expected a string, got `5`'],
      [{ connected: 'yes' }, 'connected: expected a boolean, got "yes"'],
    ] as const) {
      assert.throws(() => check(init), { code: 'INVALID_ARGUMENT', message });
    }
  });
});
