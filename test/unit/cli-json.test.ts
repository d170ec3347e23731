import assert from 'node:assert/strict';
import { type DescMessage, fromBinary } from '@bufbuild/protobuf';
import { CommanderError } from 'commander';
import type * as z from 'zod';
import { CommandFailure, EXIT, usageError } from '../../cli/exit.ts';
import { failureToJson } from '../../cli/notice.ts';
import { failTask } from '../../cli/reply.ts';
import { TaskFailed } from '../../client/index.ts';
import * as contract from '../../gen/index.ts';
import { waitingToJson } from '../../json/waiting.ts';
import * as access from '../../scripts/json/access.ts';
import { act } from '../../scripts/json/act.ts';
import * as client from '../../scripts/json/client.ts';
import * as queue from '../../scripts/json/queue.ts';
import * as result from '../../scripts/json/result.ts';
import * as server from '../../scripts/json/server.ts';
import * as task from '../../scripts/json/task.ts';
import * as waiting from '../../scripts/json/waiting.ts';
import { ContactError } from '../../shared/errors.ts';

type Fields = z.ZodObject;

/** Messages that are told in JSON, and how their fields are called there that have another name. */
const TOLD: readonly (readonly [DescMessage, Fields, Readonly<Record<string, string>>?])[] = [
  [
    contract.TaskSchema,
    task.task,
    {
      idempotencyKey: 'key',
      targetClientId: 'target',
      selector: 'target',
      clientId: 'client',
      parentId: 'parent',
    },
  ],
  [contract.AttemptSchema, task.attempt, { clientId: 'client' }],
  [contract.TaskActSchema, task.act],
  [contract.ChildrenSchema, task.children],
  [contract.TaskErrorSchema, waiting.taskError],
  [contract.WaitingSchema, waiting.waiting, { clientIds: 'clients' }],
  [contract.ToldProgressSchema, waiting.progress],
  [contract.ProgressSchema, result.told, { taskId: 'id' }],
  [contract.LogLineSchema, task.logLine],
  [contract.QueueLimitsSchema, queue.queue.shape.limits.unwrap()],
  [contract.QueueSchema, queue.queue, { name: 'queue' }],
  [contract.RetentionSchema, queue.retention, { seconds: 'maxAgeMs', max: 'maxTasks' }],
  [contract.ClientInfoSchema, client.client, { id: 'client' }],
  [contract.ActSchema, act, { clientId: 'client', credentialId: 'credential', taskIds: 'tasks' }],
  [contract.ClientRunsSchema, client.client.shape.runs.unwrap()],
  [contract.RunningTaskSchema, client.client.shape.oldestRunning.unwrap(), { taskId: 'id' }],
  [contract.GetServerInfoResponseSchema, server.server],
  [
    contract.FailureGroupSchema,
    result.failureGroup,
    { code: 'error', pattern: 'error', clientId: 'client', taskIds: 'tasks' },
  ],
  [contract.CredentialSchema, access.credential, { parentId: 'parent', clientId: 'client', endsBy: 'endsAt' }],
  [contract.DescribeCallerResponseSchema, access.caller, { clientId: 'client', credentialId: 'credential' }],
];

describe('the types of JSON lines', () => {
  for (const [message, type, names = {}] of TOLD)
    it(`have all that ${message.name} tells`, () => {
      const missing = message.fields.filter(({ localName }) => !((names[localName] ?? localName) in type.shape));
      assert.deepEqual(
        missing.map(({ localName }) => localName),
        [],
      );
    });

  it('have a word for whatever the contract has one for', () => {
    const words = (desc: { readonly values: readonly { readonly localName: string; readonly number: number }[] }) =>
      desc.values.filter(({ number }) => number > 0).map(({ localName }) => localName.toLowerCase());
    assert.deepEqual(task.state.options, words(contract.TaskStateSchema));
    assert.deepEqual(task.attempt.shape.end.options.slice(1), words(contract.AttemptEndSchema));
    assert.deepEqual(task.act.shape.kind.options, words(contract.TaskActKindSchema));
    assert.deepEqual(waiting.waiting.shape.kind.options.slice(1), words(contract.WaitingKindSchema));
    assert.deepEqual(act.shape.kind.options, words(contract.ActKindSchema));
    assert.deepEqual(task.logLine.shape.level.options, words(contract.LogLevelSchema));
    assert.deepEqual(access.credential.shape.kind.options, words(contract.CredentialKindSchema));
    assert.deepEqual(access.credential.shape.rights.shape.roles.element.options, words(contract.RoleSchema));
  });

  it('take a kind that only a newer server knows by its number', () => {
    const bytes = new Uint8Array([0x08, 0x63]);
    assert.equal(waitingToJson(fromBinary(contract.WaitingSchema, bytes)).kind, '99');
  });
});

describe('failureToJson()', () => {
  const cases: readonly (readonly [what: string, failure: unknown, json: object])[] = [
    [
      'an error of the SDK, its field and its index',
      new ContactError('RESOURCE_EXHAUSTED', 'full', { field: 'tasks[3].queue', index: 3, retryAfterMs: 500 }),
      { code: 'RESOURCE_EXHAUSTED', message: 'full', field: 'tasks[3].queue', index: 3, retryAfterMs: 500 },
    ],
    [
      'the reason of a connection that is refused',
      new ContactError('UNAVAILABLE', 'no', { advice: { reason: 'TLS_PIN', retry: 'never' } }),
      { code: 'UNAVAILABLE', message: 'no', reason: 'TLS_PIN' },
    ],
    ['wrong usage', usageError('missing QUEUE'), { code: 'INVALID_ARGUMENT', message: 'missing QUEUE' }],
    [
      'what the parser says',
      new CommanderError(1, 'commander.unknownOption', "error: unknown option '--x'"),
      { code: 'INVALID_ARGUMENT', message: "unknown option '--x'" },
    ],
    ['a server out of reach', new CommandFailure('away', EXIT.unreachable), { code: 'UNAVAILABLE', message: 'away' }],
    ['any other end of a command', new CommandFailure('no'), { code: 'FAILED_PRECONDITION', message: 'no' }],
    [
      'a flag apart from what is wrong with it',
      new CommandFailure('--to: nobody there', EXIT.unreachable, { code: 'UNAVAILABLE', field: '--to' }),
      { code: 'UNAVAILABLE', message: 'nobody there', field: '--to' },
    ],
    [
      'the error of a task',
      failTask(new TaskFailed('t1', 'failed', { code: 'MINE', message: 'broken' })),
      { code: 'MINE', message: 'task t1 failed: broken', id: 't1' },
    ],
    [
      'a task without one',
      failTask(new TaskFailed('t1', 'expired', null)),
      { code: 'EXPIRED', message: 'task t1 expired', id: 't1' },
    ],
    ['a fault of the program', new TypeError('x is no function'), { code: 'INTERNAL', message: 'x is no function' }],
  ];
  for (const [what, failure, json] of cases)
    it(`tells ${what}`, () => assert.deepEqual(JSON.parse(JSON.stringify(failureToJson(failure))), json));
});
