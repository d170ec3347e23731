import type { ServerUnaryCall } from '@grpc/grpc-js';
import { type CallTaskRequest, type TaskService, TaskState } from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError, invalid } from '../../shared/errors.ts';
import type { Handlers } from '../../shared/grpc.ts';
import { isTaskId } from '../../shared/ids.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import { explainWaiting } from '../dispatch/waiting.ts';
import type { ResultRecord, TaskRecord } from '../model/task.ts';
import type { Registry } from '../session/registry.ts';
import type { CallEnds } from './call.ts';
import type { Agreement } from './events.ts';
import { createResultsStream } from './observer.ts';
import { createEnqueueStream, writeEnqueued } from './producer.ts';
import { readTask, readTasks } from './tasks.ts';
import { readFilter, type TaskViewOptions, writeResult, writeTask } from './views.ts';
import { createTaskStream } from './watcher.ts';

const MAX_PAGE = 500;
const DEFAULT_PAGE = 100;
const MAX_IDS = 1_000;

export interface TaskHandlersOptions {
  readonly queue: TaskQueue;
  readonly registry: Registry;
  readonly ends: CallEnds;
  readonly clock: Clock;
  readonly agreement: Agreement;
  readonly maxPayloadBytes: number;
}

/** TaskService: decode, call, encode. */
export function createTaskHandlers(options: TaskHandlersOptions): Handlers<typeof TaskService> {
  const { queue, registry, ends, clock, agreement, maxPayloadBytes } = options;
  const { results, store } = queue;

  const view = (record: TaskRecord, withPayload: boolean): TaskViewOptions => ({
    withPayload,
    waitingFor: explainWaiting(record, queue),
    cursorAt: results.cursorAt,
  });

  const read = ({ tasks }: { tasks: Parameters<typeof readTasks>[0] }): ReturnType<typeof readTasks> =>
    readTasks(tasks, clock.now(), maxPayloadBytes);

  return {
    enqueueTasks: ends.unary(async (request) => ({ tasks: writeEnqueued(await queue.enqueue(read(request))) })),

    streamEnqueue: createEnqueueStream({ ends, agreement, read, enqueue: queue.enqueue }),

    describeTask: ends.unary(async ({ id }) => {
      checkId('id', id);
      const record = await store.describeTask(id);
      if (!record) throw new ContactError('NOT_FOUND', `id: no task ${id}`);
      return { task: writeTask(record, view(record, true)) };
    }),

    listTasks: ends.unary(async ({ filter, pageSize, pageToken, withPayload }) => {
      if (pageSize > MAX_PAGE) throw invalid('page_size', `at most ${MAX_PAGE}`);
      if (pageToken !== '') checkId('page_token', pageToken);
      const limit = pageSize || DEFAULT_PAGE;
      const records = await store.listTasks(readFilter(filter), pageToken || null, limit);
      return {
        tasks: records.map((record) => writeTask(record, view(record, withPayload))),
        // A page may be short for its bytes; the empty one is the last.
        nextPageToken: records.at(-1)?.id ?? '',
      };
    }),

    cancelTasks: ends.unary(async ({ ids, filter, reason }) => {
      refuseFilter(filter);
      checkIds(ids);
      const outcomes = await registry.cancel(ids, reason.slice(0, 256));
      return {
        tasks: outcomes.map((outcome) => {
          const { id, kind } = outcome;
          if (kind === 'cancelled') return { id, state: TaskState.CANCELLED };
          if (kind === 'requested') return { id, state: TaskState.RUNNING };
          return { id, refused: kind.toUpperCase() };
        }),
      };
    }),

    retryTasks: ends.unary(async ({ ids, filter }) => {
      refuseFilter(filter);
      checkIds(ids);
      const outcomes = await queue.retry(ids);
      const isReady = (kind: string): boolean => kind === 'ready';
      return {
        ids: outcomes.filter(({ kind }) => isReady(kind)).map(({ id }) => id),
        refusedIds: outcomes.filter(({ kind }) => !isReady(kind)).map(({ id }) => id),
      };
    }),

    deleteTasks: ends.unary(async ({ ids }) => {
      checkIds(ids);
      const deleted = await store.deleteTasks(ids);
      return {
        ids: ids.filter((_, index) => deleted[index]),
        refusedIds: ids.filter((_, index) => !deleted[index]),
      };
    }),

    callTask: ends.unary(async (request, call) => {
      const record = await callTask(request, call);
      return { result: writeResult(record, results.cursorAt(record.position)) };
    }),

    watchTask: createTaskStream(queue, ends, clock, (record) => writeTask(record, view(record, true))),

    watchResults: createResultsStream(results, ends),
  };

  /** Enqueues and waits. The task's id makes calling again after a lost connection safe. */
  async function callTask(
    { task, cancelWhenAbandoned }: CallTaskRequest,
    call: ServerUnaryCall<CallTaskRequest, unknown>,
  ): Promise<ResultRecord> {
    if (!task) throw invalid('task', 'is required');
    const input = readTask(task, 'task', clock.now(), maxPayloadBytes);
    const [stored] = await queue.enqueue([input]);
    const { id } = stored!;
    return new Promise((resolve, reject) => {
      const stop = results.onSettled(id, (record) => finish(() => resolve(record)));
      const onGone = (): void => {
        finish(() => reject(new ContactError('CANCELLED', 'the caller has gone')));
        if (cancelWhenAbandoned) registry.cancel([id], 'ABANDONED').catch(() => undefined);
      };
      function finish(settle: () => void): void {
        stop();
        call.off('cancelled', onGone);
        settle();
      }
      call.on('cancelled', onGone);
      if (call.cancelled) onGone();
      // It may have been settled before we began to listen.
      else {
        store.describeTask(id).then(
          (record) => record?.settled && isSettledNow(record) && finish(() => resolve(record.settled!)),
          (error: unknown) => finish(() => reject(error)),
        );
      }
    });
  }
}

function isSettledNow({ state, settled }: TaskRecord): boolean {
  return settled !== null && settled.state === state;
}

function checkId(field: string, id: string): void {
  if (!isTaskId(id)) throw invalid(field, 'expected a UUIDv7 in lower case');
}

function checkIds(ids: readonly string[]): void {
  if (ids.length === 0 || ids.length > MAX_IDS) throw invalid('ids', `expected 1 to ${MAX_IDS}, got ${ids.length}`);
  ids.forEach((id, index) => {
    checkId(`ids[${index}]`, id);
  });
}

function refuseFilter(filter: unknown): void {
  if (filter !== undefined)
    throw new ContactError('UNIMPLEMENTED', 'filter: not in this version; name the tasks in ids');
}

export function unimplemented(method: string): ContactError {
  return new ContactError('UNIMPLEMENTED', `${method} is not in this version of the server; see the CHANGELOG`);
}
