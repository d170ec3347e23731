import type { Writable } from 'node:stream';
import { Command, CommanderError } from 'commander';
import { type CommandContext, createContext, type Input } from './context.ts';
import { CommandFailure, EXIT, EXIT_CODES_HELP, exitCodeOf } from './exit.ts';
import { messageOf } from './flags.ts';
import { checkArguments } from './names.ts';
import type { Output } from './output.ts';
import { settleTarget } from './settle.ts';
import { readVersion } from './version.ts';

const EXAMPLE = `
Example:
  contact serve
  contact work sums -- sha256sum
  contact enqueue sums hello --wait`;

/** A command of the program; its flags and its code are loaded when it is the one that runs. */
interface CommandEntry {
  /** Its name and its arguments, as the parser takes them. */
  readonly usage: string;
  readonly description: string;
  /** For scripts, and in no help. */
  readonly isHidden?: boolean;
  readonly load: () => Promise<(command: Command, context: CommandContext) => void>;
}

const COMMANDS: readonly CommandEntry[] = [
  {
    usage: 'serve',
    description: 'run a server',
    load: async () => (await import('./commands/serve.ts')).fillServeCommand,
  },
  {
    usage: 'work <queue...>',
    description: 'run a command for each task',
    load: async () => (await import('./commands/work.ts')).fillWorkCommand,
  },
  {
    usage: 'expose [service...]',
    description: 'make a running gRPC server callable through contact',
    load: async () => (await import('./commands/expose.ts')).fillExposeCommand,
  },
  {
    usage: 'enqueue <queue> [payload]',
    description: 'store a task, or one for each line of stdin',
    load: async () => (await import('./commands/enqueue.ts')).fillEnqueueCommand,
  },
  {
    usage: 'results [queue...]',
    description: 'print a line for each settled task, in commit order',
    load: async () => (await import('./commands/results.ts')).fillResultsCommand,
  },
  {
    usage: 'failures [queue...]',
    description: 'tell what failed, those that are alike together',
    load: async () => (await import('./commands/failures.ts')).fillFailuresCommand,
  },
  {
    usage: 'acts',
    description: 'tell who did what: cancels, redrives, deletions, settings of queues, drains, tokens, backups',
    load: async () => (await import('./commands/acts.ts')).fillActsCommand,
  },
  {
    usage: 'tasks',
    description: 'look at tasks, cancel, redrive and delete them',
    load: async () => (await import('./commands/tasks.ts')).fillTasksCommand,
  },
  {
    usage: 'queues',
    description: 'look at queues, pause and purge them',
    load: async () => (await import('./commands/queues.ts')).fillQueuesCommand,
  },
  {
    usage: 'clients',
    description: 'look at clients, drain, disconnect and forget them',
    load: async () => (await import('./commands/clients.ts')).fillClientsCommand,
  },
  {
    usage: 'call <method> [request]',
    description: 'call a method of a service that a client serves',
    load: async () => (await import('./commands/call.ts')).fillCallCommand,
  },
  {
    usage: 'services',
    description: 'look at the services that can be called',
    load: async () => (await import('./commands/services.ts')).fillServicesCommand,
  },
  {
    usage: 'backup <file>',
    description: 'copy all that a running server has stored into a file',
    load: async () => (await import('./commands/backup.ts')).fillBackupCommand,
  },
  {
    usage: 'restore <file>',
    description: 'make a store of a backup, for a server to be started on',
    load: async () => (await import('./commands/restore.ts')).fillRestoreCommand,
  },
  {
    usage: 'join',
    description: 'enrol as a client, or make the join texts that let clients in',
    load: async () => (await import('./commands/join.ts')).fillJoinCommand,
  },
  {
    usage: 'token',
    description: 'make, list, rotate and revoke what programs prove themselves with',
    load: async () => (await import('./commands/token.ts')).fillTokenCommand,
  },
  {
    usage: 'whoami',
    description: 'show whom the server takes you for, and what you may do',
    load: async () => (await import('./commands/whoami.ts')).fillWhoamiCommand,
  },
  {
    usage: 'config',
    description: 'keep profiles: which server commands speak to, and by which files',
    load: async () => (await import('./commands/config.ts')).fillConfigCommand,
  },
  {
    usage: 'top',
    description: 'watch the server, its queues and its clients on a live screen',
    load: async () => (await import('./commands/top.ts')).fillTopCommand,
  },
  {
    usage: 'health',
    description: 'ask once whether a server serves, for probes',
    load: async () => (await import('./commands/health.ts')).fillHealthCommand,
  },
  {
    usage: 'doctor',
    description: 'look for what is wrong with a server or its store, and say what to do',
    load: async () => (await import('./commands/doctor.ts')).fillDoctorCommand,
  },
  {
    usage: 'bench',
    description: 'put load on a server and measure it',
    load: async () => (await import('./commands/bench.ts')).fillBenchCommand,
  },
  {
    usage: 'completion',
    description: 'print what completes commands, flags and names in a shell',
    load: async () => (await import('./commands/completion.ts')).fillCompletionCommand,
  },
  {
    usage: 'complete [word...]',
    description: 'answer a shell what a word may become',
    isHidden: true,
    load: async () => (await import('./commands/complete.ts')).createFillCompleteCommand(createProgram),
  },
];

/** What is read of the environment in place of flags. */
const VARIABLES = [
  'CONTACT_SERVER',
  'CONTACT_TOKEN',
  'CONTACT_TOKEN_FILE',
  'CONTACT_CREDENTIAL_FILE',
  'CONTACT_PROFILE',
];

/** Runs one command line; answers the exit code. Never rejects. */
export async function runCommandLine(
  args: readonly string[],
  out: Output,
  err: Writable,
  input?: Input,
): Promise<number> {
  // As with most programs, a variable that is set to nothing is not set.
  for (const name of VARIABLES) if (process.env[name] === '') delete process.env[name];
  const dashes = args.indexOf('--');
  const context = createContext({
    out,
    err,
    rest: dashes < 0 ? undefined : args.slice(dashes + 1),
    isJson: (dashes < 0 ? args : args.slice(0, dashes)).includes('--json'),
    ...(input ? { input } : {}),
  });
  const code = await run(args, context);
  await out.flush();
  // What a program was told by its output is all that it has: half of it is not success.
  if (!out.failure) return code;
  const message = `cannot write to stdout: ${out.failure.message}`;
  context.sayError(new CommandFailure(message), `contact: ${message}`);
  return code === EXIT.done ? EXIT.refused : code;
}

async function run(args: readonly string[], context: CommandContext): Promise<number> {
  try {
    const wanted = nameCommand(args);
    const program = await createProgram(context, (name) => name === wanted);
    checkHelp(program, args);
    await program.parseAsync(args, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    const code = exitCodeOf(error);
    // The parser has told people its own errors already.
    if (error instanceof CommanderError) {
      if (code !== EXIT.done) context.sayError(error, null);
    } else {
      context.sayError(error, `contact: ${messageOf(error as Error)}`);
      if (code === EXIT.usage) context.sayLines('(--help shows the usage)');
    }
    return code;
  }
}

/** The command that a command line is about; `help work` is about `work`. */
function nameCommand(args: readonly string[]): string | undefined {
  const [first, second] = args.filter((arg) => !arg.startsWith('-'));
  return first === 'help' ? second : first;
}

/** The parser answers `help nosuch` with the help of the program, as if nothing were wrong. */
function checkHelp(program: Command, args: readonly string[]): void {
  const [first, ...names] = args.filter((arg) => !arg.startsWith('-'));
  if (first !== 'help') return;
  let command = program;
  for (const name of names) {
    if (command.commands.length === 0 || name === 'help') return;
    const next = command.commands.find((one) => one.name() === name);
    if (!next)
      command.error(`error: unknown command '${name}'`, { exitCode: EXIT.usage, code: 'commander.unknownCommand' });
    else command = next;
  }
}

/** Every command; those that are wanted with their options, arguments and code. */
export async function createProgram(
  context: CommandContext,
  isWanted: (name: string) => boolean = () => true,
): Promise<Command> {
  const program = new Command('contact')
    .description('A task server that can reach its clients.')
    .version(readVersion())
    .exitOverride()
    // What comes after a command is of that, so that one below it may have the same options.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => void context.out.write(text),
      writeErr: (text) => context.sayLines(text.trimEnd()),
    })
    .showHelpAfterError('(--help shows the usage)')
    .addHelpText('after', EXAMPLE)
    .addHelpText('afterAll', EXIT_CODES_HELP)
    .hook('preAction', (_, command) => settleTarget(command, context));
  for (const { usage, description, load, isHidden = false } of COMMANDS) {
    const command = program.command(usage, { hidden: isHidden }).description(description);
    if (!isWanted(command.name())) continue;
    (await load())(command, context);
    checkArguments(command);
  }
  return program;
}
