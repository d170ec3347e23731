import { timestampDate } from '@bufbuild/protobuf/wkt';
import { type CancelledTask, type ResultEvent, TaskService, TaskState, TaskStateSchema } from '../../../gen/index.ts';
import type { Json } from '../../../json/plain.ts';
import { outcomeToJson, type Settled, taskToJson } from '../../../json/task.ts';
import { wordOf } from '../../../json/word.ts';
import { flag, many, nested, required, text, whole } from '../fields.ts';
import { CONDITIONS, NEXT, PAGE, readConditions, readSelection, SELECTION, TOTAL } from '../filter.ts';
import { NEW_TASK, QUEUED_TASK, readNewTask } from '../newtask.ts';
import { one, type Route } from '../route.ts';

const M = TaskService.method;

/** A result of the contract as whoever writes it in JSON reads it. */
export function readResult(event: ResultEvent): Settled {
  return {
    ...event,
    state: wordOf(TaskStateSchema, event.state),
    bytes: event.result,
    createdAt: dateOf(event.createdAt),
    settledAt: dateOf(event.settledAt),
    claimedAt: event.claimedAt && timestampDate(event.claimedAt),
  };
}

function dateOf(instant: ResultEvent['createdAt']): Date {
  return instant ? timestampDate(instant) : new Date(0);
}

function cancelledToJson({ id, state, refused }: CancelledTask): Json {
  if (refused !== '') return { id, refused };
  const isOver = state === TaskState.CANCELLED;
  return { id, state: wordOf(TaskStateSchema, state), ...(isOver ? {} : { cancelRequested: true }) };
}

const next = (token: string): Json => (token === '' ? {} : { next: token });
const refused = (ids: readonly string[]): readonly Json[] => ids.map((id) => ({ id, refused: 'FAILED_PRECONDITION' }));

export const TASK_ROUTES: readonly Route[] = [
  one({
    verb: 'POST',
    path: '/v1/queues/{queue}/tasks',
    method: M.enqueueTasks,
    summary: 'Enqueues a task. The answer comes once it is stored.',
    body: NEW_TASK,
    answers: 'Stored',
    ask: ({ queue, ...task }) => ({ tasks: [readNewTask(queue, task)] }),
    tell({ tasks: [stored] }) {
      const { id, deduplicated } = stored!;
      return { status: deduplicated ? 200 : 201, body: { id, deduplicated } };
    },
  }),
  one({
    verb: 'POST',
    path: '/v1/tasks',
    method: M.enqueueTasks,
    summary: 'Enqueues up to 1,000 tasks, all or none.',
    body: { tasks: required(many(nested('Those tasks.', QUEUED_TASK))) },
    answers: { list: 'tasks', of: 'Stored' },
    ask: ({ tasks = [] }) => ({ tasks: tasks.map(({ queue, ...task }) => readNewTask(queue!, task)) }),
    tell: ({ tasks }) => ({
      status: 201,
      body: { tasks: tasks.map(({ id, deduplicated }) => ({ id, deduplicated })) },
    }),
  }),
  one({
    verb: 'POST',
    path: '/v1/queues/{queue}/call',
    method: M.callTask,
    summary: 'Enqueues a task and waits until it is settled. A task that failed is answered with 200 and its `state`.',
    query: {
      cancelWhenAbandoned: flag('Cancel the task when nobody waits for this answer any more.'),
      waitMs: whole('Wait so long at most, and answer DEADLINE_EXCEEDED then; the task goes on.', { min: 1 }),
    },
    body: NEW_TASK,
    answers: 'Outcome',
    ask: ({ queue, cancelWhenAbandoned = false, waitMs: _, ...task }) => ({
      task: readNewTask(queue, task),
      cancelWhenAbandoned,
    }),
    tell({ result }) {
      return { body: { id: result!.taskId, queue: result!.queue, ...outcomeToJson(readResult(result!)) } };
    },
  }),
  one({
    verb: 'GET',
    path: '/v1/tasks',
    method: M.listTasks,
    summary: 'Tasks that meet all conditions, the newest first.',
    query: { ...CONDITIONS, ...PAGE, withPayload: flag('Tell their payloads too.') },
    answers: { list: 'tasks', of: 'Task', beside: NEXT },
    ask: (given) => ({
      filter: readConditions(given),
      pageSize: given.limit ?? 0,
      pageToken: given.page ?? '',
      withPayload: given.withPayload ?? false,
    }),
    tell: ({ tasks, nextPageToken }, { withPayload = false }) => ({
      body: {
        tasks: tasks.map((task) => {
          const { attempts: _, acts: _acts, ...json } = taskToJson(task, withPayload) as Record<string, unknown>;
          return json;
        }),
        ...next(nextPageToken),
      },
    }),
  }),
  one({
    verb: 'GET',
    path: '/v1/tasks/count',
    method: M.countTasks,
    summary: 'How many tasks meet all conditions, by state.',
    query: CONDITIONS,
    answers: 'TaskCounts',
    ask: (given) => ({ filter: readConditions(given) }),
    tell({ scheduled, ready, running, succeeded, failed, cancelled, expired }) {
      const counts = { scheduled, ready, running, succeeded, failed, cancelled, expired };
      const byState = Object.fromEntries(Object.entries(counts).map(([state, count]) => [state, Number(count)]));
      return { body: { total: Object.values(byState).reduce((sum, count) => sum + count, 0), ...byState } };
    },
  }),
  one({
    verb: 'GET',
    path: '/v1/tasks/{id}',
    method: M.describeTask,
    summary: 'One task, with its payload, its result and its history.',
    answers: 'Task',
    ask: ({ id }) => ({ id }),
    tell: ({ task }) => ({ body: taskToJson(task!, true) }),
  }),
  one({
    verb: 'POST',
    path: '/v1/tasks/cancel',
    method: M.cancelTasks,
    summary: 'Cancels tasks: what waits at once; what runs is asked to stop.',
    body: { ...SELECTION, reason: text('Told to the worker and to observers; at most 256 characters.') },
    answers: { list: 'tasks', of: 'Changed', beside: TOTAL },
    ask: ({ reason = '', ...given }) => ({ ...readSelection(given), reason }),
    tell: ({ tasks, total, nextPageToken }) => ({
      body: { tasks: tasks.map(cancelledToJson), total, ...next(nextPageToken) },
    }),
  }),
  one({
    verb: 'POST',
    path: '/v1/tasks/retry',
    method: M.retryTasks,
    summary: 'Has failed tasks run again.',
    body: SELECTION,
    answers: { list: 'tasks', of: 'Changed', beside: TOTAL },
    ask: readSelection,
    tell: ({ ids, refusedIds, total, nextPageToken }) => ({
      body: {
        tasks: [...ids.map((id) => ({ id, state: 'ready' })), ...refused(refusedIds)],
        total,
        ...next(nextPageToken),
      },
    }),
  }),
  one({
    verb: 'POST',
    path: '/v1/tasks/delete',
    method: M.deleteTasks,
    summary: 'Forgets settled tasks.',
    body: SELECTION,
    answers: { list: 'tasks', of: 'Changed', beside: TOTAL },
    ask: readSelection,
    tell: ({ ids, refusedIds, total, nextPageToken }) => ({
      body: { tasks: [...ids.map((id) => ({ id })), ...refused(refusedIds)], total, ...next(nextPageToken) },
    }),
  }),
];
