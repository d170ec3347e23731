import assert from 'node:assert/strict';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { type Attempt, AttemptEnd, TaskService, TaskState, type WatchTaskResponse } from '../../gen/index.ts';
import { endName } from '../../json/task.ts';
import { ask, connect, describeTask, enqueue } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { nameOf, openWorker } from '../scene/worker.ts';

const SOON = { baseMs: 1 };

describe('the attempts of a task', () => {
  afterEach(closeScene);

  const endsOf = (attempts: readonly Attempt[]) => attempts.map(({ delivery, end }) => [delivery, end]);

  it('are told of one task: who had it, when it began and ended, why it failed and where, how long it waited', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, {});
    const worker = await openWorker(clients, { clientId: 'w1' });
    const [task] = await worker.receive(1);
    worker.send({ started: [nameOf(task!)] });
    const error = { code: 'E', message: 'it broke', detail: 'Error: it broke\n    at one' };
    assert.deepEqual(await worker.report({ failed: [{ ...nameOf(task!), error, retry: 2, retryAfterMs: 70 }] }), [
      'STORED',
    ]);
    const { attempts, createdAt, state } = await describeTask(clients, id!);
    assert.equal(state, TaskState.SCHEDULED);
    const [{ claimedAt, startedAt, endedAt, error: told, ...rest }] = attempts as [Attempt];
    const [created, claimed, started, ended] = [createdAt, claimedAt, startedAt, endedAt].map((at) => timestampMs(at!));
    assert.ok(created! <= claimed! && claimed! <= started! && started! <= ended!);
    assert.deepEqual({ ...told }, { $typeName: 'contact.v1.TaskError', ...error, details: new Uint8Array() });
    assert.deepEqual(rest, {
      $typeName: 'contact.v1.Attempt',
      attempt: 1,
      delivery: 1,
      clientId: 'w1',
      end: AttemptEnd.FAILED,
      untouched: false,
      backoffMs: 70,
      log: [],
    });
    const [, again] = await worker.receive(2);
    assert.deepEqual(endsOf((await describeTask(clients, id!)).attempts), [
      [1, AttemptEnd.FAILED],
      [2, AttemptEnd.UNSPECIFIED],
    ]);
    await worker.succeed(again!);
    const settled = await describeTask(clients, id!);
    assert.deepEqual(endsOf(settled.attempts), [
      [1, AttemptEnd.FAILED],
      [2, AttemptEnd.SUCCEEDED],
    ]);
    const listed = await ask(clients, TaskService.method.listTasks, {});
    assert.deepEqual(listed.tasks[0]!.attempts, []);
  });

  it('have a detail of 4 KiB at most: it is cut on a character, and not told to observers', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, {});
    const worker = await openWorker(clients);
    const [task] = await worker.receive(1);
    const detail = `${'x'.repeat(4_095)}äöü`;
    await worker.report({ failed: [{ ...nameOf(task!), error: { message: 'm', detail }, retry: 1 }] });
    const { attempts, error } = await describeTask(clients, id!);
    assert.equal(attempts[0]!.error!.detail, 'x'.repeat(4_095));
    assert.deepEqual([error!.message, error!.detail], ['m', '']);
    const results: unknown[] = [];
    for await (const { events } of clients.tasks.watchResults({ start: 1 })) results.push(...events);
    assert.deepEqual(
      results.map((one) => (one as { error: { message: string; detail: string } }).error.detail),
      [''],
    );
  });

  it('tell timeouts, cancels, releases and losses apart, and when each began', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 20 }));
    const worker = await openWorker(clients, { clientId: 'w', maxInFlight: 1 });
    const [late] = await enqueue(clients, { timeoutMs: 20, maxAttempts: 1 });
    const [timed] = await worker.receive(1);
    worker.send({ started: [nameOf(timed!)] });
    await until('the timeout', () => worker.cancels.length > 0);
    await worker.report({ stopped: [nameOf(timed!)] });
    const [id] = await enqueue(clients, { maxAttempts: 9 });
    const [, untouched] = await worker.receive(2);
    await worker.report({ untouched: [nameOf(untouched!)] });
    const [, , released] = await worker.receive(3);
    worker.send({ started: [nameOf(released!)] });
    await worker.report({ released: [nameOf(released!)] });
    const [, , , lost] = await worker.receive(4);
    worker.send({ started: [nameOf(lost!)], progress: [{ ...nameOf(lost!), fraction: 1 }] });
    await worker.report({ released: [{ ...nameOf(lost!), delivery: 99 }] });
    await worker.cancel();
    const next = await openWorker(clients, { clientId: 'v', maxInFlight: 1 });
    const [asked] = await next.receive(1);
    await ask(clients, TaskService.method.cancelTasks, { ids: [id!], reason: 'enough' });
    await next.report({ stopped: [nameOf(asked!)] });
    const tasks = await Promise.all([late!, id!].map((one) => describeTask(clients, one)));
    assert.deepEqual(
      tasks
        .flatMap(({ attempts }) => attempts)
        .map(({ end, clientId, untouched, startedAt, error }) => [
          endName({ end }),
          clientId,
          untouched,
          startedAt !== undefined,
          error?.code ?? '',
        ]),
      [
        ['timed_out', 'w', false, true, 'TIMEOUT'],
        ['released', 'w', true, false, ''],
        ['released', 'w', false, true, ''],
        ['lost', 'w', false, true, ''],
        ['cancelled', 'v', false, false, 'CANCELLED'],
      ],
    );
  });

  it('come with each change of a task that is watched', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { backoff: SOON });
    const told: WatchTaskResponse[] = [];
    const stream = clients.tasks.watchTask({ id: id! });
    stream.on('data', (response: WatchTaskResponse) => told.push(response));
    const worker = await openWorker(clients);
    const [task] = await worker.receive(1);
    await worker.report({ failed: [{ ...nameOf(task!), error: { message: 'first' } }] });
    const [, again] = await worker.receive(2);
    await worker.succeed(again!);
    await new Promise((resolve) => stream.once('end', resolve));
    const last = told.at(-1)!.event;
    assert.ok(last.case === 'task');
    assert.deepEqual(
      last.value.attempts.map(({ end, error }) => [endName({ end }), error?.message ?? '']),
      [
        ['failed', 'first'],
        ['succeeded', ''],
      ],
    );
  });
});
