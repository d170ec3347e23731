import type { Command } from 'commander';
import type { Admin } from '../../../client/index.ts';
import { TaskState } from '../../../gen/contact/v1/task_pb.ts';
import type { CancelTasksResponse } from '../../../gen/contact/v1/task_service_pb.ts';
import { BULK_DEADLINE_MS, withAdmin } from '../../admin.ts';
import type { CommandContext } from '../../context.ts';
import { escapeLine } from '../../escape.ts';
import type { Json } from '../../json/plain.ts';
import { addConditionOptions, type ConditionOptions, readSelection, splitIds } from '../../selection.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';
import { countTasks, describeCounts, stateName } from '../../task.ts';
import { addBulkOptions, agree, type BulkAct, type BulkOptions, countLeft, withProgress } from './bulk.ts';
import { NO_TASK, type Refusal, sayOneRefused } from './refused.ts';

interface CancelOptions extends TargetOptions, ConditionOptions, BulkOptions {
  readonly reason?: string;
}

type CancelledTask = CancelTasksResponse['tasks'][number];

const OPEN_STATES = ['scheduled', 'ready', 'running'] as const;
// One that is asked to stop runs on for a while.
const WAITING_STATES = ['scheduled', 'ready'] as const;
const CANCEL: BulkAct = { verb: 'Cancel', states: OPEN_STATES };
const REFUSALS: ReadonlyMap<string, Refusal> = new Map([
  ['NOT_FOUND', NO_TASK],
  ['SETTLED', { code: 'FAILED_PRECONDITION', problem: 'it is settled already' }],
]);

export function addCancelCommand(tasks: Command, context: CommandContext): void {
  const command = tasks
    .command('cancel [id...]')
    .description('cancel tasks: by their ids, or all that meet conditions');
  addBulkOptions(addConditionOptions(command, OPEN_STATES), 'cancelling')
    .option('--reason <text>', 'told to the worker and to observers')
    .option('--json', 'one JSON object a line')
    .action((ids: string[], options: CancelOptions) => cancelTasks(ids, options, context))
    .addHelpText(
      'after',
      `
A task that waits is cancelled at once. One that runs is asked to stop ("cancel requested"); it is cancelled when its
worker says so or after the server's --cancel-grace, and succeeds if its result was faster. A broadcast passes it on to
its children. An id that was refused is told on stderr with the reason, and the exit code is 1. By conditions the
counts are printed; what would be done is told before, by the server's count, and asked for. "--dry-run" tells it alone.

Examples:
  contact tasks cancel 019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01
  contact tasks cancel --queue sums --state ready --before 1h --yes`,
    );
  addTargetOptions(command);
}

async function cancelTasks(ids: readonly string[], options: CancelOptions, context: CommandContext): Promise<void> {
  const selection = readSelection(ids, options);
  await withAdmin(
    options,
    context,
    async (admin) => {
      if ('filter' in selection) {
        const { filter } = selection;
        const found = await agree(CANCEL, filter, admin, options, context);
        if (found === null) return;
        const act = admin.cancelTasks(selection, options.reason);
        const left = () => countLeft(admin, filter, WAITING_STATES);
        await printCounts(await withProgress(act, found, WAITING_STATES, left, context), options, context);
      } else {
        for (const part of splitIds(selection.ids)) await cancelNamed(part, admin, options, context);
      }
    },
    BULK_DEADLINE_MS,
  );
}

async function cancelNamed(
  ids: readonly string[],
  admin: Admin,
  options: CancelOptions,
  context: CommandContext,
): Promise<void> {
  const { tasks } = await admin.cancelTasks({ ids }, options.reason);
  for (const task of tasks) {
    if (task.refused) sayOneRefused(task.id, readRefusal(task), context);
    else if (options.json) await context.out.writeJson(cancelledToJson(task));
    else await context.out.write(`${escapeLine(task.id)} ${describeOutcome(task)}\n`);
  }
}

/** A reason that only a newer server gives is told as it is. */
function readRefusal({ refused }: CancelledTask): Refusal {
  return REFUSALS.get(refused) ?? { code: 'FAILED_PRECONDITION', problem: refused };
}

function cancelledToJson({ id, state }: CancelledTask): Json {
  return { id, state: stateName(state), ...(state === TaskState.CANCELLED ? {} : { cancelRequested: true }) };
}

function describeOutcome({ state }: CancelledTask): string {
  return state === TaskState.CANCELLED ? 'cancelled' : 'cancel requested';
}

async function printCounts(
  { tasks, total }: CancelTasksResponse,
  options: CancelOptions,
  { out }: CommandContext,
): Promise<void> {
  // What was settled in between is found, but not changed.
  const changed = tasks.filter(({ refused }) => refused === '');
  const count = total - (tasks.length - changed.length);
  if (options.json) {
    await out.writeJson({ total: count });
    return;
  }
  const cancelled = changed.filter(({ state }) => state === TaskState.CANCELLED).length;
  const isAllNamed = tasks.length === total;
  const detail = describeCounts({ cancelled, 'asked to stop': changed.length - cancelled });
  await out.write(`${countTasks(count)}${isAllNamed && count > 0 ? `: ${detail}` : ' cancelled or asked to stop'}\n`);
}
