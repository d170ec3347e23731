import type { Command } from 'commander';
import { BULK_DEADLINE_MS, withAdmin } from '../../admin.ts';
import { confirm } from '../../confirm.ts';
import type { CommandContext } from '../../context.ts';
import { escapeLine } from '../../escape.ts';
import {
  addConditionOptions,
  type ConditionOptions,
  describeConditions,
  readSelection,
  splitIds,
} from '../../selection.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';
import { countTasks } from '../../task.ts';
import { sayRefused } from './refused.ts';

interface DeleteOptions extends TargetOptions, ConditionOptions {
  readonly yes?: boolean;
}

const SETTLED_STATES = ['succeeded', 'failed', 'cancelled', 'expired'];

export function addDeleteCommand(tasks: Command, context: CommandContext): void {
  const command = tasks
    .command('delete [id...]')
    .description('forget settled tasks and their results: by their ids, or all that meet conditions');
  addConditionOptions(command, SETTLED_STATES)
    .option('--yes', 'do not ask before deleting by conditions')
    .option('--json', 'one JSON object a line')
    .action((ids: string[], options: DeleteOptions) => deleteTasks(ids, options, context))
    .addHelpText(
      'after',
      `
By conditions only settled tasks are found, and the count is printed. An id that was refused, because its task is not
settled or not there, is told on stderr with the reason, and the exit code is 1. What is deleted is gone: observers who
have not read it are told how many results are missing.

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
        const states = selection.filter.states ?? SETTLED_STATES;
        const question = `Delete ${describeConditions({ ...selection.filter, states } as typeof selection.filter)}?`;
        await confirm(question, options.yes === true, context);
        const { total } = await admin.deleteTasks(selection);
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
