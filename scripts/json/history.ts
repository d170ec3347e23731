import * as z from 'zod';
import { always, instant, maybe, shape, text, whole } from './shape.ts';

/** A value for each step; null: there is none. */
const values = z.array(whole.nullable());

const latency = shape('Latency', 'Milliseconds that so many of a hundred tasks stayed within, by step.', {
  p50Ms: always(values, '50 of them; null: there was none in this step.'),
  p95Ms: always(values, '95 of them.'),
  p99Ms: always(values, '99 of them.'),
});

export const history = shape(
  'QueueHistory',
  'What a queue did within the last hour, in steps, the oldest first. Lists have a value for each step, null where it is a gap: the server did not run, or did not count this queue by itself.',
  {
    queue: maybe(text, 'Its name.', 'it is of all queues together'),
    startAt: always(instant, 'When the first step begins.'),
    stepMs: always(whole, 'How long a step is.'),
    coveredMs: always(
      z.array(whole),
      'For how much of the step the server has counted, by which a count is divided; 0: a gap.',
    ),
    enqueued: always(values, 'Tasks that were stored.'),
    claimed: always(values, 'Tasks that were given to clients, a retry again.'),
    succeeded: always(values, 'Tasks that ended so.'),
    failed: always(values, 'Tasks that ended so.'),
    cancelled: always(values, 'Tasks that ended so.'),
    expired: always(values, 'Tasks that ended so.'),
    ready: always(values, 'Tasks that were ready at the end of the step.'),
    scheduled: always(values, 'Tasks that were scheduled then.'),
    running: always(values, 'Tasks that were running then.'),
    oldestReadyMs: always(values, 'How old the oldest ready task was then; null too where none was ready.'),
    wait: always(latency, 'From when a task was stored until a client first had it.'),
    run: always(latency, 'From when a client had a task until it succeeded or failed.'),
  },
);
