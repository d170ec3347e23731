import type { Command } from 'commander';
import type { Queue } from '../../gen/contact/v1/admin_service_pb.ts';
import { queueToJson } from '../../json/queue.ts';
import { BULK_DEADLINE_MS, withAdmin } from '../admin.ts';
import { formatAge } from '../age.ts';
import { confirm } from '../confirm.ts';
import type { CommandContext } from '../context.ts';
import { escapeLine } from '../escape.ts';
import { printList } from '../listing.ts';
import { addTargetOptions, type TargetOptions } from '../target.ts';
import { countTasks } from '../task.ts';
import { describeWaiting } from '../waiting.ts';
import { addDeleteCommand } from './queues/delete.ts';
import { addHistoryCommand } from './queues/history.ts';
import { addLimitCommand } from './queues/limit.ts';
import { addLimitsCommand } from './queues/limits.ts';
import { addRetainCommand, describeRetention } from './queues/retain.ts';
import { addShowCommand } from './queues/show.ts';

interface PauseOptions extends TargetOptions {
  readonly create?: boolean;
}

interface PurgeOptions extends TargetOptions {
  readonly yes?: boolean;
}

const MAX_PAGE = 500;
const HEADINGS = [
  'queue',
  'waiting#',
  'scheduled#',
  'running#',
  'failed#',
  'workers#',
  'unroutable#',
  'state',
  'kept',
  'oldest',
  'waiting for',
];

export function fillQueuesCommand(command: Command, context: CommandContext): void {
  command.addHelpText('after', '\nExample:\n  contact queues list');
  const list = command
    .command('list')
    .description('list queues by name')
    .option('--json', 'one JSON object a line')
    .action((options: TargetOptions) => listQueues(options, context))
    .addHelpText(
      'after',
      `
waiting     ready, until a client with credit takes it     workers     sessions that draw from the queue
scheduled   waits for its time or before a retry           unroutable  of those that wait: no connected client may
running     with a client                                              take them ("tasks show" says what they need)
failed      settled as failed, until deleted or redriven   oldest      age of the oldest that wait, by priority
waiting for why what is ready does not run; "queues show" and "tasks show" say it of one queue and one task
kept        for how long, and how many, settled tasks are kept; "*": by a setting of the queue ("queues retain")

Example:
  contact queues list --json`,
    );
  addShowCommand(command, context);
  addHistoryCommand(command, context);
  const pause = command
    .command('pause <queue>')
    .description('stop giving out the tasks of a queue; remembered')
    .option('--create', 'also a queue that has no task, no worker and no settings')
    .option('--json', 'as a JSON object')
    .action((queue: string, options: PauseOptions) => setPaused(queue, true, options, context))
    .addHelpText('after', '\nWhat runs goes on, and tasks can be enqueued.\n\nExample:\n  contact queues pause sums');
  const resume = command
    .command('resume <queue>')
    .description('give out the tasks of a queue again')
    .option('--json', 'as a JSON object')
    .action((queue: string, options: TargetOptions) => setPaused(queue, false, options, context))
    .addHelpText('after', '\nExample:\n  contact queues resume sums');
  const purge = command
    .command('purge <queue>')
    .description('cancel everything that waits in a queue')
    .option('--yes', 'do not ask')
    .option('--json', 'as a JSON object')
    .action((queue: string, options: PurgeOptions) => purgeQueue(queue, options, context))
    .addHelpText(
      'after',
      '\nWhat runs goes on. Asks on a terminal; anywhere else it needs --yes.\n\nExample:\n  contact queues purge sums --yes',
    );
  addLimitCommand(command, context);
  addDeleteCommand(command, context);
  addLimitsCommand(command, context);
  addRetainCommand(command, context);
  for (const command of [list, pause, resume, purge]) addTargetOptions(command);
}

async function listQueues(options: TargetOptions, context: CommandContext): Promise<void> {
  await withAdmin(options, context, async (admin) => {
    const now = Date.now();
    const listing = { headings: HEADINGS, toRow: (queue: Queue) => queueToRow(queue, now), toJson: queueToJson };
    await printList(admin.listAllQueues({ pageSize: MAX_PAGE }), listing, options.json === true, context.out);
  });
}

function queueToRow(queue: Queue, now: number): string[] {
  const { name, ready, scheduled, running, failed, workers, unroutable, paused } = queue;
  const counts = [ready, scheduled, running, failed, workers, unroutable].map(String);
  return [
    name,
    ...counts,
    paused ? 'paused' : 'open',
    describeRetention(queue),
    describeOldest(queue, now),
    describeWaiting(queue.waiting),
  ];
}

/** `12s`, and `10: 3s, 0: 12s` when there are other priorities than 0. */
function describeOldest({ oldest }: Queue, now: number): string {
  const isPlain = oldest.every(({ priority }) => priority === 0);
  return oldest
    .map(({ priority, oldestCreatedAt }) => `${isPlain ? '' : `${priority}: `}${formatAge(oldestCreatedAt, now)}`)
    .join(', ');
}

async function setPaused(
  queue: string,
  isPaused: boolean,
  options: PauseOptions,
  context: CommandContext,
): Promise<void> {
  const { out } = context;
  await withAdmin(options, context, async (admin) => {
    await (isPaused ? admin.pauseQueue(queue, { create: options.create === true }) : admin.resumeQueue(queue));
    await (options.json
      ? out.writeJson({ queue, paused: isPaused })
      : out.write(`${escapeLine(queue)} ${isPaused ? 'paused' : 'resumed'}\n`));
  });
}

async function purgeQueue(queue: string, options: PurgeOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  await withAdmin(
    options,
    context,
    async (admin) => {
      await confirm(`Cancel everything that waits in ${queue}?`, options.yes === true, context);
      const cancelled = await admin.purgeQueue(queue);
      await (options.json ? out.writeJson({ queue, cancelled }) : out.write(`${countTasks(cancelled)} cancelled\n`));
    },
    BULK_DEADLINE_MS,
  );
}
