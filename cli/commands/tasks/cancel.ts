import type { Command } from 'commander';
import type { Admin } from '../../../client/index.ts';
import { TaskState } from '../../../gen/contact/v1/task_pb.ts';
import type { CancelTasksResponse } from '../../../gen/contact/v1/task_service_pb.ts';
import type { Json } from '../../../json/plain.ts';
import { BULK_DEADLINE_MS, withAdmin } from '../../admin.ts';
import type { CommandContext } from '../../context.ts';
import { escapeLine } from '../../escape.ts';
import { addConditionOptions, type ConditionOptions, readSelection, splitIds } from '../../selection.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';
import { countTasks, describeCounts, stateName } from '../../task.ts';
import { actInSteps, addBulkOptions, agree, type BulkAct, type BulkOptions, type Part } from './bulk.ts';
import { NO_TASK, type Refusal, sayOneRefused } from './refused.ts';

interface CancelOptions extends TargetOptions, ConditionOptions, BulkOptions {
  readonly reason?: string;
}

type CancelledTask = CancelTasksResponse['tasks'][number];

const OPEN_STATES = ['scheduled', 'ready', 'running'] as const;
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
Ctrl-C ends it after the step that is under way, and it is told how many were done.

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
        const sum = { cancelled: 0, asked: 0, unnamed: 0 };
        const step = async (part: Part) => {
          const answer = await admin.cancelTasks({ filter, ...part }, options.reason);
          const total = addUp(answer, sum);
          return { total, found: answer.total, nextPageToken: answer.nextPageToken };
        };
        await actInSteps(step, found, 'cancelled or asked to stop', context);
        await printCounts(sum, options, context);
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

/** What was cancelled, what was asked to stop, and what an answer of many does not name. */
interface Sum {
  cancelled: number;
  asked: number;
  unnamed: number;
}

/** What was settled in between is found, but not changed: answers how many were. */
function addUp({ tasks, total }: CancelTasksResponse, sum: Sum): number {
  const changed = tasks.filter(({ refused }) => refused === '');
  const cancelled = changed.filter(({ state }) => state === TaskState.CANCELLED).length;
  const unnamed = total - tasks.length;
  sum.cancelled += cancelled;
  sum.asked += changed.length - cancelled;
  sum.unnamed += unnamed;
  return changed.length + unnamed;
}

async function printCounts(
  { cancelled, asked, unnamed }: Sum,
  options: CancelOptions,
  { out }: CommandContext,
): Promise<void> {
  const count = cancelled + asked + unnamed;
  if (options.json) {
    await out.writeJson({ total: count });
    return;
  }
  const detail = describeCounts({ cancelled, 'asked to stop': asked });
  const isAllNamed = unnamed === 0 && count > 0;
  await out.write(`${countTasks(count)}${isAllNamed ? `: ${detail}` : ' cancelled or asked to stop'}\n`);
}
