import { AdminService } from '../../../gen/index.ts';
import { limitsToJson, queueToJson } from '../../../json/queue.ts';
import { flag, whole } from '../fields.ts';
import { NEXT, PAGE } from '../filter.ts';
import { one, type Route } from '../route.ts';

const M = AdminService.method;
const SECOND_MS = 1_000;
const CREATE = {
  create: flag('Also of a queue that has no task, no worker and no settings: without it that is NOT_FOUND.'),
};

export const QUEUE_ROUTES: readonly Route[] = [
  one({
    verb: 'GET',
    path: '/v1/queues',
    method: M.listQueues,
    summary: 'Queues that have a task, a worker or settings, by name.',
    query: PAGE,
    answers: { list: 'queues', of: 'Queue', beside: NEXT },
    ask: ({ limit = 0, page = '' }) => ({ pageSize: limit, pageToken: page }),
    tell: ({ queues, nextPageToken: next }) => ({
      body: { queues: queues.map(queueToJson), ...(next !== '' && { next }) },
    }),
  }),
  one({
    verb: 'POST',
    path: '/v1/queues/{queue}/pause',
    method: M.pauseQueue,
    summary: 'Stops giving out its tasks, at once.',
    body: CREATE,
    answers: 'QueueChange',
    ask: ({ queue, create = false }) => ({ queue, create }),
    tell: (_, { queue }) => ({ body: { queue, paused: true } }),
  }),
  one({
    verb: 'POST',
    path: '/v1/queues/{queue}/resume',
    method: M.resumeQueue,
    summary: 'Gives out its tasks again.',
    answers: 'QueueChange',
    ask: ({ queue }) => ({ queue }),
    tell: (_, { queue }) => ({ body: { queue, paused: false } }),
  }),
  one({
    verb: 'POST',
    path: '/v1/queues/{queue}/purge',
    method: M.purgeQueue,
    summary: 'Cancels everything that waits in it.',
    answers: 'QueueChange',
    ask: ({ queue }) => ({ queue }),
    tell: ({ cancelled }, { queue }) => ({ body: { queue, cancelled } }),
  }),
  one({
    verb: 'PUT',
    path: '/v1/queues/{queue}/limits',
    method: M.setQueueLimits,
    summary: 'Says how many of its tasks may wait and run.',
    body: {
      maxWaiting: whole('Tasks that may wait; absent or 0: no limit.'),
      maxRunning: whole('Tasks that may run at once over all sessions; absent or 0: no limit.'),
      ...CREATE,
    },
    answers: 'QueueChange',
    ask: ({ queue, maxWaiting = 0, maxRunning = 0, create = false }) => ({
      queue,
      limits: { maxWaiting, maxRunning },
      create,
    }),
    tell: (_, { queue, maxWaiting = 0, maxRunning = 0 }) => ({
      body: { queue, limits: limitsToJson({ maxWaiting, maxRunning }) },
    }),
  }),
  one({
    verb: 'PUT',
    path: '/v1/queues/{queue}/retention',
    method: M.setQueueRetention,
    summary: "Says how long its settled tasks are kept; without both numbers: as the server's default says.",
    body: {
      maxAgeMs: whole('Milliseconds, rounded up to seconds; 0: for ever.', { max: Number.MAX_SAFE_INTEGER }),
      maxTasks: whole('So many at most; 0: any number.'),
      ...CREATE,
    },
    answers: 'QueueChange',
    ask({ queue, maxAgeMs, maxTasks, create = false }) {
      if (maxAgeMs === undefined && maxTasks === undefined) return { queue, create };
      return { queue, retention: { seconds: Math.ceil((maxAgeMs ?? 0) / SECOND_MS), max: maxTasks ?? 0 }, create };
    },
    tell(_, { queue, maxAgeMs, maxTasks }) {
      if (maxAgeMs === undefined && maxTasks === undefined) return { body: { queue, ownRetention: false } };
      const retention = { maxAgeMs: maxAgeMs || undefined, maxTasks: maxTasks || undefined };
      return { body: { queue, retention, ownRetention: true } };
    },
  }),
  one({
    verb: 'DELETE',
    path: '/v1/queues/{queue}',
    method: M.deleteQueue,
    summary:
      'Takes a queue away: its settings, what is settled and its results. What runs is asked to stop and keeps it until it has ended: ask again.',
    query: {
      withTasks: flag('Also one with tasks that wait or run.'),
      dryRun: flag('Tell what there is, and change nothing.'),
      max: whole('Of tasks that are cancelled, asked to stop or forgotten by this request; default: no limit.'),
    },
    answers: 'QueueDeletion',
    ask: ({ queue, withTasks = false, dryRun = false, max = 0 }) => ({ queue, withTasks, dryRun, max }),
    tell({ cancelled, askedToStop, forgotten, deleted, ...there }, { queue, dryRun }) {
      const { waiting: waitingCount, running: runningCount, settled: settledCount } = there;
      const done = dryRun ? { dryRun: true } : { cancelled, askedToStop, forgotten, deleted };
      return { body: { queue, ...done, waitingCount, runningCount, settledCount } };
    },
  }),
];
