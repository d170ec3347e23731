import type { MessageInitShape } from '@bufbuild/protobuf';
import { Metadata, type ServerUnaryCall } from '@grpc/grpc-js';
import {
  type CallTaskRequest,
  type CancelledTaskSchema,
  type TaskFilter as TaskFilterMessage,
  type TaskSchema,
  type TaskService,
  TaskState,
} from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError, invalid } from '../../shared/errors.ts';
import type { Handlers } from '../../shared/grpc.ts';
import { isTaskId } from '../../shared/ids.ts';
import { cutText } from '../../shared/text.ts';
import { createAwaiting } from '../api/awaited.ts';
import { createEnqueue } from '../api/enqueue.ts';
import type { Agreement } from '../api/events.ts';
import { createPace } from '../api/pace.ts';
import { cutPage } from '../api/page.ts';
import { readFilter, type TaskViewOptions, writeResult, writeState, writeTask } from '../api/views.ts';
import { actOnFound, type BulkOutcome } from '../dispatch/bulk.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import { explainWaiting } from '../dispatch/waiting.ts';
import { PARENT_LANE } from '../model/lane.ts';
import type { ResultRecord, TaskState as State, TaskRecord } from '../model/task.ts';
import type { Registry } from '../session/registry.ts';
import type { CancelOutcome } from '../store/tasks.ts';
import type { CallEnds } from './call.ts';
import { createResultsStream } from './observer.ts';
import { createEnqueueStream, writeEnqueued } from './producer.ts';
import { createTaskStream } from './watcher.ts';

const MAX_PAGE = 500;
const DEFAULT_PAGE = 100;
const MAX_IDS = 1_000;
const MAX_REASON_LENGTH = 256;

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

  /** A single task: with its payload, and a broadcast with its counts. */
  async function write(record: TaskRecord): Promise<MessageInitShape<typeof TaskSchema>> {
    const children = record.lane === PARENT_LANE ? await store.countChildren(record.id) : undefined;
    return writeTask(record, { ...view(record, true), ...(children ? { children } : {}) });
  }

  const pace = createPace();
  const enqueue = createEnqueue(queue, clock, maxPayloadBytes);
  const openAwaited = createAwaiting(results, store);

  return {
    enqueueTasks: ends.unary(async ({ tasks }) => ({ tasks: writeEnqueued(await enqueue(tasks)) })),

    streamEnqueue: createEnqueueStream({ ends, agreement, enqueue, openAwaited, cursorAt: results.cursorAt }),

    describeTask: ends.unary(async ({ id }) => {
      checkId('id', id);
      await pace();
      const record = await store.describeTask(id);
      if (!record) throw new ContactError('NOT_FOUND', `no task ${id}`, { field: 'id' });
      return { task: await write(record) };
    }),

    listTasks: ends.unary(async ({ filter, pageSize, pageToken, withPayload }) => {
      if (pageSize > MAX_PAGE) throw invalid('page_size', `at most ${MAX_PAGE}`);
      if (pageToken !== '') checkId('page_token', pageToken);
      const limit = pageSize || DEFAULT_PAGE;
      await pace();
      const records = await store.listTasks(readFilter(filter), pageToken || null, limit);
      const { items, last } = cutPage(records, (record) => writeTask(record, view(record, withPayload)));
      // A page may be short for its bytes; the empty one is the last.
      return { tasks: items, nextPageToken: last?.id ?? '' };
    }),

    cancelTasks: ends.unary(async ({ ids, filter, reason }) => {
      const why = cutText(reason, MAX_REASON_LENGTH);
      const { items, total } = await actOn(ids, filter, ['ready', 'scheduled', 'running'], (some) =>
        registry.cancel(some, why),
      );
      return { tasks: items.map(writeCancelled), total };
    }),

    retryTasks: ends.unary(async ({ ids, filter }) => {
      let total = 0;
      const { items } = await actOn(ids, filter, ['failed'], async (some) => {
        const outcomes = await queue.retry(some);
        total += outcomes.filter(({ kind }) => kind === 'ready').length;
        return outcomes;
      });
      const refused = items.filter(({ kind }) => kind !== 'ready');
      return {
        ids: items.filter(({ kind }) => kind === 'ready').map(({ id }) => id),
        refusedIds: refused.map(({ id }) => id),
        total,
      };
    }),

    deleteTasks: ends.unary(async ({ ids }) => {
      checkIds(ids);
      const deleted = await store.deleteTasks(ids);
      const gone = ids.filter((_, index) => deleted[index]);
      return {
        ids: gone,
        refusedIds: ids.filter((_, index) => !deleted[index]),
      };
    }),

    callTask: ends.unary(async (request, call) => {
      const record = await callTask(request, call);
      return { result: writeResult(record, results.cursorAt(record.position)) };
    }),

    watchTask: createTaskStream(queue, ends, clock, pace, write),

    watchResults: createResultsStream(results, ends),
  };

  /** Named tasks, or all that a filter finds in these states. */
  async function actOn<T>(
    ids: readonly string[],
    filter: TaskFilterMessage | undefined,
    states: readonly State[],
    act: (ids: readonly string[]) => Promise<readonly T[]>,
  ): Promise<BulkOutcome<T>> {
    if (!filter) {
      checkIds(ids);
      const items = await act(ids);
      return { items, total: items.length };
    }
    if (ids.length > 0) throw invalid('ids', 'not together with filter');
    const wanted = readFilter(filter);
    if (Object.keys(wanted).length === 0) throw invalid('filter', 'expected at least one condition');
    return actOnFound(store, wanted, states, act);
  }

  /** Enqueues and waits. The task's id makes calling again after a lost connection safe. */
  async function callTask(
    request: CallTaskRequest,
    call: ServerUnaryCall<CallTaskRequest, unknown>,
  ): Promise<ResultRecord> {
    const { task, cancelWhenAbandoned } = request;
    if (!task) throw invalid('task', 'is required');
    const [stored] = await enqueue([task], 'task');
    // The call holds on to its request for as long as it waits, and the store has the payload.
    request.task = undefined;
    const { id } = stored!;
    // A proxy shall see at once that somebody is at it.
    if (!call.cancelled) call.sendMetadata(new Metadata());
    return new Promise((resolve, reject) => {
      const stop = results.onSettled(id, (record) => finish(() => resolve(record)));
      const onGone = (): void => {
        finish(() => reject(isLate(call) ? LATE : GONE));
        if (cancelWhenAbandoned) registry.cancel([id], 'ABANDONED').catch(() => undefined);
      };
      const stayOpen = ends.onClose((error) => finish(() => reject(error)));
      function finish(settle: () => void): void {
        stop();
        stayOpen();
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

const GONE = new ContactError('CANCELLED', 'the caller has gone');
const LATE = new ContactError('DEADLINE_EXCEEDED', 'the task was not settled in time');

/** The deadline ends the call on both sides; which of them the caller hears of first must not matter. */
function isLate(call: { getDeadline(): Date | number }): boolean {
  return Number(call.getDeadline()) <= Date.now();
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

function writeCancelled(outcome: CancelOutcome): MessageInitShape<typeof CancelledTaskSchema> {
  const { id, kind } = outcome;
  if (kind === 'cancelled') return { id, state: TaskState.CANCELLED };
  if (kind === 'requested') return { id, state: TaskState.RUNNING };
  if (kind === 'children') return { id, state: outcome.state ? writeState(outcome.state) : TaskState.RUNNING };
  return { id, refused: kind.toUpperCase() };
}
