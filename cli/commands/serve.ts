import { type Command, Option } from 'commander';
import type { ContactServer, ServerOptions } from '../../server/index.ts';
import type { CommandContext } from '../context.ts';
import { parseDuration, parsePositiveDuration } from '../duration.ts';
import { CommandFailure } from '../exit.ts';
import { integerBetween } from '../number.ts';
import { exitCodeOfSignal, onStopSignal } from '../signals.ts';
import { parseTarget } from '../target.ts';

interface ServeOptions {
  readonly listen: readonly string[];
  readonly store: string;
  readonly node?: string;
  readonly resumeWindow?: number;
  readonly pingInterval?: number;
  readonly cancelGrace?: number;
  readonly shutdownDeadline?: number;
  readonly maxPayload?: number;
  readonly maxResult?: number;
  readonly minFree?: number;
  readonly retainDays?: number;
  readonly retainMax?: number;
  readonly classicSettleOnWrite?: boolean;
  readonly logLevel: string;
}

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'];
const DEFAULT_LISTEN: readonly string[] = ['127.0.0.1:50051'];
const MAX_BYTES = 64 * 2 ** 20;

export function fillServeCommand(command: Command, context: CommandContext): void {
  const parseBytes = integerBetween(1, MAX_BYTES);
  command
    .addOption(
      new Option('--listen <address>', 'HOST:PORT, where port 0 picks a free one, or unix:PATH; may be repeated')
        .default(DEFAULT_LISTEN, '127.0.0.1:50051')
        .argParser(collectAddress),
    )
    .option('--store <url>', 'sqlite:PATH, or memory: for tasks that end with the process', 'sqlite:contact.db')
    .option('--node <name>', 'name of this process (default: the name of the host)')
    .option('--resume-window <duration>', 'a lost client keeps its tasks so long (default: 15s)', parsePositiveDuration)
    .option(
      '--ping-interval <duration>',
      'a silent client is pinged; 3 without life end it (default: 5s)',
      parsePositiveDuration,
    )
    .option(
      '--cancel-grace <duration>',
      'a cancel that no worker confirms holds after this (default: 30s)',
      parsePositiveDuration,
    )
    .option('--shutdown-deadline <duration>', 'how long a stopping server takes results (default: 10s)', parseDuration)
    .option('--max-payload <bytes>', 'of a task (default: 1048576)', parseBytes)
    .option('--max-result <bytes>', 'of a task (default: 1048576)', parseBytes)
    .option(
      '--min-free <bytes>',
      'with less free disk, tasks are refused and results are not (default: 67108864)',
      integerBetween(0, Number.MAX_SAFE_INTEGER),
    )
    .option(
      '--retain-days <n>',
      'keep settled tasks so long; 0: no limit (default: 7; "contact queues retain" sets it for a queue)',
      integerBetween(0, 36_500),
    )
    .option(
      '--retain-max <n>',
      'settled tasks that each queue keeps; 0: no limit (default: 1000000)',
      integerBetween(0, 2 ** 32 - 1),
    )
    .option('--classic-settle-on-write', 'for classic clients that never tell results: written is done')
    .addOption(new Option('--log-level <level>', 'of the log on stderr').choices(LOG_LEVELS).default('info'))
    .action((options: ServeOptions) => runServer(options, context))
    .addHelpText(
      'after',
      `
Prints a line "listening HOST:PORT" or "listening unix:PATH" for each address on stdout once it accepts calls; the log
goes to stderr. A socket file is for the user who runs the server; that of a dead server is replaced. SIGTERM or SIGINT sends
the clients away, takes results until the deadline and ends; a second one ends at once.

Example:
  contact serve --listen 127.0.0.1:50051 --store sqlite:contact.db`,
    );
}

async function runServer(options: ServeOptions, context: CommandContext): Promise<void> {
  const stop = new AbortController();
  // The listener comes before anything is loaded or opened: a server may be stopped while it starts.
  const stopListening = onStopSignal((count, signal) => {
    if (count > 1) process.exit(exitCodeOfSignal(signal));
    stop.abort(signal);
  });
  try {
    // Loaded here, so that the other commands do not wait for the server's code.
    const [{ createServer }, { createLog }] = await Promise.all([import('../../server/index.ts'), import('../log.ts')]);
    if (stop.signal.aborted) return;
    const logger = createLog(options.logLevel);
    const server = await createServer(toServerOptions(options), { logger });
    const stopped = whenAborted(stop.signal).then(() => {
      logger.info({ signal: stop.signal.reason }, 'stopping');
      return server.close();
    });
    await Promise.race([stopped, serve(server, options.listen, context)]);
  } finally {
    stopListening();
  }
}

function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Listens, says where, and waits until the server fails. */
async function serve(server: ContactServer, wanted: readonly string[], { out }: CommandContext): Promise<void> {
  const addresses = await listen(server, wanted);
  await out.write(addresses.map((address) => `listening ${address}\n`).join(''));
  await server.failed;
}

async function listen(server: ContactServer, wanted: readonly string[]): Promise<readonly string[]> {
  try {
    return (await server.listen()).addresses;
  } catch (error) {
    await server.close();
    // Loaded here and not at the top: a command that only prints its help needs nothing of gRPC.
    const { ContactError } = await import('../../shared/errors.ts');
    if (error instanceof ContactError) throw error;
    const { code, message, address: host, port } = error as ListenError;
    const address = host === undefined || port === undefined ? wanted.join(', ') : `${host}:${port}`;
    throw new CommandFailure(
      `cannot listen on ${address}: ${code === 'EADDRINUSE' ? 'the address is in use' : message}`,
    );
  }
}

type ListenError = NodeJS.ErrnoException & { readonly address?: string; readonly port?: number };

/** Collects the addresses of `--listen`; the first one given takes the place of the default. */
function collectAddress(text: string, before: readonly string[]): readonly string[] {
  return [...(before === DEFAULT_LISTEN ? [] : before), parseTarget(text)];
}

/** Flags that were not given are left to the server's own defaults. */
function toServerOptions(options: ServeOptions): Partial<ServerOptions> {
  const given = {
    listen: options.listen,
    store: options.store,
    node: options.node,
    resumeWindowMs: options.resumeWindow,
    pingIntervalMs: options.pingInterval,
    cancelGraceMs: options.cancelGrace,
    shutdownDeadlineMs: options.shutdownDeadline,
    maxPayloadBytes: options.maxPayload,
    maxResultBytes: options.maxResult,
    minFreeBytes: options.minFree,
    retainDays: options.retainDays,
    retainMax: options.retainMax,
    classicSettleOnWrite: options.classicSettleOnWrite,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
