import type { Command } from 'commander';
import { BULK_DEADLINE_MS, withAdmin } from '../../admin.ts';
import type { CommandContext } from '../../context.ts';
import { escapeLine } from '../../escape.ts';
import { addConditionOptions, type ConditionOptions, readSelection, splitIds } from '../../selection.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';
import { countTasks } from '../../task.ts';
import { actInSteps, addBulkOptions, agree, type BulkAct, type BulkOptions, type Part } from './bulk.ts';
import { sayRefused } from './refused.ts';

type DeleteOptions = TargetOptions & ConditionOptions & BulkOptions;

const SETTLED_STATES = ['succeeded', 'failed', 'cancelled', 'expired'] as const;
const DELETE: BulkAct = { verb: 'Delete', states: SETTLED_STATES };

export function addDeleteCommand(tasks: Command, context: CommandContext): void {
  const command = tasks
    .command('delete [id...]')
    .description('forget settled tasks and their results: by their ids, or all that meet conditions');
  addBulkOptions(addConditionOptions(command, SETTLED_STATES), 'deleting')
    .option('--json', 'one JSON object a line')
    .action((ids: string[], options: DeleteOptions) => deleteTasks(ids, options, context))
    .addHelpText(
      'after',
      `
By conditions only settled tasks are found, and the count is printed. An id that was refused, because its task is not
settled or not there, is told on stderr with the reason, and the exit code is 1. What is deleted is gone: observers who
have not read it are told how many results are missing.
Ctrl-C ends it after the step that is under way, and it is told how many were done.

Examples:
  contact tasks delete 019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01
  contact tasks delete --queue sums --state succeeded --before 2d --yes`,
    );
  addTargetOptions(command);
}

async function deleteTasks(ids: readonly string[], options: DeleteOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  const selection = readSelection(ids, options);
  await withAdmin(
    options,
    context,
    async (admin) => {
      if ('filter' in selection) {
        const filter = { ...selection.filter, states: selection.filter.states ?? SETTLED_STATES };
        const found = await agree(DELETE, filter, admin, options, context);
        if (found === null) return;
        const step = async (part: Part) => {
          const { ids, refusedIds, total, nextPageToken } = await admin.deleteTasks({ filter, ...part });
          return { total, found: Math.max(total, ids.length + refusedIds.length), nextPageToken };
        };
        const total = await actInSteps(step, found, 'deleted', context);
        await (options.json ? out.writeJson({ total }) : out.write(`${countTasks(total)} deleted\n`));
        return;
      }
      for (const part of splitIds(selection.ids)) {
        const answer = await admin.deleteTasks(part);
        for (const id of answer.ids)
          await (options.json ? out.writeJson({ id }) : out.write(`${escapeLine(id)} deleted\n`));
        await sayRefused(answer.refusedIds, admin, context);
      }
    },
    BULK_DEADLINE_MS,
  );
}
