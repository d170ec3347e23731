import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { type StreamEnqueueResponse, TaskService, TaskState } from '../../gen/index.ts';
import { newTaskId } from '../../shared/ids.ts';
import {
  ask,
  type Clients,
  connect,
  describeTask,
  enqueue,
  enqueueMany,
  refusalOf,
  type TaskInit,
} from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';
import { nameOf, openWorker, statusOf } from '../scene/worker.ts';

const { enqueueTasks, listTasks } = TaskService.method;
const countTasks = async (clients: Clients): Promise<number> => (await ask(clients, listTasks, {})).tasks.length;

describe('EnqueueTasks', () => {
  afterEach(closeScene);

  it('stores a batch and answers its ids in order', async () => {
    const clients = connect(await startScene());
    const own = newTaskId();
    const ids = await enqueue(clients, {}, { id: own }, { start: { case: 'delayMs', value: 60_000 } });
    assert.equal(ids[1], own);
    assert.equal(new Set(ids).size, 3);
    const states = await Promise.all(ids.map(async (id) => (await describeTask(clients, id)).state));
    assert.deepEqual(states, [TaskState.READY, TaskState.READY, TaskState.SCHEDULED]);
  });

  it('stores all of a batch or nothing', async () => {
    const clients = connect(await startScene());
    const [taken] = await enqueue(clients, { payload: Buffer.from('first') });
    const batch = [{ queue: 'q' }, { queue: 'q', id: taken!, payload: Buffer.from('other') }, { queue: 'q' }];
    const refusal = await refusalOf(ask(clients, enqueueTasks, { tasks: batch }));
    assert.match(refusal, /^ALREADY_EXISTS tasks\[1\]\.id: /);
    assert.equal(await countTasks(clients), 1);
    assert.match(await refusalOf(enqueue(clients, {}, { queue: '' }, {})), /^INVALID_ARGUMENT tasks\[1\]\.queue: /);
    assert.equal(await countTasks(clients), 1);
    const worker = await openWorker(clients);
    assert.equal(Buffer.from((await worker.receive(1))[0]!.payload).toString(), 'first');
    // What a refused batch began must not shift the count of what follows.
    assert.equal((await enqueueMany(clients, 3)).length, 3);
    await worker.receive(4);
  });

  it('acknowledges a repeated id with the same content again', async () => {
    const clients = connect(await startScene());
    const task: TaskInit = { id: newTaskId(), queue: 'q', payload: Buffer.from('x'), metadata: { b: '1', a: '2' } };
    await enqueue(clients, task);
    const again = { ...task, metadata: { a: '2', b: '1' }, start: { case: 'delayMs' as const, value: 5 } };
    const { tasks } = await ask(clients, enqueueTasks, { tasks: [again, { queue: 'q' }] });
    assert.deepEqual(
      tasks.map(({ id, deduplicated }) => [id === task.id, deduplicated]),
      [
        [true, true],
        [false, false],
      ],
    );
    const worker = await openWorker(clients);
    await worker.succeed((await worker.receive(2)).find(({ taskId }) => taskId === task.id)!);
    const settled = await ask(clients, enqueueTasks, { tasks: [task] });
    assert.equal(settled.tasks[0]!.deduplicated, true);
    for (const other of [
      { payload: Buffer.from('y') },
      { queue: 'p' },
      { priority: 1 },
      { metadata: {} },
      { contentType: 'a/b' },
    ]) {
      const refusal = await refusalOf(ask(clients, enqueueTasks, { tasks: [{ ...task, ...other }] }));
      assert.match(refusal, /^ALREADY_EXISTS tasks\[0\]\.id: /);
    }
  });

  it('keeps one task for an idempotency key of a queue', async () => {
    const clients = connect(await startScene());
    const task: TaskInit = { queue: 'q', payload: Buffer.from('x'), idempotencyKey: 'order-1' };
    const [first] = await enqueue(clients, task);
    const { tasks } = await ask(clients, enqueueTasks, { tasks: [task, { ...task, queue: 'p' }, task] });
    assert.deepEqual(
      tasks.map(({ id, deduplicated }) => [id === first, deduplicated]),
      [
        [true, true],
        [false, false],
        [true, true],
      ],
    );
    const other = { ...task, payload: Buffer.from('y') };
    assert.match(await refusalOf(enqueue(clients, other)), /^ALREADY_EXISTS tasks\[0\]\.idempotency_key: /);
  });

  it('expires what nobody took in time', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { expiry: { case: 'expiresAfterMs', value: 30 } });
    await until('it expires', async () => (await describeTask(clients, id!)).state === TaskState.EXPIRED);
    assert.equal((await describeTask(clients, id!)).error?.code, 'EXPIRED');
  });

  it('expires what is given back after its time', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients);
    const [id] = await enqueue(clients, { expiry: { case: 'expiresAfterMs', value: 400 } });
    const [task] = await worker.receive(1);
    const isOver = async () => (await describeTask(clients, id!)).state !== TaskState.RUNNING;
    await never('an end while it runs', isOver, 450);
    assert.deepEqual(await worker.report({ released: [nameOf(task!)] }), ['STORED']);
    await until('it expires', async () => (await describeTask(clients, id!)).state === TaskState.EXPIRED);
  });

  it('starts what was delayed when its time has come', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients);
    const since = Date.now();
    await enqueue(clients, { start: { case: 'delayMs', value: 60 } });
    await worker.receive(1);
    assert.ok(Date.now() - since >= 60);
  });
});

interface Enqueuer {
  readonly answers: readonly StreamEnqueueResponse['event'][];
  send(...tasks: TaskInit[]): void;
  end(): Promise<number>;
}

function openEnqueue({ tasks: service }: Clients): Enqueuer {
  const answers: StreamEnqueueResponse['event'][] = [];
  const stream = service.streamEnqueue();
  const ended = statusOf(stream);
  stream.on('data', ({ event }: StreamEnqueueResponse) => answers.push(event));
  return {
    answers,
    send: (...batch) => void stream.write({ tasks: batch.map((task) => ({ queue: 'q', ...task })) }),
    async end() {
      stream.end();
      return (await ended).code;
    },
  };
}

describe('StreamEnqueue', () => {
  afterEach(closeScene);

  it('tells its window first', async () => {
    const clients = connect(await startScene({ maxPayloadBytes: 1_000 }));
    const stream = openEnqueue(clients);
    await until('the window', () => stream.answers.length === 1);
    const [first] = stream.answers;
    assert.equal(first!.case, 'window');
    assert.ok(first?.case === 'window' && first.value.maxBatches > 0 && first.value.maxBytes > 0);
    assert.equal(first.value.limits?.maxPayloadBytes, 1_000);
    assert.equal(await stream.end(), status.OK);
  });

  it('answers batches in their order, a refused one among them', async () => {
    const clients = connect(await startScene());
    const stream = openEnqueue(clients);
    const own = newTaskId();
    stream.send({}, {});
    stream.send({ id: own });
    stream.send({}, { queue: 'no blanks' });
    stream.send({ id: own, payload: Buffer.from('other') });
    stream.send({ id: own });
    stream.send();
    stream.send({}, { id: own });
    assert.equal(await stream.end(), status.OK);
    const [, drawn, known, invalid, exists, repeated, empty, mixed] = stream.answers;
    assert.equal(stream.answers.length, 8);
    assert.ok(drawn?.case === 'stored' && drawn.value.ids.length === 2 && drawn.value.deduplicated.length === 0);
    assert.ok(known?.case === 'stored' && known.value.ids.length === 0);
    assert.ok(invalid?.case === 'refused' && invalid.value.code === status.INVALID_ARGUMENT);
    assert.match(invalid.value.message, /^tasks\[1\]\.queue: /);
    assert.equal(invalid.value.retryAfterMs, 0);
    assert.ok(exists?.case === 'refused' && exists.value.code === status.ALREADY_EXISTS);
    assert.ok(repeated?.case === 'stored');
    assert.deepEqual([repeated.value.ids, repeated.value.deduplicated], [[], [0]]);
    assert.ok(empty?.case === 'refused' && empty.value.code === status.INVALID_ARGUMENT);
    assert.ok(mixed?.case === 'stored');
    assert.deepEqual([mixed.value.ids[1], mixed.value.deduplicated], [own, [1]]);
    assert.equal(await countTasks(clients), 4);
  });

  it('stores far more batches than its window, in order', async () => {
    const clients = connect(await startScene());
    const stream = openEnqueue(clients);
    for (let n = 0; n < 500; n++) stream.send({ payload: Buffer.from(String(n)) });
    assert.equal(await stream.end(), status.OK);
    assert.ok(stream.answers.slice(1).every((answer) => answer.case === 'stored'));
    assert.equal(stream.answers.length, 501);
    const worker = await openWorker(clients, { maxInFlight: 500 });
    const tasks = await worker.receive(500);
    assert.deepEqual(
      tasks.map(({ payload }) => Number(Buffer.from(payload))),
      tasks.map((_, n) => n),
    );
  });

  it('keeps what was acknowledged when the producer goes without a word', async () => {
    const clients = connect(await startScene());
    const stream = clients.tasks.streamEnqueue();
    stream.on('error', () => undefined);
    let stored = 0;
    stream.on('data', ({ event }: StreamEnqueueResponse) => {
      if (event.case === 'stored') stored += 1;
    });
    for (let n = 0; n < 20; n++) stream.write({ tasks: [{ queue: 'q' }] });
    await until('some answers', () => stored >= 5);
    stream.cancel();
    assert.ok((await countTasks(clients)) >= stored);
  });
});

describe('CallTask', () => {
  afterEach(closeScene);

  it('answers with the result', async () => {
    const clients = connect(await startScene());
    const worker = await openWorker(clients);
    const answer = ask(clients, TaskService.method.callTask, { task: { queue: 'q', payload: Buffer.from('?') } });
    const [task] = await worker.receive(1);
    await worker.report({ succeeded: [{ taskId: task!.taskId, delivery: 1, result: Buffer.from('!') }] });
    const { result } = await answer;
    assert.deepEqual(
      [result!.taskId, result!.state, Buffer.from(result!.result).toString()],
      [task!.taskId, TaskState.SUCCEEDED, '!'],
    );
    // Again under its id: the result is there already.
    const again = { id: task!.taskId, queue: 'q', payload: Buffer.from('?') };
    assert.equal((await ask(clients, TaskService.method.callTask, { task: again })).result!.cursor, result!.cursor);
  });

  it('cancels the task of a caller who gave up, if asked to', async () => {
    const clients = connect(await startScene());
    const ids = [newTaskId(), newTaskId()];
    const calls = ids.map((id, at) =>
      refusalOf(
        ask(
          clients,
          TaskService.method.callTask,
          { task: { id, queue: 'q' }, cancelWhenAbandoned: at === 0 },
          // Time enough for the call to be there before it is over.
          { deadline: Date.now() + 500 },
        ),
      ),
    );
    assert.ok((await Promise.all(calls)).every((refusal) => refusal.startsWith('DEADLINE_EXCEEDED')));
    await until('the cancel', async () => (await describeTask(clients, ids[0]!)).state === TaskState.CANCELLED);
    assert.equal((await describeTask(clients, ids[1]!)).state, TaskState.READY);
  });
});
