import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import {
  CallTaskRequestSchema,
  CancelTasksRequestSchema,
  DeleteTasksRequestSchema,
  DescribeTaskRequestSchema,
  EnqueueTasksRequestSchema,
  GetTaskRequestSchema,
  ListQueuesRequestSchema,
  ListTasksRequestSchema,
  PauseQueueRequestSchema,
  ResultStart,
  RetryTasksRequestSchema,
  TaskState,
  WatchResultsRequestSchema,
  WatchTaskRequestSchema,
} from '../../gen/index.ts';
import { type Api, createApi } from '../../server/api/api.ts';
import { type Context, whyGone } from '../../server/api/context.ts';
import { createTaskQueue, type TaskQueue } from '../../server/dispatch/queue.ts';
import { ANONYMOUS, type QueueScope } from '../../server/model/caller.ts';
import { DEFAULTS } from '../../server/options.ts';
import { SERVER_SHUTDOWN } from '../../server/session/closing.ts';
import { createRegistry, type Registry } from '../../server/session/registry.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { systemClock } from '../../shared/clock.ts';
import { newTaskId } from '../../shared/ids.ts';
import { createOpening, createRequest, fail } from '../scene/deliveries.ts';

describe('createApi()', () => {
  let store: Store;
  let queue: TaskQueue;
  let registry: Registry;
  let api: Api;

  beforeEach(async () => {
    store = await openStore('memory:', { node: 'n' });
    const onFatal = (error: unknown): never => {
      throw error;
    };
    const clock = systemClock;
    queue = await createTaskQueue({ store, node: 'n', clock, onFatal });
    const settings = { ...DEFAULTS, maxPlainInFlight: 10 };
    registry = createRegistry({ queue, store, clock, random: () => 0, settings, onFatal });
    const agreement = { limits: {}, pingIntervalMs: 5_000, resumeWindowMs: 15_000 };
    api = createApi({ ...DEFAULTS, queue, registry, store, clock, agreement, version: '0' });
  });

  afterEach(async () => {
    registry.close();
    await queue.close();
  });

  /** Of a caller that may see these queues, until `leave`. */
  function createContext(queues: QueueScope['queues'] = 'all') {
    const controller = new AbortController();
    let begun = 0;
    const context: Context = {
      caller: { ...ANONYMOUS, scope: { queues } },
      signal: controller.signal,
      deadlineAt: Number.POSITIVE_INFINITY,
      peer: 'here',
      header: () => undefined,
      beginAnswer: () => {
        begun += 1;
      },
    };
    return { context, leave: (reason: unknown) => controller.abort(reason), begun: () => begun };
  }

  const enqueue = (...queues: string[]) =>
    api.tasks.enqueueTasks(
      create(EnqueueTasksRequestSchema, { tasks: queues.map((name) => ({ queue: name })) }),
      createContext().context,
    );

  async function isStored(id: string): Promise<void> {
    while (!(await store.describeTask(id))) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Cancels tasks, which is the shortest way to a result. */
  const settle = (...ids: string[]) => queue.cancel(ids, 'enough');

  describe('callTask()', () => {
    function call(id: string, cancelWhenAbandoned = false, { context, ...rest } = createContext()) {
      const request = create(CallTaskRequestSchema, { task: { id, queue: 'q' }, cancelWhenAbandoned });
      return { request, answered: Promise.resolve(api.tasks.callTask(request, context)), ...rest };
    }

    it('answers with the result, and holds no payload meanwhile', async () => {
      const id = newTaskId();
      const { request, answered, begun } = call(id);
      await isStored(id);
      assert.deepEqual([request.task, begun()], [undefined, 1]);
      await settle(id);
      assert.deepEqual(await answered.then(({ result }) => [result?.taskId, result?.state]), [id, TaskState.CANCELLED]);
    });

    it('answers with what has ended before', async () => {
      const id = newTaskId();
      const first = call(id);
      await isStored(id);
      await settle(id);
      await first.answered;
      assert.equal((await call(id).answered).result?.taskId, id);
    });

    const GONE = whyGone(2, 1);
    const LATE = whyGone(1, 1);
    for (const [title, reason, isAsked, state] of [
      ['a caller that goes', GONE, true, 'cancelled'],
      ['a caller whose deadline has passed', LATE, true, 'cancelled'],
      ['a caller that does not ask for it', GONE, false, 'ready'],
      ['a server that goes', SERVER_SHUTDOWN, true, 'ready'],
    ] as const) {
      it(`leaves a task ${state} behind ${title}`, async () => {
        const id = newTaskId();
        const { answered, leave } = call(id, isAsked);
        await isStored(id);
        leave(reason);
        await assert.rejects(answered, reason);
        // What was asked for before is in the same commit, or in one before.
        await enqueue('other');
        assert.equal((await store.describeTask(id))?.state, state);
      });

      it(`leaves a task ${state} behind ${title} while it is stored`, async () => {
        const id = newTaskId();
        const { answered, leave } = call(id, isAsked);
        leave(reason);
        await assert.rejects(answered, reason);
        // What was asked for before is in the same commit, or in one before.
        await enqueue('other');
        assert.equal((await store.describeTask(id))?.state, state);
      });
    }

    it('names its task where it is in the request', async () => {
      await assert.rejects(call('x').answered, { code: 'INVALID_ARGUMENT', field: 'task.id' });
    });
  });

  describe('watchResults()', () => {
    function watch(context: Context) {
      const request = create(WatchResultsRequestSchema, { start: ResultStart.BEGINNING, follow: true });
      return api.tasks.watchResults(request, context)[Symbol.asyncIterator]();
    }

    it('goes on with what came while its reader was slow', async () => {
      const { context, leave } = createContext();
      const answers = watch(context);
      const { tasks = [] } = await enqueue('q', 'q');
      const [first, second] = tasks.map(({ id }) => id!);
      await answers.next();
      const waits = answers.next();
      await settle(first!);
      assert.deepEqual(
        (await waits).value.events.map(({ taskId }: { taskId: string }) => taskId),
        [first],
      );
      // The reader has the first, and has not asked for more: nobody listens when the second is told.
      await settle(second!);
      assert.deepEqual(
        (await answers.next()).value.events.map(({ taskId }: { taskId: string }) => taskId),
        [second],
      );
      leave(SERVER_SHUTDOWN);
      assert.equal((await answers.next()).done, true);
    });

    it('goes on with what came while its reader had a cursor alone', async () => {
      const { context, leave } = createContext(['mine']);
      const answers = watch(context);
      const { tasks = [] } = await enqueue('other', 'mine');
      const [other, mine] = tasks.map(({ id }) => id!);
      await settle(other!);
      await answers.next();
      // A message for the deleted result alone: everything has been read.
      await store.deleteTasks([other!]);
      queue.results.forget([other!]);
      const { value } = await answers.next();
      assert.deepEqual([value.events, value.gap], [undefined, 1n]);
      await settle(mine!);
      assert.deepEqual(
        (await answers.next()).value.events.map(({ taskId }: { taskId: string }) => taskId),
        [mine],
      );
      leave(SERVER_SHUTDOWN);
      assert.equal((await answers.next()).done, true);
    });

    it('ends while it waits when nobody reads any more', async () => {
      const { context, leave } = createContext();
      const answers = watch(context);
      await answers.next();
      const waits = answers.next();
      leave(whyGone(2, 1));
      assert.equal((await waits).done, true);
    });
  });

  describe('a caller with some queues', () => {
    it('is refused a task for another, by its place', async () => {
      const request = create(EnqueueTasksRequestSchema, { tasks: [{ queue: 'mine/a' }, { queue: 'theirs' }] });
      const { context } = createContext(['mine/*']);
      const refusal = { code: 'PERMISSION_DENIED', field: 'tasks[1].queue', index: 1 };
      await assert.rejects(api.tasks.enqueueTasks(request, context), refusal);
      request.tasks.pop();
      assert.equal((await api.tasks.enqueueTasks(request, context)).tasks?.length, 1);
    });

    it('is refused a call of another', async () => {
      const request = create(CallTaskRequestSchema, { task: { queue: 'theirs' } });
      const { context } = createContext(['mine']);
      await assert.rejects(api.tasks.callTask(request, context), { code: 'PERMISSION_DENIED', field: 'task.queue' });
    });

    it('does not register for another', async () => {
      const request = create(GetTaskRequestSchema, { queues: ['mine', 'theirs'] });
      const { context } = createContext(['mine']);
      const outlet = { peer: '', send: () => true, onDrain: () => undefined, end: () => undefined };
      const refusal = { code: 'PERMISSION_DENIED', field: 'queues[1]' };
      await assert.rejects(api.worker.openSession(request, context, outlet), refusal);
      assert.equal(registry.sessions.size, 0);
    });

    it('does not pause another', async () => {
      const request = create(PauseQueueRequestSchema, { queue: 'theirs', create: true });
      const { context } = createContext(['mine']);
      await assert.rejects(api.admin.pauseQueue(request, context), { code: 'PERMISSION_DENIED', field: 'queue' });
    });

    it('finds and watches no task of another', async () => {
      const { tasks = [] } = await enqueue('mine', 'theirs');
      const [mine, theirs] = tasks.map(({ id }) => id!);
      const { context } = createContext(['mine']);
      const describeTask = (id: string) => api.tasks.describeTask(create(DescribeTaskRequestSchema, { id }), context);
      const watchTask = (id: string) =>
        api.tasks.watchTask(create(WatchTaskRequestSchema, { id }), context)[Symbol.asyncIterator]().next();
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
      const { tasks = [] } = await enqueue('mine', 'theirs');
      const ids = tasks.map(({ id }) => id!);
      const [mine, theirs] = ids as [string, string];
      const { context } = createContext(['mine']);
      const listed = await api.tasks.listTasks(create(ListTasksRequestSchema, {}), context);
      assert.deepEqual(
        listed.tasks?.map(({ id }) => id),
        [mine],
      );
      const { queues } = await api.admin.listQueues(create(ListQueuesRequestSchema, {}), context);
      assert.deepEqual(
        queues?.map(({ name }) => name),
        ['mine'],
      );
      const found = { filter: { states: [TaskState.READY] } };
      const all = await api.tasks.cancelTasks(create(CancelTasksRequestSchema, found), context);
      assert.deepEqual([all.tasks?.map(({ id }) => id), all.total], [[mine], 1]);
      const named = await api.tasks.cancelTasks(create(CancelTasksRequestSchema, { ids: [theirs] }), context);
      assert.deepEqual(named.tasks, [{ id: theirs, refused: 'NOT_FOUND' }]);
      assert.equal((await store.describeTask(theirs))?.state, 'ready');

      await settle(theirs);
      const deleted = await api.tasks.deleteTasks(create(DeleteTasksRequestSchema, { ids }), context);
      assert.deepEqual([deleted.ids, deleted.refusedIds], [[mine], [theirs]]);
      const again = await api.tasks.retryTasks(create(RetryTasksRequestSchema, { ids: [theirs] }), context);
      assert.deepEqual([again.ids, again.refusedIds], [[], [theirs]]);
    });

    it('redrives its own failed tasks alone', async () => {
      const failed: string[] = [];
      for (const name of ['mine', 'theirs']) {
        const { session } = await store.openSession(createOpening({ queues: [name] }), 0);
        const { tasks = [] } = await enqueue(name);
        const id = tasks[0]!.id!;
        const [outcome] = await store.claimTasks(
          () => [createRequest(session, { lanes: [{ queue: name, lane: '' }] })],
          () => 0,
        );
        await store.settleTasks(
          [fail({ taskId: id, delivery: outcome!.tasks[0]!.delivery }, { retry: { kind: 'never' } })],
          0,
        );
        failed.push(id);
      }
      const { context } = createContext(['mine']);
      const request = create(RetryTasksRequestSchema, { filter: { states: [TaskState.FAILED] } });
      assert.deepEqual((await api.tasks.retryTasks(request, context)).ids, [failed[0]]);
      const named = create(RetryTasksRequestSchema, { ids: [failed[1]!] });
      assert.deepEqual((await api.tasks.retryTasks(named, context)).refusedIds, [failed[1]]);
      assert.equal((await store.describeTask(failed[1]!))?.state, 'failed');
    });

    it('observes no results of another', async () => {
      const { tasks = [] } = await enqueue('mine', 'theirs', 'mine');
      const ids = tasks.map(({ id }) => id!);
      await settle(...ids);
      const request = create(WatchResultsRequestSchema, { start: ResultStart.BEGINNING });
      const seen: (string | undefined)[] = [];
      for await (const { events = [] } of api.tasks.watchResults(request, createContext(['mine']).context)) {
        seen.push(...events.map(({ taskId }) => taskId));
      }
      assert.deepEqual(seen, [ids[0], ids[2]]);
    });
  });
});
