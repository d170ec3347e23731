import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type CancelledTaskSchema,
  type TaskFilter,
  type TaskSchema,
  type TaskService,
  TaskState,
} from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import { invalid } from '../../shared/errors.ts';
import { isTaskId } from '../../shared/ids.ts';
import { hideSecrets } from '../../shared/redact.ts';
import { cutText } from '../../shared/text.ts';
import { actOnFound, type BulkOutcome } from '../dispatch/bulk.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import { type Caller, nameCaller } from '../model/caller.ts';
import { PARENT_LANE } from '../model/lane.ts';
import type { TaskState as State } from '../model/task.ts';
import { actsFor } from '../model/taskact.ts';
import type { BroadcastStore } from '../store/broadcasts.ts';
import type { NoteFailure } from '../store/failure.ts';
import type { CancelOutcome, DescribedTask, TaskStore } from '../store/tasks.ts';
import { createCallTask } from './call.ts';
import type { Enqueue } from './enqueue.ts';
import { readFilter } from './filter.ts';
import type { Handlers } from './handler.ts';
import { createWatchResults } from './observer.ts';
import { createPace } from './pace.ts';
import { cutPage } from './page.ts';
import { writeEnqueued } from './producer.ts';
import { findTask } from './scope.ts';
import type { FindUnserved } from './unserved.ts';
import { type TaskViewOptions, writeState, writeTask } from './views.ts';
import type { Explanation, OpenExplainer } from './waiting.ts';
import { createWatchTask } from './watcher.ts';

const MAX_PAGE = 500;
const DEFAULT_PAGE = 100;
const MAX_IDS = 1_000;
/** Tasks that one commit deletes. */
const DELETED_AT_ONCE = 200;
const MAX_REASON_LENGTH = 256;
const SETTLED_STATES: readonly State[] = ['succeeded', 'failed', 'cancelled', 'expired'];

/** What handlers ask of the store itself: reading tasks, and deleting them. */
export type TaskReads = Pick<TaskStore, 'describeTask' | 'listLog' | 'listTasks' | 'countTasks' | 'deleteTasks'> &
  Pick<BroadcastStore, 'countChildren'>;

export interface TaskHandlersOptions {
  readonly queue: TaskQueue;
  readonly store: TaskReads;
  readonly enqueue: Enqueue;
  readonly clock: Clock;
  readonly noteFailure: NoteFailure;
  readonly openExplainer: OpenExplainer;
  readonly findUnserved: FindUnserved;
}

/** TaskService, but for its stream of batches: producer.ts. */
/** Which tasks something is done to. */
interface Selection {
  readonly ids: readonly string[];
  readonly filter?: TaskFilter | undefined;
  readonly max: number;
  readonly pageToken: string;
}

const OPEN_STATES = ['ready', 'scheduled', 'running'] as const;

export function createTaskHandlers(options: TaskHandlersOptions): Handlers<typeof TaskService, 'streamEnqueue'> {
  const { queue, store, enqueue, clock, noteFailure, openExplainer, findUnserved } = options;
  const { results } = queue;

  const view = (explanation: Explanation, withPayload: boolean): TaskViewOptions => ({
    withPayload,
    ...explanation,
    cursorAt: results.cursorAt,
  });

  /** Writes a single task with its payload, attempts and acts, and a broadcast with its counts. */
  async function write(record: DescribedTask, caller: Caller): Promise<MessageInitShape<typeof TaskSchema>> {
    const children = record.lane === PARENT_LANE ? await store.countChildren(record.id) : undefined;
    const explanation = await openExplainer(caller).explainTask(record, true);
    const history = { ...record, acts: actsFor(record.acts, record.queue, caller) };
    return writeTask(record, { ...view(explanation, true), history, ...(children ? { children } : {}) });
  }

  const pace = createPace();

  return {
    async enqueueTasks({ tasks }, { caller }) {
      const enqueued = writeEnqueued(await enqueue(tasks, caller));
      return { tasks: enqueued, unserved: (await findUnserved(tasks, caller)) ?? [] };
    },

    async describeTask({ id }, { caller }) {
      checkId('id', id);
      await pace();
      return { task: await write(await findTask(store, id, caller), caller) };
    },

    async listTasks({ filter, pageSize, pageToken, withPayload }, { caller }) {
      if (pageSize > MAX_PAGE) throw invalid('page_size', `at most ${MAX_PAGE}`);
      if (pageToken !== '') checkId('page_token', pageToken);
      const limit = pageSize || DEFAULT_PAGE;
      await pace();
      const records = await store.listTasks(readFilter(filter, clock.now()), pageToken || null, limit, caller.scope);
      const explanations = await openExplainer(caller).explainTasks(records);
      const explained = records.map((record, place) => [record, explanations[place]!] as const);
      const { items, last } = cutPage(explained, ([record, explanation]) =>
        writeTask(record, view(explanation, withPayload)),
      );
      // A page may be short for its bytes; the empty one is the last.
      return { tasks: items, nextPageToken: last?.[0].id ?? '' };
    },

    async countTasks({ filter }, { caller }) {
      await pace();
      const counts = await store.countTasks(readFilter(filter, clock.now()), caller.scope);
      return Object.fromEntries(Object.entries(counts).map(([state, count]) => [state, BigInt(count)]));
    },

    async cancelTasks({ ids, filter, reason, ...part }, { caller }) {
      const why = hideSecrets(cutText(reason, MAX_REASON_LENGTH));
      const cancel = (some: readonly string[]) => queue.cancel(some, why, nameCaller(caller), caller.scope);
      const { items, total, next } = await actOn({ ids, filter, ...part }, OPEN_STATES, caller, cancel);
      return { tasks: items.map(writeCancelled), total, nextPageToken: next ?? '' };
    },

    async retryTasks(request, { caller }) {
      let total = 0;
      const { items, next } = await actOn(request, ['failed'], caller, async (some) => {
        const outcomes = await queue.redrive(some, nameCaller(caller), caller.scope);
        total += outcomes.filter(({ kind }) => kind === 'ready').length;
        return outcomes;
      });
      const refused = items.filter(({ kind }) => kind !== 'ready');
      return {
        ids: items.filter(({ kind }) => kind === 'ready').map(({ id }) => id),
        refusedIds: refused.map(({ id }) => id),
        total,
        nextPageToken: next ?? '',
      };
    },

    async deleteTasks(request, { caller }) {
      let total = 0;
      const { items, next } = await actOn(request, SETTLED_STATES, caller, async (some) => {
        const outcomes = await deleteInSteps(some, caller);
        total += outcomes.filter(({ isDeleted }) => isDeleted).length;
        return outcomes;
      });
      return {
        ids: items.filter(({ isDeleted }) => isDeleted).map(({ id }) => id),
        refusedIds: items.filter(({ isDeleted }) => !isDeleted).map(({ id }) => id),
        total,
        nextPageToken: next ?? '',
      };
    },

    callTask: createCallTask({ queue, store, enqueue, noteFailure }),

    watchTask: createWatchTask({ activities: queue.activities, store, clock, pace, write }),

    watchResults: createWatchResults(results),
  };

  /** Deletes tasks in several commits, others between them: a thousand at once take as many milliseconds as ten. */
  async function deleteInSteps(
    ids: readonly string[],
    caller: Caller,
  ): Promise<readonly { readonly id: string; readonly isDeleted: boolean }[]> {
    const by = nameCaller(caller);
    const deleted: boolean[] = [];
    for (let at = 0; at < ids.length; at += DELETED_AT_ONCE) {
      const actor = { by, now: clock.now() };
      deleted.push(...(await store.deleteTasks(ids.slice(at, at + DELETED_AT_ONCE), caller.scope, actor)));
    }
    return ids.map((id, index) => ({ id, isDeleted: deleted[index]! }));
  }

  /** Does it to the named tasks, or to those that a filter finds in these states, so many as are asked for. */
  async function actOn<T>(
    { ids, filter, max, pageToken }: Selection,
    states: readonly State[],
    caller: Caller,
    act: (ids: readonly string[]) => Promise<readonly T[]>,
  ): Promise<BulkOutcome<T>> {
    if (!filter) {
      checkIds(ids);
      if (max > 0) throw invalid('max', 'not together with ids');
      const items = await act(ids);
      return { items, total: items.length, next: null };
    }
    if (ids.length > 0) throw invalid('ids', 'not together with filter');
    const wanted = readFilter(filter, clock.now());
    if (Object.keys(wanted).length === 0) throw invalid('filter', 'expected at least one condition');
    if (pageToken !== '') checkId('page_token', pageToken);
    return actOnFound(store, wanted, states, act, caller.scope, { before: pageToken || null, max });
  }
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
