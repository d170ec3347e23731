import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import { addCancelCommand } from './tasks/cancel.ts';
import { addDeleteCommand } from './tasks/delete.ts';
import { addListCommand } from './tasks/list.ts';
import { addRetryCommand } from './tasks/retry.ts';
import { addShowCommand } from './tasks/show.ts';
import { addWatchCommand } from './tasks/watch.ts';

export function fillTasksCommand(command: Command, context: CommandContext): void {
  command.addHelpText('after', '\nExample:\n  contact tasks list --state failed');
  const commands = [
    addListCommand,
    addShowCommand,
    addWatchCommand,
    addCancelCommand,
    addRetryCommand,
    addDeleteCommand,
  ];
  for (const add of commands) add(command, context);
}
