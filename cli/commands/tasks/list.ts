import type { Command } from 'commander';
import type { Admin, Task, TaskQuery } from '../../../client/index.ts';
import { taskToJson } from '../../../json/task.ts';
import { withAdmin } from '../../admin.ts';
import { formatInstant } from '../../age.ts';
import type { CommandContext } from '../../context.ts';
import { type Listing, printList } from '../../listing.ts';
import { integerBetween } from '../../number.ts';
import { addConditionOptions, type ConditionOptions, readConditions } from '../../selection.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';
import { countTasks, describeCounts, STATES, stateName } from '../../task.ts';
import { describeStanding } from '../../waiting.ts';

interface ListOptions extends TargetOptions, ConditionOptions {
  readonly limit: number;
  readonly count?: boolean;
}

const MAX_PAGE = 500;
const LISTING: Listing<Task> = {
  headings: ['id', 'queue', 'state', 'attempt', 'created', 'client', 'waiting for'],
  toRow: taskToRow,
  toJson: (task) => taskToJson(task, false),
};

export function addListCommand(tasks: Command, context: CommandContext): void {
  const command = tasks.command('list').description('list tasks, the newest first');
  addConditionOptions(command, STATES)
    .option('--limit <n>', 'at most so many', integerBetween(1, 1_000_000), 100)
    .option('--count', 'how many there are, by state, and not which')
    .option('--json', 'one JSON object a line, without payloads')
    .action((options: ListOptions) => listTasks(options, context))
    .addHelpText(
      'after',
      `
They are printed as they come: columns are as wide as the first 500 need, and a wider cell moves what comes after it.

Example:
  contact tasks list --queue sums --state failed --limit 20`,
    );
  addTargetOptions(command);
}

async function listTasks(options: ListOptions, context: CommandContext): Promise<void> {
  if (options.count) return countAll(options, context);
  await withAdmin(options, context, async (admin) => {
    const tasks = takeTasks(admin, readConditions(options), options.limit);
    await printList(tasks, LISTING, options.json === true, context.out);
  });
}

async function countAll(options: ListOptions, context: CommandContext): Promise<void> {
  await withAdmin(options, context, async (admin) => {
    const counts = await admin.countTasks(readConditions(options));
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    if (options.json) return context.out.writeJson({ total, ...counts });
    return context.out.write(`${countTasks(total)}${total > 0 ? `: ${describeCounts(counts)}` : ''}\n`);
  });
}

/** Page by page, the last one no larger than it has to be. */
async function* takeTasks(admin: Admin, query: TaskQuery, limit: number): AsyncGenerator<Task> {
  let remaining = limit;
  let pageToken = '';
  do {
    const page = await admin.listTasks(query, { pageSize: Math.min(remaining, MAX_PAGE), pageToken });
    yield* page.tasks;
    remaining -= page.tasks.length;
    pageToken = page.nextPageToken;
  } while (remaining > 0 && pageToken !== '');
}

function taskToRow(task: Task): string[] {
  return [
    task.id,
    task.queue,
    stateName(task.state),
    `${task.attempt}/${task.maxAttempts}`,
    formatInstant(task.createdAt),
    task.clientId,
    describeStanding(task),
  ];
}
