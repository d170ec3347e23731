import assert from 'node:assert/strict';
import { Retry, TaskState } from '../../gen/index.ts';
import { newTaskId } from '../../shared/ids.ts';
import { connect, describeTask, enqueue, enqueueMany, refusalOf } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';
import { closeOf, nameOf, openWorker, type StatusInit, type TellInit, tell } from '../scene/worker.ts';

const RESULT = Buffer.from('result');

describe('results', () => {
  afterEach(closeScene);

  it('have one outcome each, in the order given', async () => {
    const clients = connect(await startScene({ maxResultBytes: 1_000 }));
    await enqueueMany(clients, 6);
    const worker = await openWorker(clients, { clientId: 'w', maxInFlight: 6 });
    const names = (await worker.receive(6)).map(nameOf);
    const unknown = { taskId: newTaskId(), delivery: 1 };
    worker.send({ credit: 0 });
    const codes = await worker.report({
      succeeded: [
        { ...names[0]!, result: RESULT },
        { ...names[0]!, result: RESULT },
        { ...names[1]!, delivery: 2, result: RESULT },
        { ...unknown, result: RESULT },
        { ...names[1]!, result: Buffer.alloc(1_001) },
        { ...names[5]!, result: Buffer.alloc(1_000) },
      ],
      failed: [
        { ...names[2]!, error: { code: 'BAD', message: 'input' }, retry: Retry.AFTER, retryAfterMs: 60_000 },
        unknown,
      ],
      released: [names[3]!, unknown, { ...names[3]!, delivery: 7 }],
      stopped: [names[4]!, unknown],
    });
    assert.deepEqual(codes, [
      'STORED',
      'DUPLICATE',
      'STALE',
      'UNKNOWN',
      'TOO_LARGE',
      'STORED',
      'STORED',
      'UNKNOWN',
      'STORED',
      'UNKNOWN',
      'STALE',
      'STORED',
      'UNKNOWN',
    ]);
    assert.deepEqual(
      worker.outcomes.map(({ taskId }) => taskId),
      [0, 0, 1, -1, 1, 5, 2, -1, 3, -1, 3, 4, -1].map((at) => names[at]?.taskId ?? unknown.taskId),
    );
    const states = await Promise.all(names.map(({ taskId }) => describeTask(clients, taskId)));
    assert.deepEqual(
      states.map(({ state }) => state),
      ['SUCCEEDED', 'FAILED', 'SCHEDULED', 'READY', 'READY', 'SUCCEEDED'].map((name) => Reflect.get(TaskState, name)),
    );
    assert.deepEqual([states[0]!.clientId, Buffer.from(states[0]!.result).toString()], ['w', 'result']);
    assert.equal(states[0]!.resultContentType, 'application/octet-stream');
    assert.equal(states[1]!.error?.code, 'TOO_LARGE');
    assert.match(states[1]!.error?.message ?? '', /1001 bytes, at most 1000/);
  });

  it('of an older delivery are stale, of the newest a duplicate', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 1);
    const worker = await openWorker(clients);
    const [first] = (await worker.receive(1)).map(nameOf);
    assert.deepEqual(await worker.report({ failed: [{ ...first!, retry: Retry.AFTER, retryAfterMs: 0 }] }), ['STORED']);
    const [, second] = (await worker.receive(2)).map(nameOf);
    assert.equal(second!.delivery, 2);
    assert.deepEqual(await worker.report({ succeeded: [first!] }), ['STALE']);
    assert.deepEqual(await worker.succeed(second!), ['STORED']);
    assert.deepEqual(await worker.report({ failed: [second!], succeeded: [second!] }), ['DUPLICATE', 'DUPLICATE']);
  });

  it('over the limit fail the task for good in the same commit', async () => {
    const clients = connect(await startScene({ maxResultBytes: 100 }));
    const [id] = await enqueueMany(clients, 1);
    const worker = await openWorker(clients);
    const [task] = await worker.receive(1);
    const large = { succeeded: [{ ...nameOf(task!), result: Buffer.alloc(101) }] };
    assert.deepEqual(await worker.report(large), ['TOO_LARGE']);
    const failed = await describeTask(clients, id!);
    assert.equal(failed.state, TaskState.FAILED);
    assert.equal(failed.error?.code, 'TOO_LARGE');
    assert.deepEqual(await worker.report(large), ['DUPLICATE']);
  });

  it('are taken over any session of their client', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 2);
    const holder = await openWorker(clients, { clientId: 'holder', maxInFlight: 1 });
    const [task] = await holder.receive(1);
    const other = await openWorker(clients, { clientId: 'other', queues: ['none'] });
    const again = await openWorker(clients, { clientId: 'holder', queues: ['none'], ephemeral: true });
    assert.deepEqual(await other.succeed(task!), ['STALE']);
    assert.deepEqual(await again.succeed(task!), ['STORED']);
    // And free the credit of who had the task.
    await holder.receive(2);
  });

  it('of a delivery that is yet to come change nothing', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 1);
    const worker = await openWorker(clients, { maxInFlight: 1 });
    const [task] = await worker.receive(1);
    const guess = { ...nameOf(task!), delivery: 2 };
    const codes = await worker.report({ succeeded: [guess], released: [nameOf(task!)] });
    assert.deepEqual(codes, ['STALE', 'STORED']);
    await worker.receive(2);
    await enqueueMany(clients, 1);
    await never('a task beyond the credit', () => worker.tasks.length > 2, 30);
    assert.deepEqual(await worker.succeed(guess), ['STORED']);
    await worker.receive(3);
  });
});

describe('a release', () => {
  afterEach(closeScene);

  it('gives the task back at once, with no attempt burnt, at its old place', async () => {
    const clients = connect(await startScene());
    const [first] = await enqueueMany(clients, 2);
    const worker = await openWorker(clients, { maxInFlight: 1 });
    const [task] = await worker.receive(1);
    assert.equal(task!.taskId, first);
    assert.deepEqual(await worker.report({ released: [nameOf(task!)] }), ['STORED']);
    const [, again] = await worker.receive(2);
    assert.deepEqual([again!.taskId, again!.delivery, again!.attempt], [first, 2, 1]);
    assert.deepEqual(await worker.report({ succeeded: [nameOf(task!)] }), ['STALE']);
  });

  it('burns an attempt of a task that had started, and none when nothing was done', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 1);
    const worker = await openWorker(clients, { maxInFlight: 1 });
    const attempts: number[] = [];
    for (const field of ['released', 'untouched'] as const) {
      const name = nameOf((await worker.receive(attempts.length + 1)).at(-1)!);
      assert.deepEqual(await worker.report({ started: [name], [field]: [name] }), ['STORED']);
      attempts.push((await worker.receive(attempts.length + 2)).at(-1)!.attempt);
    }
    assert.deepEqual(attempts, [2, 2]);
  });

  it('answers in the order of the fields', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 2);
    const worker = await openWorker(clients, { maxInFlight: 2 });
    const [a, b] = (await worker.receive(2)).map(nameOf);
    const unknown = { taskId: newTaskId(), delivery: 1 };
    const report = { untouched: [a!], released: [unknown, b!], stopped: [unknown] };
    assert.deepEqual(await worker.report(report), ['UNKNOWN', 'STORED', 'UNKNOWN', 'STORED']);
  });

  it('comes after the results and stops of its message, whatever the order of the fields', async () => {
    const clients = connect(await startScene());
    await enqueueMany(clients, 2);
    const worker = await openWorker(clients, { maxInFlight: 2 });
    const [a, b] = (await worker.receive(2)).map(nameOf);
    assert.deepEqual(await worker.report({ released: [a!], stopped: [a!] }), ['STALE', 'STORED']);
    assert.deepEqual(await worker.report({ failed: [b!], untouched: [b!] }), ['STORED', 'STALE']);
  });

  it('fails a task that had started at its last attempt, over either way up', async () => {
    const clients = connect(await startScene());
    const ids = await enqueueMany(clients, 3, { maxAttempts: 1 });
    const worker = await openWorker(clients, { clientId: 'w', maxInFlight: 3 });
    const [a, b, c] = (await worker.receive(3)).map(nameOf);
    assert.deepEqual(await worker.report({ started: [a!, b!, c!], released: [a!] }), ['STORED']);
    assert.deepEqual(await tell(clients, 'w', { released: [b!], untouched: [c!] }), ['STORED', 'STORED']);
    const found = await Promise.all(ids.map((id) => describeTask(clients, id)));
    assert.deepEqual(
      found.map(({ error }) => error?.code ?? ''),
      ['RELEASED', 'RELEASED', ''],
    );
    const [, , , again] = await worker.receive(4);
    assert.deepEqual([again!.taskId, again!.attempt], [c!.taskId, 1]);
  });
});

describe('TellResult', () => {
  afterEach(closeScene);

  it('answers with the outcomes of all its messages', async () => {
    const clients = connect(await startScene({ maxResultBytes: 100 }));
    await enqueueMany(clients, 4);
    const worker = await openWorker(clients, { clientId: 'w', maxInFlight: 4 });
    const [a, b, c, d] = (await worker.receive(4)).map(nameOf);
    worker.send({ credit: 0 });
    const codes = await tell(
      clients,
      'w',
      {
        succeeded: [
          { ...a!, result: RESULT },
          { ...b!, result: Buffer.alloc(101) },
        ],
      },
      { failed: [{ ...c!, retry: Retry.NEVER }], released: [d!] },
      { succeeded: [a!, { taskId: newTaskId(), delivery: 1 }] },
    );
    assert.deepEqual(codes, ['STORED', 'TOO_LARGE', 'STORED', 'STORED', 'DUPLICATE', 'UNKNOWN']);
    assert.deepEqual(await tell(clients, 'w'), []);
  });

  it('without a client leaves the task with the client that had it', async () => {
    const clients = connect(await startScene({ maxResultBytes: 100 }));
    const ids = await enqueueMany(clients, 4, { maxAttempts: 1 });
    const worker = await openWorker(clients, { clientId: 'w', maxInFlight: 4 });
    const [a, b, c, d] = (await worker.receive(4)).map(nameOf);
    worker.send({ started: [d!] });
    const told = { succeeded: [a!, { ...b!, result: Buffer.alloc(101) }], failed: [c!], released: [d!] };
    assert.deepEqual(await tell(clients, '', told), ['STORED', 'TOO_LARGE', 'STORED', 'STORED']);
    const found = await Promise.all(ids.map((id) => describeTask(clients, id)));
    assert.deepEqual(
      found.map(({ state, clientId }) => [state, clientId]),
      [
        [TaskState.SUCCEEDED, 'w'],
        [TaskState.FAILED, 'w'],
        [TaskState.FAILED, 'w'],
        [TaskState.FAILED, 'w'],
      ],
    );
  });

  it('names what it cannot read', async () => {
    const clients = connect(await startScene());
    const id = newTaskId();
    const cases: [TellInit, string][] = [
      [{ succeeded: [{ taskId: 'x', delivery: 1 }] }, 'succeeded[0].task_id'],
      [{ failed: [{ taskId: id, delivery: 1 }, { taskId: id }] }, 'failed[1].delivery'],
      [{ released: [{ taskId: '', delivery: 1 }] }, 'released[0].task_id'],
      [{ released: Array.from({ length: 1_001 }, () => ({ taskId: id, delivery: 1 })) }, 'released'],
    ];
    for (const [request, field] of cases) {
      const refusal = await refusalOf(tell(clients, 'w', request));
      assert.ok(refusal.startsWith(`INVALID_ARGUMENT ${field}: `), refusal);
    }
  });

  it('stores what came before a message that it cannot read', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueueMany(clients, 1);
    const worker = await openWorker(clients, { clientId: 'w' });
    const [task] = await worker.receive(1);
    const refusal = await refusalOf(
      tell(clients, 'w', { succeeded: [nameOf(task!)] }, { released: [{ taskId: 'x' }] }),
    );
    assert.match(refusal, /^INVALID_ARGUMENT released\[0\]/);
    await until('it is stored', async () => (await describeTask(clients, id!)).state === TaskState.SUCCEEDED);
  });
});

describe('SendStatus', () => {
  afterEach(closeScene);

  it('names what it cannot read and ends the session, and both streams tell why', async () => {
    const clients = connect(await startScene());
    const good = { taskId: newTaskId(), delivery: 1 };
    const cases: [StatusInit, string, string?][] = [
      [{ started: Array.from({ length: 10_000 }, () => ({})) }, 'started', 'RESOURCE_EXHAUSTED never'],
      [{ started: [{ taskId: 'x', delivery: 1 }] }, 'started[0].task_id'],
      [{ stopped: [{ taskId: good.taskId }] }, 'stopped[0].delivery'],
      [{ progress: [{ ...good, taskId: '' }] }, 'progress[0].task_id'],
      [{ checkpoints: [good, { ...good, data: Buffer.alloc(65_537) }] }, 'checkpoints[1].data'],
    ];
    for (const [request, field, mark = 'INVALID_ARGUMENT never'] of cases) {
      const worker = await openWorker(clients);
      worker.send(request);
      for (const end of await Promise.all([worker.statusEnded, worker.ended])) {
        assert.ok(end.details.startsWith(`${field}: `), end.details);
        assert.equal(closeOf(end), mark);
      }
    }
  });

  it('takes no word about a task that the session does not hold', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { timeoutMs: 20 });
    const holder = await openWorker(clients);
    await holder.receive(1);
    const other = await openWorker(clients, { queues: ['none'] });
    other.send({ started: [{ taskId: id!, delivery: 1 }], progress: [{ taskId: id!, delivery: 1, fraction: 0.5 }] });
    await other.succeed({ taskId: newTaskId(), delivery: 1 });
    await never('a timeout', () => holder.cancels.length > 0, 60);
  });
});
