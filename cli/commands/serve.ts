import { type Command, Option } from 'commander';
import { ConfigurationError, FILE_VARIABLE, openConfiguration } from '../../server/config/index.ts';
import type { CommandContext } from '../context.ts';
import { EXIT } from '../exit.ts';
import { checkConfiguration } from '../serve/check.ts';
import { addConfigurationFlags, readFlags } from '../serve/flags.ts';
import { runServer } from '../serve/run.ts';

interface ServeFlags {
  readonly config?: string;
  readonly check?: boolean;
  readonly open?: boolean;
}

export function fillServeCommand(command: Command, context: CommandContext): void {
  command
    .addOption(new Option('--config <file>', `what the flags do not say, as lines of YAML (env: ${FILE_VARIABLE})`))
    .option('--check', 'print what it would be run with and what is wrong with that, and do not start')
    .option('--open', 'show its dashboard in the browser, once it listens');
  addConfigurationFlags(command);
  command
    .action((flags: ServeFlags) => serve(flags, command, context))
    .addHelpText(
      'after',
      `
Each flag is a line of the file too, and a variable of the environment: --max-payload 2MiB is "max-payload: 2MiB" and
CONTACT_MAX_PAYLOAD=2MiB. Flags outweigh the environment, which outweighs the file; docs/configuration.md has them all.

Prints a line "listening HOST:PORT" or "listening unix:PATH" for each address on stdout once it accepts calls; the log
goes to stderr. A socket file is for the user who runs the server; that of a dead server is replaced. SIGTERM or SIGINT sends
the clients away, takes results until the deadline and ends; a second one ends at once. SIGHUP reads the configuration
anew, unless it came of a terminal that was closed.

Example:
  contact serve --listen 127.0.0.1:50051 --store sqlite:contact.db
  contact serve --store sqlite:contact.db --open
  contact serve --config contact.yaml --check`,
    );
}

async function serve({ config, check, open }: ServeFlags, command: Command, context: CommandContext): Promise<void> {
  const flags = readFlags(command);
  const file = config === undefined ? {} : { file: config };
  try {
    const read = await openConfiguration({ flags, environment: process.env, ...file });
    const configuration = read();
    await (check
      ? checkConfiguration(configuration, context)
      : runServer(configuration, read, context, { isShown: open === true }));
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    for (const problem of error.problems) context.say(`contact: ${problem}`);
    context.exitCode = EXIT.usage;
  }
}
