import { type Command, Option } from 'commander';
import type { Worker } from '../../client/registration.ts';
import { createWorker } from '../../client/worker.ts';
import { errorToJson } from '../../json/error.ts';
import type { Json } from '../../json/plain.ts';
import { isName } from '../../shared/ids.ts';
import { NAME_FORM, showMisname } from '../../shared/name.ts';
import { isCommandLine, isExecutable } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { parseDuration } from '../duration.ts';
import { CommandFailure, usageError } from '../exit.ts';
import { closeProcessGroups } from '../group.ts';
import { createBytesCodec, createCommandHandler, type TaskEnd } from '../handler.ts';
import { collectLabels } from '../labels.ts';
import { parseName } from '../names.ts';
import { integerBetween } from '../number.ts';
import { reachServer, readConnection } from '../reach.ts';
import { exitCodeOfSignal, exitOnDeadlySignals, onStopSignal } from '../signals.ts';
import { addJoinOption, addTargetOptions, type TargetOptions } from '../target.ts';
import { createLeftOutTeller } from '../taskenv.ts';

interface WorkOptions extends TargetOptions {
  readonly concurrency: number;
  readonly id?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly spool?: string;
  readonly log?: boolean;
  /** Milliseconds. */
  readonly killAfter: number;
}

/** The limit of results where the server does not tell its own. */
const DEFAULT_MAX_RESULT_BYTES = 2 ** 20;
/** What the reports to the server get after the last SIGKILL. */
const STOP_MARGIN_MS = 2_000;

export function fillWorkCommand(command: Command, context: CommandContext): void {
  command
    .usage('[options] <queue...> -- <command> [arg...]')
    .option('--concurrency <n>', 'tasks at once', integerBetween(1, 10_000), 1)
    .option(
      '--id <id>',
      'a name the server remembers; of two workers with one name the newer replaces the older',
      parseName,
    )
    .option('--label <key=value>', 'what selectors look at; may be repeated', collectLabels)
    .option('--content-type <type>', 'of the results', 'application/octet-stream')
    .option('--spool <file>', 'keep results here until the server has them, also when this command is killed')
    .option('--log', "keep each line of the command's stderr with its attempt, the newest 100: contact tasks show")
    .addOption(
      new Option('--kill-after <duration>', 'from SIGTERM to SIGKILL when a task is cancelled')
        .default(5_000, '5s')
        .argParser(parseDuration),
    )
    .option('--json', 'one JSON object on stdout for each task that ended here')
    .action((queues: string[], options: WorkOptions) => runWork(queues, options, context))
    .addHelpText(
      'after',
      `
The command gets the payload on stdin, and in its environment CONTACT_TASK_ID, CONTACT_TASK_QUEUE, CONTACT_TASK_ATTEMPT,
CONTACT_TASK_MAX_ATTEMPTS, CONTACT_TASK_DELIVERY and CONTACT_TASK_CONTENT_TYPE (CONTACT_QUEUE and CONTACT_ATTEMPT are as
before). Metadata is in CONTACT_TASK_METADATA as a JSON object, and each pair whose name is of letters, digits and _ in a
variable of its own: CONTACT_TASK_META_order. Other names are told on stderr, once. Its
stdout is the result. Another exit code than 0 is a failure, the end of stderr its message. A cancel sends SIGTERM to
the command's process group, then SIGKILL; what a command leaves running in its group is killed when it exits.
SIGTERM, SIGINT, SIGHUP or SIGQUIT takes no new tasks and ends when the running ones have finished; a second one stops
those too and gives them back to the server. SIGKILL and a crash leave commands running: where that
happens, let the commands run in a control group or container that ends with this one.

Example:
  contact work sums --concurrency 8 -- sha256sum`,
    );
  addJoinOption(command);
  addTargetOptions(command);
}

async function runWork(operands: string[], options: WorkOptions, context: CommandContext): Promise<void> {
  const command = context.rest;
  if (!isCommandLine(command)) throw usageError('missing command: contact work QUEUE… -- COMMAND [ARG…]');
  const queues = operands.slice(0, operands.length - command.length);
  if (queues.length === 0) throw usageError('missing QUEUE: contact work QUEUE… -- COMMAND [ARG…]');
  for (const queue of queues)
    if (!isName(queue)) throw usageError(`QUEUE: expected ${NAME_FORM}, got ${showMisname(queue)}`);
  if (!isExecutable(command[0])) throw new CommandFailure(`command not found: ${command[0]}`);
  const connection = readConnection(options, context.say);
  const info = await reachServer(connection, options.connectTimeout);
  const codec = createBytesCodec(options.contentType);
  let shortage: string | null = null;
  const worker = createWorker({
    ...connection,
    queues,
    concurrency: options.concurrency,
    codec,
    labels: options.label ?? {},
    ...(options.id === undefined ? {} : { clientId: options.id }),
    ...(options.spool === undefined ? {} : { spool: options.spool }),
    // A stack would be that of this command.
    errorDetail: false,
    handler: createCommandHandler({
      command,
      maxOutputBytes: info?.limits?.maxResultBytes || DEFAULT_MAX_RESULT_BYTES,
      killAfterMs: options.killAfter,
      logsErrors: options.log ?? false,
      onTask: createLeftOutTeller(context.say),
      onShort: (reason) => {
        if (reason !== null) context.say(`${reason}; the task is given back`);
        // The text is for operators, and true until a command starts again.
        if (reason !== shortage) worker.setStatus(reason ?? '');
        shortage = reason;
      },
      onEnd: (end) => void (options.json && context.out.writeJson(endToJson(end))),
    }),
  });
  process.on('exit', closeProcessGroups);
  const stopExiting = exitOnDeadlySignals();
  const stopListening = onStopSignal((count, signal) => {
    if (count === 1) stopGently(worker, context);
    else if (count === 2) stopAtOnce(worker, options.killAfter);
    else process.exit(exitCodeOfSignal(signal));
  });
  try {
    await worker.finished;
  } finally {
    stopListening();
    stopExiting();
    closeProcessGroups();
  }
}

function endToJson({ taskId: id, queue, attempt, state, error }: TaskEnd): Json {
  return { id, queue, attempt, state, error: error ? errorToJson(error) : undefined };
}

function stopGently(worker: Worker, context: CommandContext): void {
  context.say('draining: no new tasks; a second signal gives the running ones back');
  // How it ended is told by `finished`.
  worker.drain().catch(() => undefined);
}

function stopAtOnce(worker: Worker, killAfterMs: number): void {
  worker.stop({ deadlineMs: killAfterMs + STOP_MARGIN_MS }).catch(() => undefined);
}
