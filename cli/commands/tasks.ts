import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import type { Command } from 'commander';
import { type Admin, createAdmin, type TaskQuery } from '../../client/index.ts';
import { type Task, TaskState } from '../../gen/contact/v1/task_pb.ts';
import type { CommandContext } from '../context.ts';
import { integerBetween } from '../number.ts';
import { collect, collectFrom } from '../option.ts';
import { renderPairs, renderTable } from '../table.ts';
import { addTargetOptions, reachServer, readConnection, type TargetOptions } from '../target.ts';
import { STATES, stateName, taskToJson } from '../task.ts';
import { describeValue } from '../value.ts';

interface ListOptions extends TargetOptions {
  readonly queue?: readonly string[];
  readonly state?: readonly (typeof STATES)[number][];
  readonly limit: number;
}

const MAX_PAGE = 500;
const MAX_SHOWN = 2_000;
const HEADINGS = ['id', 'queue', 'state', 'attempt', 'created', 'client', 'waiting for'];

export function addTasksCommand(program: Command, context: CommandContext): void {
  const tasks = program
    .command('tasks')
    .description('look at tasks')
    .addHelpText('after', '\nExample:\n  contact tasks list --state failed');
  const list = tasks
    .command('list')
    .description('list tasks, the newest first')
    .option('--queue <queue>', 'only of this queue; may be repeated', collect)
    .option('--state <state>', `only in this state (${STATES.join(', ')}); may be repeated`, collectFrom(STATES))
    .option('--limit <n>', 'at most so many', integerBetween(1, 1_000_000), 100)
    .option('--json', 'one JSON object a line, without payloads')
    .action((options: ListOptions) => listTasks(options, context))
    .addHelpText('after', '\nExample:\n  contact tasks list --queue sums --state failed --limit 20');
  const show = tasks
    .command('show <id>')
    .description('show one task, and why it is not running')
    .option('--json', 'as a JSON object')
    .action((id: string, options: TargetOptions) => showTask(id, options, context))
    .addHelpText('after', '\nExample:\n  contact tasks show 019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01');
  addTargetOptions(list);
  addTargetOptions(show);
}

async function listTasks(options: ListOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  const connection = readConnection(options, context.say);
  await reachServer(connection, options.connectTimeout);
  const admin = createAdmin(connection);
  const rows: string[][] = [];
  try {
    const query = { queues: options.queue ?? [], states: options.state ?? [] };
    for await (const task of takeTasks(admin, query, options.limit)) {
      if (options.json) await out.writeJson(taskToJson(task));
      else rows.push(taskToRow(task));
      if (out.closed.aborted) break;
    }
  } finally {
    await admin.close();
  }
  if (rows.length > 0) await out.write(renderTable(HEADINGS, rows, out.isTerminal));
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

async function showTask(id: string, options: TargetOptions, context: CommandContext): Promise<void> {
  const connection = readConnection(options, context.say);
  await reachServer(connection, options.connectTimeout);
  const admin = createAdmin(connection);
  try {
    const task = await admin.describeTask(id);
    if (options.json) await context.out.writeJson(taskToJson(task));
    else await context.out.write(renderPairs(taskToPairs(task)));
  } finally {
    await admin.close();
  }
}

function taskToRow(task: Task): string[] {
  return [
    task.id,
    task.queue,
    stateName(task.state),
    `${task.attempt}/${task.maxAttempts}`,
    formatInstant(task.createdAt),
    task.clientId,
    task.waitingFor,
  ];
}

function taskToPairs(task: Task): [string, string][] {
  return [
    ['id', task.id],
    ['queue', task.queue],
    ['state', `${stateName(task.state)}${task.cancelRequested ? ' (cancel requested)' : ''}`],
    ['waiting for', task.waitingFor],
    ['priority', String(task.priority)],
    ['attempt', `${task.attempt} of ${task.maxAttempts}`],
    ['deliveries', `${task.delivery}${task.lost > 0 ? `, ${task.lost} lost with their session` : ''}`],
    ['for client', task.targetClientId],
    ['for clients with', task.selector],
    ['client', task.clientId],
    ['key', task.idempotencyKey],
    ['timeout', task.timeoutMs > 0 ? `${task.timeoutMs} ms` : ''],
    ['created', formatInstant(task.createdAt)],
    ['runs', formatInstant(task.runAt)],
    ['expires', formatInstant(task.expiresAt)],
    ['settled', formatInstant(task.settledAt)],
    ['cursor', task.cursor],
    ...Object.entries(task.metadata).map(([key, value]): [string, string] => [`metadata ${key}`, value]),
    ['payload', describeBytes(task.payload, task.contentType)],
    ['result', task.state === TaskState.SUCCEEDED ? describeBytes(task.result, task.resultContentType) : ''],
    ['error', [task.error?.code, task.error?.message].filter(Boolean).join(': ')],
  ];
}

function describeBytes(bytes: Uint8Array, contentType: string): string {
  return `${describeValue(bytes, MAX_SHOWN)}  [${bytes.length} bytes, ${contentType || 'no type'}]`;
}

function formatInstant(instant: Timestamp | undefined): string {
  return instant ? timestampDate(instant).toISOString() : '';
}
