import type { Command } from 'commander';
import { BULK_DEADLINE_MS, withAdmin } from '../../admin.ts';
import type { CommandContext } from '../../context.ts';
import { escapeLine } from '../../escape.ts';
import { addConditionOptions, type ConditionOptions, readSelection, splitIds } from '../../selection.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';
import { countTasks } from '../../task.ts';
import { actInSteps, addBulkOptions, agree, type BulkAct, type BulkOptions, type Part } from './bulk.ts';
import { sayRefused } from './refused.ts';

type RedriveOptions = TargetOptions & ConditionOptions & BulkOptions;

const REDRIVE: BulkAct = { verb: 'Redrive', states: ['failed'] };

export function addRetryCommand(tasks: Command, context: CommandContext): void {
  const command = tasks
    .command('retry [id...]')
    .alias('redrive')
    .description('redrive failed tasks: by their ids, or all that meet conditions');
  addBulkOptions(addConditionOptions(command, ['failed']), 'redriving')
    .option('--json', 'one JSON object a line')
    .action((ids: string[], options: RedriveOptions) => redriveTasks(ids, options, context))
    .addHelpText(
      'after',
      `
A redriven task is ready again, with all its attempts before it. Only failed tasks can be; a broadcast itself cannot,
its children can. An id that was refused is told on stderr with the reason, and the exit code is 1. By conditions the
count is printed; what would be done is told before, by the server's count, and asked for.
Ctrl-C ends it after the step that is under way, and it is told how many were done.

Examples:
  contact tasks retry 019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01
  contact tasks retry --queue sums --settled-after 1h --error TIMEOUT --dry-run
  contact tasks redrive --state failed --yes`,
    );
  addTargetOptions(command);
}

async function redriveTasks(ids: readonly string[], options: RedriveOptions, context: CommandContext): Promise<void> {
  const { out } = context;
  const selection = readSelection(ids, options);
  await withAdmin(
    options,
    context,
    async (admin) => {
      if ('filter' in selection) {
        const { filter } = selection;
        const found = await agree(REDRIVE, filter, admin, options, context);
        if (found === null) return;
        const step = async (part: Part) => {
          const { ids, refusedIds, total, nextPageToken } = await admin.retryTasks({ filter, ...part });
          return { total, found: Math.max(total, ids.length + refusedIds.length), nextPageToken };
        };
        const total = await actInSteps(step, found, 'ready again', context);
        await (options.json ? out.writeJson({ total }) : out.write(`${countTasks(total)} ready again\n`));
        return;
      }
      for (const part of splitIds(selection.ids)) {
        const answer = await admin.retryTasks({ ids: part });
        for (const id of answer.ids)
          await (options.json ? out.writeJson({ id, state: 'ready' }) : out.write(`${escapeLine(id)} ready again\n`));
        await sayRefused(answer.refusedIds, admin, context);
      }
    },
    BULK_DEADLINE_MS,
  );
}
