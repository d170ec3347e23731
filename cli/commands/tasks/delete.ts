import type { Command } from 'commander';
import { withAdmin } from '../../admin.ts';
import type { CommandContext } from '../../context.ts';
import { escapeLine } from '../../escape.ts';
import { splitIds } from '../../selection.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';
import { sayRefused } from './refused.ts';

export function addDeleteCommand(tasks: Command, context: CommandContext): void {
  const command = tasks
    .command('delete <id...>')
    .description('forget settled tasks and their results')
    .option('--json', 'one JSON object a line')
    .action((ids: string[], options: TargetOptions) => deleteTasks(ids, options, context))
    .addHelpText(
      'after',
      `
An id that was refused, because its task is not settled or not there, is told on stderr with the reason, and the exit
code is 1.

Example:
  contact tasks delete 019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01`,
    );
  addTargetOptions(command);
}

async function deleteTasks(ids: readonly string[], options: TargetOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  await withAdmin(options, context, async (admin) => {
    for (const part of splitIds(ids)) {
      const answer = await admin.deleteTasks(part);
      for (const id of answer.ids)
        await (options.json ? out.writeJson({ id }) : out.write(`${escapeLine(id)} deleted\n`));
      await sayRefused(answer.refusedIds, admin, context);
    }
  });
}
