import * as z from 'zod';
import { always, flag, instant, integer, maybe, shape, text, whole } from './shape.ts';
import { waiting } from './waiting.ts';

export const retention = shape('Retention', 'How long settled tasks are kept.', {
  maxAgeMs: maybe(whole, 'From when a task was settled.', 'there is no limit'),
  maxTasks: maybe(whole, 'Settled tasks of one queue, the newest.', 'there is no limit'),
});

export const limits = shape('QueueLimits', 'What a queue was limited to.', {
  maxWaiting: maybe(whole, 'Tasks that may wait.', 'there is no limit'),
  maxRunning: maybe(whole, 'Tasks that may run at once.', 'there is no limit'),
});

const fields = {
  queue: always(text, 'Its name.'),
  paused: always(flag, 'Its tasks are not given out.'),
  ready: always(whole, 'Wait until a client with credit takes them.'),
  scheduled: always(whole, 'Wait for their time, or before a retry.'),
  running: always(whole, 'Are with a client.'),
  succeeded: always(whole, 'Settled and kept.'),
  failed: always(whole, 'Settled and kept.'),
  cancelled: always(whole, 'Settled and kept.'),
  expired: always(whole, 'Settled and kept.'),
  unroutable: always(whole, 'Of those that are ready: no connected client may take them.'),
  workers: always(whole, 'Sessions that draw from it.'),
  oldest: always(
    z.array(
      shape('Oldest', 'The oldest task of one priority that is ready.', {
        priority: always(integer, 'The priority.'),
        createdAt: always(instant, 'When the task was stored.'),
      }),
    ),
    'By priority, the largest first; at most 32.',
  ),
  limits: maybe(limits, 'Its limits.', 'none were set'),
  retention: maybe(retention, 'How long its settled tasks are kept.', 'the server is too old to say'),
  ownRetention: always(flag, "That is the queue's own, and not the server's default."),
  waiting: maybe(waiting, 'Why what is ready does not run.', 'nothing is ready'),
};

export const queue = shape('Queue', 'A queue that has a task, a worker or settings. Its counts are of tasks.', fields);

export const queueDetail = shape('QueueDetail', 'A queue, and whether its backlog clears.', {
  ...fields,
  pace: maybe(
    shape('Pace', 'What came and went a moment ago.', {
      spanMs: always(whole, 'How long that moment was.'),
      enqueued: always(whole, 'Tasks that came.'),
      settled: always(whole, 'Tasks that went, however they ended.'),
      clearsInMs: maybe(
        whole,
        'When what is ready or scheduled is done, if all goes on like this.',
        'it does not shrink',
      ),
    }),
    'What came and went.',
    'the server cannot count, or is not to tell',
  ),
});

export const queueChange = shape('QueueChange', 'What was done to a queue.', {
  queue: always(text, 'Its name.'),
  paused: maybe(flag, 'Whether it is paused now.', 'it was another act'),
  cancelled: maybe(whole, 'Tasks that were cancelled.', 'it was another act'),
  retention: maybe(
    retention,
    'How long its settled tasks are kept now.',
    "it was another act, or they are kept by the server's default",
  ),
  ownRetention: maybe(flag, "That is the queue's own.", 'it was another act'),
  limits: maybe(limits, 'Its limits from now on.', 'it was another act, or it has none'),
});

export const limitUse = shape('LimitUse', 'How near something is to a limit.', {
  queue: maybe(text, 'The queue that is limited.', 'all of the server is'),
  limit: always(text, 'What is limited: `max_waiting`, `connections`.'),
  used: always(whole, 'How much there is of it.'),
  max: always(whole, 'How much there may be.'),
});

export const queueDeletion = shape('QueueDeletion', 'What was done to delete a queue, and what it has now.', {
  queue: always(text, 'Its name.'),
  cancelled: maybe(whole, 'Tasks that waited.', 'nothing was done'),
  askedToStop: maybe(whole, 'Tasks that ran.', 'nothing was done'),
  forgotten: maybe(whole, 'Tasks that were settled.', 'nothing was done'),
  waitingCount: always(whole, 'Tasks that wait now, ready or scheduled.'),
  runningCount: always(whole, 'Tasks that run now.'),
  settledCount: always(whole, 'Tasks that are settled and kept now.'),
  deleted: maybe(flag, 'Nothing of it is left.', 'nothing was done'),
  dryRun: maybe(z.literal(true), 'Nothing was done.', 'it was'),
  refused: maybe(flag, 'It would be refused without `--with-tasks`.', 'it was done'),
});
