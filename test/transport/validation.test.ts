import assert from 'node:assert/strict';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { TaskService, TaskState } from '../../gen/index.ts';
import { newTaskId } from '../../shared/ids.ts';
import { ask, type Clients, connect, enqueue, refusalOf, type TaskInit } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { openWorker, type RawWorkerOptions } from '../scene/worker.ts';

const { describeTask, listTasks, cancelTasks, deleteTasks, retryTasks, enqueueTasks, callTask } = TaskService.method;
const pairs = (count: number, value = ''): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`key-${n}`, value]));

describe('what is not valid', () => {
  let clients: Clients;

  before(async () => {
    clients = connect(await startScene({ maxPayloadBytes: 1_000 }));
  });
  after(closeScene);

  const TASKS: [string, TaskInit, string][] = [
    ['a payload over the limit', { payload: Buffer.alloc(1_001) }, 'payload'],
    ['an empty queue name', { queue: '' }, 'queue'],
    ['an overlong queue name', { queue: 'q'.repeat(129) }, 'queue'],
    ['a queue name with a blank', { queue: 'a b' }, 'queue'],
    ['a queue name that is not ASCII', { queue: 'schlüssel' }, 'queue'],
    ['an id that is not a UUID', { id: 'x' }, 'id'],
    ['a UUID of version 4', { id: '9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d' }, 'id'],
    ['an id in upper case', { id: newTaskId().toUpperCase() }, 'id'],
    ['a priority over its range', { priority: 32_768 }, 'priority'],
    ['a priority below its range', { priority: -32_769 }, 'priority'],
    ['too many attempts', { maxAttempts: 1_001 }, 'max_attempts'],
    ['a long content type', { contentType: 'x'.repeat(129) }, 'content_type'],
    ['a long idempotency key', { idempotencyKey: 'x'.repeat(129) }, 'idempotency_key'],
    ['a NUL in an idempotency key', { idempotencyKey: 'a\0b' }, 'idempotency_key'],
    ['a NUL in a content type', { contentType: 'a\0b' }, 'content_type'],
    ['a NUL in a metadata key', { metadata: { 'a\0': '' } }, 'metadata'],
    ['a NUL in a metadata value', { metadata: { a: '\0' } }, 'metadata'],
    ['too many metadata pairs', { metadata: pairs(65) }, 'metadata'],
    ['too much metadata', { metadata: pairs(64, 'x'.repeat(256)) }, 'metadata'],
    ['a cap below its base', { backoff: { baseMs: 10, capMs: 9 } }, 'backoff.cap_ms'],
    ['no time to expire', { expiry: { case: 'expiresAfterMs', value: 0 } }, 'expires_after_ms'],
    ['an instant out of range', { start: { case: 'runAt', value: { seconds: 10n ** 15n } } }, 'run_at'],
    ['an expiry out of range', { expiry: { case: 'expiresAt', value: { seconds: -(10n ** 15n) } } }, 'expires_at'],
    ['an instant of the year 10000', { start: { case: 'runAt', value: { seconds: 253_402_300_800n } } }, 'run_at'],
    [
      'an expiry before the year 1',
      { expiry: { case: 'expiresAt', value: { seconds: -62_135_596_801n } } },
      'expires_at',
    ],
    ['an instant of no whole second', { start: { case: 'runAt', value: { seconds: 0n, nanos: -1 } } }, 'run_at'],
    ['a long selector', { target: { case: 'selector', value: 'a'.padEnd(1_025) } }, 'selector'],
    ['a client id that is no name', { target: { case: 'clientId', value: '' } }, 'client_id'],
  ];
  for (const [title, task, field] of TASKS) {
    it(`${title} names the field`, async () => {
      const prefix = (place: string): string => `INVALID_ARGUMENT ${place}.${field}: `;
      const refusal = await refusalOf(enqueue(clients, {}, task));
      assert.ok(refusal.startsWith(prefix('tasks[1]')), refusal);
      const called = await refusalOf(ask(clients, callTask, { task: { queue: 'q', ...task } }));
      assert.ok(called.startsWith(prefix('task')), called);
    });
  }

  it('a call under a key that another task has names its own task', async () => {
    await enqueue(clients, { idempotencyKey: 'taken' });
    const task = { queue: 'q', idempotencyKey: 'taken', payload: Buffer.from('other') };
    const error = await ask(clients, callTask, { task }).catch((thrown: unknown) => thrown as ServiceError);
    assert.ok('metadata' in error);
    assert.match(error.details, /^task\.idempotency_key: /);
    assert.deepEqual(error.metadata.get('contact-field'), ['task.idempotency_key']);
  });

  it('an item of a batch tells its place as data', async () => {
    const error = await enqueue(clients, {}, { queue: '' }).catch((thrown: unknown) => thrown as ServiceError);
    assert.ok('metadata' in error);
    const { metadata } = error;
    assert.deepEqual([metadata.get('contact-field'), metadata.get('contact-index')], [['tasks[1].queue'], ['1']]);
  });

  it('takes what is just within the limits', async () => {
    await enqueue(clients, {
      queue: 'Az09._:/-'.padEnd(128, 'x'),
      payload: Buffer.alloc(1_000),
      priority: 32_767,
      maxAttempts: 1_000,
      contentType: 'x'.repeat(128),
      idempotencyKey: 'x'.repeat(128),
      metadata: pairs(64, 'x'.repeat(200)),
      timeoutMs: 2 ** 32 - 1,
      backoff: { baseMs: 2 ** 32 - 1, capMs: 2 ** 32 - 1 },
      start: { case: 'delayMs', value: 2 ** 32 - 1 },
      expiry: { case: 'expiresAfterMs', value: 2 ** 32 - 1 },
    });
    await enqueue(clients, { priority: -32_768 });
  });

  it('a batch without tasks, or with too many', async () => {
    assert.match(await refusalOf(enqueue(clients)), /^INVALID_ARGUMENT tasks: /);
    const tasks = Array.from({ length: 1_001 }, () => ({ queue: 'q' }));
    assert.match(await refusalOf(ask(clients, enqueueTasks, { tasks })), /^INVALID_ARGUMENT tasks: .*1001/);
  });

  const REGISTRATIONS: [string, RawWorkerOptions, string][] = [
    ['no queue', { queues: [] }, 'queues'],
    ['too many queues', { queues: Array.from({ length: 1_001 }, (_, n) => `q${n}`) }, 'queues'],
    ['an empty queue name', { queues: ['q', ''] }, 'queues[1]'],
    ['a client id with a blank', { clientId: 'a b' }, 'contact-client'],
    ['a short session id', { sessionId: 'abc', isFull: false }, 'contact-session'],
    ['too many labels', { labels: pairs(65) }, 'labels'],
    ['a label key that is no name', { labels: { 'a b': '' } }, 'labels'],
    ['a label value that is no name', { labels: { key: 'a b' } }, 'labels[key]'],
    ['a revision to come', { revision: 2 }, 'revision'],
    ['a resume of no session', { resume: { previousSession: 'x' } }, 'resume.previous_session'],
    [
      'a resume that holds no task',
      { resume: { previousSession: 'a'.repeat(32), holding: [{ taskId: 'x', delivery: 1 }] } },
      'resume.holding[0].task_id',
    ],
  ];
  for (const [title, options, field] of REGISTRATIONS) {
    it(`${title} in a registration names the field`, async () => {
      await assert.rejects(openWorker(clients, { isFull: false, ...options }), ({ code, message }: ServiceError) => {
        assert.equal(code, status.INVALID_ARGUMENT);
        assert.ok(message.startsWith(field), message);
        return true;
      });
    });
  }

  it('a task that nobody knows', async () => {
    const id = newTaskId();
    assert.equal(await refusalOf(ask(clients, describeTask, { id })), `NOT_FOUND id: no task ${id}`);
  });

  it('ids and pages of the other calls', async () => {
    const cases: [Promise<unknown>, string][] = [
      [ask(clients, describeTask, { id: 'x' }), 'id'],
      [ask(clients, cancelTasks, { ids: [] }), 'ids'],
      [ask(clients, cancelTasks, { ids: [newTaskId(), 'x'] }), 'ids[1]'],
      [ask(clients, retryTasks, { ids: ['x'] }), 'ids[0]'],
      [ask(clients, deleteTasks, { ids: Array.from({ length: 1_001 }, () => newTaskId()) }), 'ids'],
      [ask(clients, callTask, {}), 'task'],
      [ask(clients, listTasks, { pageSize: 501 }), 'page_size'],
      [ask(clients, listTasks, { pageToken: 'x' }), 'page_token'],
      [ask(clients, listTasks, { filter: { states: [TaskState.READY, 99 as TaskState] } }), 'filter.states[1]'],
      [ask(clients, listTasks, { filter: { createdAfter: { seconds: 10n ** 15n } } }), 'filter.created_after'],
    ];
    for (const [promise, field] of cases) {
      const refusal = await refusalOf(promise);
      assert.ok(refusal.startsWith(`INVALID_ARGUMENT ${field}: `), refusal);
    }
  });

  it('a method that is not there', async () => {
    const client = new Client(clients.channel.getTarget().replace('dns:', ''), credentials.createInsecure());
    atEnd(() => client.close());
    const same = (bytes: Buffer): Buffer => bytes;
    for (const path of ['/contact.v1.TaskService/Nothing', '/contact.v1.Nothing/EnqueueTasks', '/nothing']) {
      const code = await new Promise((resolve) => {
        client.makeUnaryRequest(path, same, same, Buffer.alloc(0), new Metadata(), (error) => resolve(error?.code));
      });
      assert.equal(code, status.UNIMPLEMENTED);
    }
  });

  it('a message larger than any may be', async () => {
    const tasks = Array.from({ length: 10 }, () => ({ queue: 'q', payload: Buffer.alloc(1 << 20) }));
    assert.match(await refusalOf(ask(clients, enqueueTasks, { tasks })), /^RESOURCE_EXHAUSTED /);
  });
});
