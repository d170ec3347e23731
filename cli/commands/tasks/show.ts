import type { Command } from 'commander';
import { type Task, TaskState } from '../../../gen/contact/v1/task_pb.ts';
import { taskToJson } from '../../../json/task.ts';
import { withAdmin } from '../../admin.ts';
import { formatInstant } from '../../age.ts';
import { renderAttempts } from '../../attempts.ts';
import type { CommandContext } from '../../context.ts';
import { renderPairs } from '../../table.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';
import { describeChildren, describeError, stateName } from '../../task.ts';
import { renderActs } from '../../taskacts.ts';
import { renderLogs } from '../../tasklog.ts';
import { describeValue } from '../../value.ts';
import { describeRun } from '../../waiting.ts';

const MAX_SHOWN = 2_000;

export function addShowCommand(tasks: Command, context: CommandContext): void {
  const command = tasks
    .command('show <id>')
    .description(
      'show one task, its attempts, what its worker said, who cancelled it or had it run again, and why it is not running',
    )
    .option(
      '--attempts',
      'show where each error came from too, as far as its worker has told it, and the logs of all attempts',
    )
    .option('--json', 'as a JSON object, with all of that')
    .action((id: string, options: ShowOptions) => showTask(id, options, context))
    .addHelpText('after', '\nExample:\n  contact tasks show 019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01');
  addTargetOptions(command);
}

interface ShowOptions extends TargetOptions {
  readonly attempts?: boolean;
}

async function showTask(id: string, options: ShowOptions, context: CommandContext): Promise<void> {
  await withAdmin(options, context, async (admin) => {
    const task = await admin.describeTask(id);
    if (options.json) await context.out.writeJson(taskToJson(task, true));
    else {
      const { isTerminal } = context.out;
      const attempts = renderAttempts(task.attempts, isTerminal, options.attempts ?? false);
      const logs = renderLogs(task.attempts, options.attempts ?? false);
      await context.out.write(
        `${renderPairs(taskToPairs(task))}${attempts}${renderActs(task.acts, isTerminal)}${logs}`,
      );
    }
  });
}

function taskToPairs(task: Task): [string, string][] {
  return [
    ['id', task.id],
    ['queue', task.queue],
    ['state', `${stateName(task.state)}${task.cancelRequested ? ' (cancel requested)' : ''}`],
    ['waiting for', task.waitingFor],
    ['running', describeRun(task)],
    ['children', task.children ? describeChildren(task.children) : ''],
    ['child of', task.parentId],
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
    ['error', describeError(task.error)],
  ];
}

function describeBytes(bytes: Uint8Array, contentType: string): string {
  return `${describeValue(bytes, MAX_SHOWN)}  [${bytes.length} bytes, ${contentType || 'no type'}]`;
}
