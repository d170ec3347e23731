import type { Bounds } from './columns.ts';
import { COLUMN, RUN_SECONDS, WAIT_SECONDS } from './columns.ts';
import { type Family, type QueueFigures, type Scrape, single } from './family.ts';
import { samplesOf } from './histogram.ts';
import type { Sample } from './sample.ts';
import { codeSamples } from './server_families.ts';

const LIVE = ['ready', 'scheduled', 'running'] as const;
const SETTLED = ['succeeded', 'failed', 'cancelled', 'expired'] as const;

/** Tasks and queues. Of a label `_other` what is told is that of all queues without a label of their own. */
export const TASK_FAMILIES: readonly Family[] = [
  {
    name: 'contact_tasks',
    type: 'gauge',
    help: 'Tasks that are not settled, by queue and state (ready, scheduled, running).',
    labels: ['queue', 'state'],
    read: ({ queues }) =>
      [...queues].flatMap(([queue, figures]) =>
        LIVE.map((state) => ({ labels: { queue, state }, value: figures[state] })),
      ),
  },
  perQueue('contact_queue_workers', 'Sessions that draw from the queue.', ({ workers }) => workers),
  perQueue(
    'contact_queue_paused',
    'Queues that an operator has paused: 1, or how many of _other.',
    ({ paused }) => paused,
  ),
  perQueue(
    'contact_queue_max_waiting_tasks',
    'Tasks that may wait in the queue, where an operator has set a limit; more are refused.',
    ({ maxWaiting }) => (maxWaiting > 0 ? maxWaiting : undefined),
  ),
  single('gauge', 'contact_queues', 'Queues that have tasks, workers or settings.', ({ queueCount }) => queueCount),
  counted('contact_tasks_enqueued_total', 'Tasks that were stored.', COLUMN.enqueued),
  counted(
    'contact_tasks_claimed_total',
    'Deliveries: tasks that were taken for a session, a retry again.',
    COLUMN.claimed,
  ),
  {
    name: 'contact_tasks_settled_total',
    type: 'counter',
    help: 'Tasks that came to an end, by state (succeeded, failed, cancelled, expired); a redriven task again.',
    labels: ['queue', 'state'],
    read: ({ rows }) =>
      [...rows].flatMap(([queue, row]) =>
        SETTLED.map((state) => ({ labels: { queue, state }, value: row[COLUMN[state]]! })),
      ),
  },
  distributed(
    'contact_task_wait_seconds',
    'From when a task was stored until it was first taken for a session; without tasks that had to wait for an instant.',
    WAIT_SECONDS,
    COLUMN.wait,
    COLUMN.waitSum,
  ),
  distributed(
    'contact_task_run_seconds',
    'From when a task was taken for a session until that succeeded or failed it for good.',
    RUN_SECONDS,
    COLUMN.run,
    COLUMN.runSum,
  ),
  single(
    'counter',
    'contact_tasks_deduplicated_total',
    'Tasks that were sent again, or whose idempotency key was there already: nothing was stored.',
    ({ tally }) => tally.deduplicated,
  ),
  {
    name: 'contact_tasks_refused_total',
    type: 'counter',
    help: 'Tasks that were not taken, by the code that their producer was told.',
    labels: ['code'],
    read: ({ figures }) => codeSamples(figures.refusedTasks),
  },
  single(
    'counter',
    'contact_tasks_retried_total',
    'Attempts that failed and are followed by another one.',
    ({ tally }) => tally.retried,
  ),
  single(
    'counter',
    'contact_tasks_lost_total',
    'Deliveries that were taken back from sessions that are gone, or came back without them.',
    ({ tally }) => tally.lost,
  ),
  single(
    'counter',
    'contact_tasks_redriven_total',
    'Failed tasks that an operator had run again.',
    ({ tally }) => tally.redriven,
  ),
  single(
    'counter',
    'contact_tasks_pruned_total',
    'Settled tasks that retention has forgotten.',
    ({ tally }) => tally.pruned,
  ),
  {
    name: 'contact_reports_total',
    type: 'counter',
    help: 'Results and releases that workers told, by outcome (stored, duplicate, stale, unknown).',
    labels: ['outcome'],
    read: ({ tally }) =>
      Object.entries(tally.reports).map(([code, value]) => ({ labels: { outcome: code.toLowerCase() }, value })),
  },
];

function perQueue(name: string, help: string, read: (figures: QueueFigures) => number | undefined): Family {
  return {
    name,
    type: 'gauge',
    help,
    labels: ['queue'],
    read: ({ queues }) =>
      [...queues].flatMap(([queue, figures]): Sample[] => {
        const value = read(figures);
        return value === undefined ? [] : [{ labels: { queue }, value }];
      }),
  };
}

function counted(name: string, help: string, column: number): Family {
  return {
    name,
    type: 'counter',
    help,
    labels: ['queue'],
    read: ({ rows }) => [...rows].map(([queue, row]) => ({ labels: { queue }, value: row[column]! })),
  };
}

function distributed(name: string, help: string, bounds: Bounds, first: number, sum: number): Family {
  const read = ({ rows }: Scrape): Sample[] =>
    [...rows].flatMap(([queue, row]) =>
      samplesOf(
        name,
        { bounds, counts: [...row.subarray(first, first + bounds.length + 1)], sum: row[sum]! },
        { queue },
      ),
    );
  return { name, type: 'histogram', help, labels: ['queue'], read };
}
