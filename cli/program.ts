import type { Writable } from 'node:stream';
import { Command, CommanderError } from 'commander';
import { addEnqueueCommand } from './commands/enqueue.ts';
import { addResultsCommand } from './commands/results.ts';
import { addServeCommand } from './commands/serve.ts';
import { addTasksCommand } from './commands/tasks.ts';
import { addWorkCommand } from './commands/work.ts';
import { type CommandContext, createContext } from './context.ts';
import { EXIT, EXIT_CODES_HELP, exitCodeOf } from './exit.ts';
import type { Output } from './output.ts';
import { readVersion } from './version.ts';

const EXAMPLE = `
Example:
  contact serve
  contact work sums -- sha256sum
  contact enqueue sums hello --wait`;

/** Runs one command line; answers the exit code. Never rejects. */
export async function runCommandLine(args: readonly string[], out: Output, err: Writable): Promise<number> {
  const dashes = args.indexOf('--');
  const context = createContext(out, err, dashes < 0 ? undefined : args.slice(dashes + 1));
  try {
    await createProgram(context).parseAsync(args, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    const code = exitCodeOf(error);
    // The parser has said its own errors already.
    if (!(error instanceof CommanderError)) context.say(`contact: ${(error as Error).message}`);
    if (code === EXIT.usage && !(error instanceof CommanderError)) context.say('(--help shows the usage)');
    return code;
  }
}

function createProgram(context: CommandContext): Command {
  const program = new Command('contact')
    .description('A task server that can reach its clients.')
    .version(readVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.out.write(text),
      writeErr: (text) => context.say(text.trimEnd()),
    })
    .showHelpAfterError('(--help shows the usage)')
    .addHelpText('after', EXAMPLE)
    .addHelpText('afterAll', EXIT_CODES_HELP);
  for (const add of [addServeCommand, addWorkCommand, addEnqueueCommand, addResultsCommand, addTasksCommand]) {
    add(program, context);
  }
  return program;
}
