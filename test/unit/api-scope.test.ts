import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import {
  CallTaskRequestSchema,
  CancelTasksRequestSchema,
  DeleteTasksRequestSchema,
  DescribeClientRequestSchema,
  DescribeTaskRequestSchema,
  DisconnectClientRequestSchema,
  DrainClientRequestSchema,
  EnqueueTasksRequestSchema,
  ForgetClientRequestSchema,
  GetTaskRequestSchema,
  ListClientsRequestSchema,
  ListQueuesRequestSchema,
  ListTasksRequestSchema,
  PauseQueueRequestSchema,
  ResultStart,
  ResumeClientRequestSchema,
  RetryTasksRequestSchema,
  TaskState,
  WatchResultsRequestSchema,
  WatchTaskRequestSchema,
} from '../../gen/index.ts';
import { newTaskId } from '../../shared/ids.ts';
import { type ApiScene, createContext, openApi } from '../scene/api.ts';
import { createOpening, createRequest, fail } from '../scene/deliveries.ts';

describe('a caller with some queues', () => {
  let scene: ApiScene;

  beforeEach(async () => {
    scene = await openApi();
  });

  afterEach(() => scene.close());

  it('is refused a task for another, by its place', async () => {
    const request = create(EnqueueTasksRequestSchema, { tasks: [{ queue: 'mine/a' }, { queue: 'theirs' }] });
    const { context } = createContext(['mine/*']);
    const refusal = { code: 'PERMISSION_DENIED', field: 'tasks[1].queue', index: 1 };
    await assert.rejects(scene.api.tasks.enqueueTasks(request, context), refusal);
    request.tasks.pop();
    assert.equal((await scene.api.tasks.enqueueTasks(request, context)).tasks?.length, 1);
  });

  it('is told of an id that a task of another has only that it is taken', async () => {
    const [id] = await scene.enqueue('theirs');
    const { context } = createContext(['mine']);
    const task = { id: id!, queue: 'mine', payload: Buffer.from('guess') };
    const refusal = { code: 'ALREADY_EXISTS', message: `tasks[0].id: task ${id} has it, with another queue` };
    const enqueueing = scene.api.tasks.enqueueTasks(create(EnqueueTasksRequestSchema, { tasks: [task] }), context);
    await assert.rejects(enqueueing, refusal);
  });

  it('is refused a call of another', async () => {
    const request = create(CallTaskRequestSchema, { task: { queue: 'theirs' } });
    const { context } = createContext(['mine']);
    await assert.rejects(scene.api.tasks.callTask(request, context), {
      code: 'PERMISSION_DENIED',
      field: 'task.queue',
    });
  });

  it('does not register for another', async () => {
    const request = create(GetTaskRequestSchema, { queues: ['mine', 'theirs'] });
    const { context } = createContext(['mine']);
    const outlet = { peer: '', send: () => true, onDrain: () => undefined, end: () => undefined };
    const refusal = { code: 'PERMISSION_DENIED', field: 'queues[1]' };
    await assert.rejects(scene.api.worker.openSession(request, context, outlet), refusal);
    assert.equal(scene.registry.sessions.size, 0);
  });

  it('does not pause another', async () => {
    const request = create(PauseQueueRequestSchema, { queue: 'theirs', create: true });
    const { context } = createContext(['mine']);
    await assert.rejects(scene.api.admin.pauseQueue(request, context), { code: 'PERMISSION_DENIED', field: 'queue' });
  });

  it('finds and watches no task of another', async () => {
    const [mine, theirs] = await scene.enqueue('mine', 'theirs');
    const { context } = createContext(['mine']);
    const describeTask = (id: string) =>
      scene.api.tasks.describeTask(create(DescribeTaskRequestSchema, { id }), context);
    const watchTask = (id: string) =>
      scene.api.tasks.watchTask(create(WatchTaskRequestSchema, { id }), context)[Symbol.asyncIterator]().next();
    assert.equal((await describeTask(mine!)).task?.queue, 'mine');
    assert.equal((await watchTask(mine!)).value.event.value.queue, 'mine');
    const unknown = newTaskId();
    for (const id of [theirs!, unknown]) {
      const refusal = { code: 'NOT_FOUND', message: `id: no task ${id}` };
      await assert.rejects(describeTask(id), refusal);
      await assert.rejects(watchTask(id), refusal);
    }
  });

  it('lists, cancels, redrives and deletes nothing of another, named or found', async () => {
    const ids = await scene.enqueue('mine', 'theirs');
    const [mine, theirs] = ids as [string, string];
    const { context } = createContext(['mine']);
    const listed = await scene.api.tasks.listTasks(create(ListTasksRequestSchema, {}), context);
    assert.deepEqual(
      listed.tasks?.map(({ id }) => id),
      [mine],
    );
    const { queues } = await scene.api.admin.listQueues(create(ListQueuesRequestSchema, {}), context);
    assert.deepEqual(
      queues?.map(({ name }) => name),
      ['mine'],
    );
    const found = { filter: { states: [TaskState.READY] } };
    const all = await scene.api.tasks.cancelTasks(create(CancelTasksRequestSchema, found), context);
    assert.deepEqual([all.tasks?.map(({ id }) => id), all.total], [[mine], 1]);
    const named = await scene.api.tasks.cancelTasks(create(CancelTasksRequestSchema, { ids: [theirs] }), context);
    assert.deepEqual(named.tasks, [{ id: theirs, refused: 'NOT_FOUND' }]);
    assert.equal((await scene.store.describeTask(theirs))?.state, 'ready');

    await scene.queue.cancel([theirs], 'enough', 'ops');
    const deleted = await scene.api.tasks.deleteTasks(create(DeleteTasksRequestSchema, { ids: [...ids] }), context);
    assert.deepEqual([deleted.ids, deleted.refusedIds], [[mine], [theirs]]);
    const again = await scene.api.tasks.retryTasks(create(RetryTasksRequestSchema, { ids: [theirs] }), context);
    assert.deepEqual([again.ids, again.refusedIds], [[], [theirs]]);
  });

  it('redrives its own failed tasks alone', async () => {
    const failed: string[] = [];
    for (const name of ['mine', 'theirs']) {
      const { session } = await scene.store.openSession(createOpening({ queues: [name] }), 0);
      const [id] = (await scene.enqueue(name)) as [string];
      const [outcome] = await scene.store.claimTasks(
        () => [createRequest(session, { lanes: [{ queue: name, lane: '' }] })],
        () => 0,
      );
      await scene.store.settleTasks(
        [fail({ taskId: id, delivery: outcome!.tasks[0]!.delivery }, { retry: { kind: 'never' } })],
        0,
      );
      failed.push(id);
    }
    const { context } = createContext(['mine']);
    const request = create(RetryTasksRequestSchema, { filter: { states: [TaskState.FAILED] } });
    assert.deepEqual((await scene.api.tasks.retryTasks(request, context)).ids, [failed[0]]);
    const named = create(RetryTasksRequestSchema, { ids: [failed[1]!] });
    assert.deepEqual((await scene.api.tasks.retryTasks(named, context)).refusedIds, [failed[1]]);
    assert.equal((await scene.store.describeTask(failed[1]!))?.state, 'failed');
  });

  it('observes no results of another', async () => {
    const ids = await scene.enqueue('mine', 'theirs', 'mine');
    await scene.queue.cancel([...ids], 'enough', 'ops');
    const request = create(WatchResultsRequestSchema, { start: ResultStart.BEGINNING });
    const seen: (string | undefined)[] = [];
    for await (const { events = [] } of scene.api.tasks.watchResults(request, createContext(['mine']).context)) {
      seen.push(...events.map(({ taskId }) => taskId));
    }
    assert.deepEqual(seen, [ids[0], ids[2]]);
  });

  /** Registers a client of this name for these queues. */
  async function register(clientId: string, queues: readonly string[]): Promise<void> {
    const { context } = createContext();
    const outlet = { peer: '', send: () => true, onDrain: () => undefined, end: () => undefined };
    const header = (name: string) => (name === 'contact-client' ? clientId : undefined);
    const request = create(GetTaskRequestSchema, { queues: [...queues] });
    await scene.api.worker.openSession(request, { ...context, header }, outlet);
  }

  it('sees of a client the queues that are its own', async () => {
    await register('b', ['mine', 'theirs']);
    const { context } = createContext(['mine']);
    const { clients } = await scene.api.admin.listClients(create(ListClientsRequestSchema, {}), context);
    const { client } = await scene.api.admin.describeClient(
      create(DescribeClientRequestSchema, { clientId: 'b' }),
      context,
    );
    assert.deepEqual([clients?.[0]?.queues, client?.queues], [['mine'], ['mine']]);
  });

  it('orders nothing of a client that works for others', async () => {
    await register('b', ['mine', 'theirs']);
    await register('c', ['mine']);
    const { admin } = scene.api;
    const { context } = createContext(['mine']);
    const orders = [
      (clientId: string) => admin.drainClient(create(DrainClientRequestSchema, { clientId }), context),
      (clientId: string) => admin.resumeClient(create(ResumeClientRequestSchema, { clientId }), context),
      (clientId: string) => admin.disconnectClient(create(DisconnectClientRequestSchema, { clientId }), context),
    ];
    for (const order of orders) {
      await assert.rejects(order('nobody'), { code: 'NOT_FOUND' });
      await assert.rejects(order('b'), { code: 'PERMISSION_DENIED', field: 'client_id' });
      await order('c');
    }
    assert.deepEqual(
      [...scene.registry.sessions].map(({ clientId, isDraining }) => [clientId, isDraining]),
      [['b', false]],
    );
  });

  it('orders nothing of a client that works for no queue, unless it is of all', async () => {
    const serving = { clientId: 's', labels: {}, subject: '', methods: ['echo.Echo/Say'] };
    await scene.store.rememberServing(serving, 0);
    const { admin } = scene.api;
    const orders = (context: ReturnType<typeof createContext>['context']) => [
      () => admin.drainClient(create(DrainClientRequestSchema, { clientId: 's' }), context),
      () => admin.resumeClient(create(ResumeClientRequestSchema, { clientId: 's' }), context),
      () => admin.disconnectClient(create(DisconnectClientRequestSchema, { clientId: 's' }), context),
      () => admin.forgetClient(create(ForgetClientRequestSchema, { clientId: 's' }), context),
    ];
    for (const order of orders(createContext(['mine']).context)) {
      await assert.rejects(order, { code: 'PERMISSION_DENIED', field: 'client_id' });
    }
    await scene.store.leaveServing(serving, 0);
    for (const order of orders(createContext().context)) await order();
  });
});
