import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import { escapeLine } from '../escape.ts';

interface RestoreCommandOptions {
  readonly store: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function fillRestoreCommand(command: Command, context: CommandContext): void {
  command
    .requiredOption('--store <url>', 'sqlite:PATH, where the server is to be started')
    .option('--force', 'replace the store that is there; what it has is lost')
    .option('--json', 'as a JSON object')
    .action((file: string, options: RestoreCommandOptions) => restore(file, options, context))
    .addHelpText(
      'after',
      `
Runs without a server: stop the one that has the store, restore, start it again. The backup is copied and looked through
first; the store that is there stays as it is until then. The store gets a new epoch: cursors of observers end with
OUT_OF_RANGE, since results after the backup are gone; "contact results --from oldest" goes on.

Example:
  contact restore contact-monday.db --store sqlite:contact.db --force`,
    );
}

async function restore(file: string, options: RestoreCommandOptions, { out }: CommandContext): Promise<void> {
  // Loaded here, so that the other commands do not wait for the server's code.
  const { restoreStore } = await import('../../server/index.ts');
  const restored = await restoreStore(file, options.store, { isForced: options.force === true });
  const { file: path, bytes, tasks, newest, epoch } = restored;
  await (options.json
    ? out.writeJson({ file: path, bytes, taskCount: tasks, newestResult: newest, epoch })
    : out.write(
        `${escapeLine(path)} has ${tasks} tasks, results up to ${newest}, and the new epoch ${escapeLine(epoch)}\n`,
      ));
}
