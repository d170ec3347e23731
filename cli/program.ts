import type { Writable } from 'node:stream';
import { Command, CommanderError } from 'commander';
import { addBenchCommand } from './commands/bench.ts';
import { addClientsCommand } from './commands/clients.ts';
import { addEnqueueCommand } from './commands/enqueue.ts';
import { addQueuesCommand } from './commands/queues.ts';
import { addResultsCommand } from './commands/results.ts';
import { addServeCommand } from './commands/serve.ts';
import { addTasksCommand } from './commands/tasks.ts';
import { addTopCommand } from './commands/top.ts';
import { addWorkCommand } from './commands/work.ts';
import { type CommandContext, createContext, type Input } from './context.ts';
import { EXIT, EXIT_CODES_HELP, exitCodeOf } from './exit.ts';
import type { Output } from './output.ts';
import { readVersion } from './version.ts';

const EXAMPLE = `
Example:
  contact serve
  contact work sums -- sha256sum
  contact enqueue sums hello --wait`;

const COMMANDS = [
  addServeCommand,
  addWorkCommand,
  addEnqueueCommand,
  addResultsCommand,
  addTasksCommand,
  addQueuesCommand,
  addClientsCommand,
  addTopCommand,
  addBenchCommand,
];

/** Runs one command line; answers the exit code. Never rejects. */
export async function runCommandLine(
  args: readonly string[],
  out: Output,
  err: Writable,
  input?: Input,
): Promise<number> {
  // As with most programs, a variable that is set to nothing is not set.
  for (const name of ['CONTACT_SERVER', 'CONTACT_TOKEN']) if (process.env[name] === '') delete process.env[name];
  const dashes = args.indexOf('--');
  const context = createContext({
    out,
    err,
    rest: dashes < 0 ? undefined : args.slice(dashes + 1),
    ...(input ? { input } : {}),
  });
  const code = await run(args, context);
  await out.flush();
  // What a program was told by its output is all that it has: half of it is not success.
  if (!out.failure) return code;
  context.say(`contact: cannot write to stdout: ${out.failure.message}`);
  return code === EXIT.done ? EXIT.refused : code;
}

async function run(args: readonly string[], context: CommandContext): Promise<number> {
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

/** Every command with its options and arguments. */
export function createProgram(context: CommandContext): Command {
  const program = new Command('contact')
    .description('A task server that can reach its clients.')
    .version(readVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.out.write(text),
      writeErr: (text) => context.sayLines(text.trimEnd()),
    })
    .showHelpAfterError('(--help shows the usage)')
    .addHelpText('after', EXAMPLE)
    .addHelpText('afterAll', EXIT_CODES_HELP);
  for (const add of COMMANDS) add(program, context);
  return program;
}
