import type { Command } from 'commander';
import type { Exposed } from '../../client/expose/expose.ts';
import type { Worker } from '../../client/registration.ts';
import { createWorker } from '../../client/worker.ts';
import { ContactError } from '../../shared/errors.ts';
import { MAX_DESCRIPTOR_BYTES } from '../call/source.ts';
import type { CommandContext } from '../context.ts';
import { CommandFailure, EXIT, usageError } from '../exit.ts';
import { collectLabels } from '../labels.ts';
import { parseName } from '../names.ts';
import { integerBetween } from '../number.ts';
import { reachServer, readConnection } from '../reach.ts';
import { exitCodeOfSignal, onStopSignal } from '../signals.ts';
import { addJoinOption, addTargetOptions, parseTarget, type TargetOptions } from '../target.ts';
import { readFile, readTls } from '../tls.ts';

interface ExposeFlags extends TargetOptions {
  readonly to: string;
  readonly toTls?: boolean;
  readonly toTlsCa?: string;
  readonly toTlsCert?: string;
  readonly toTlsKey?: string;
  readonly toTlsServerName?: string;
  readonly descriptors?: string;
  readonly id?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly maxCalls?: number;
  readonly concurrency: number;
}

const SERVICE = /^\w+(\.\w+)*$/;

export function fillExposeCommand(command: Command, context: CommandContext): void {
  command
    .usage('[options] --to <address> [service...]')
    .requiredOption('--to <address>', 'where the gRPC server listens: HOST:PORT or unix:PATH', parseTarget)
    .option(
      '--descriptors <file>',
      'what it serves, as `buf build -o` and `protoc -o` write it, if it has no reflection',
    )
    .option('--id <id>', 'a name for callers to ask for; the server remembers it', parseName)
    .option('--label <key=value>', 'what selectors look at; may be repeated', collectLabels)
    .option('--max-calls <n>', 'calls at once; others wait or are refused (default: 100)', integerBetween(1, 10_000))
    .option('--concurrency <n>', 'durable calls at once, beside those', integerBetween(1, 10_000), 1)
    .option('--to-tls', 'speak TLS to it')
    .option('--to-tls-ca <file>', 'speak TLS to it, and check it against these authorities (PEM)')
    .option('--to-tls-cert <file>', 'certificate for it (PEM)')
    .option('--to-tls-key <file>', 'its key (PEM)')
    .option('--to-tls-server-name <name>', 'speak TLS to it; the name that its certificate is for')
    .option('--json', 'one JSON object on stdout for each service')
    .action((services: string[], flags: ExposeFlags) => runExpose(services, flags, context))
    .addHelpText(
      'after',
      `
Makes a running gRPC server, in whatever language, callable through contact: callers use their ordinary stubs at the
address of the contact server. Each call is passed on as it is; nothing is decoded. Without SERVICE all that the server
has are exposed but those of grpc and of contact. A line on stdout for each service, once it can be called. While the
server is away its services are withdrawn, and come back with it. SIGTERM, SIGINT, SIGHUP or SIGQUIT takes no new calls
and ends when the running ones have; a second one cancels those.

Example:
  contact expose helloworld.Greeter --to 127.0.0.1:8080`,
    );
  addJoinOption(command);
  addTargetOptions(command);
}

async function runExpose(services: string[], flags: ExposeFlags, context: CommandContext): Promise<void> {
  for (const service of services) {
    if (!SERVICE.test(service)) throw usageError(`SERVICE: expected pkg.Service, got ${service}`);
  }
  const { toTls, toTlsCa: ca, toTlsCert: cert, toTlsKey: key, toTlsServerName: serverName, descriptors } = flags;
  const tls = readTls({ tls: toTls, ca, cert, key, serverName }, '--to-tls');
  const set = descriptors === undefined ? undefined : readFile('--descriptors', descriptors, MAX_DESCRIPTOR_BYTES);
  const connection = readConnection(flags, context.say);
  await reachServer(connection, flags.connectTimeout);
  const worker = createWorker({
    ...connection,
    concurrency: flags.concurrency,
    labels: flags.label ?? {},
    ...(flags.id === undefined ? {} : { clientId: flags.id }),
  });
  const stopListening = onStopSignal((count, signal) => {
    if (count === 1) stopGently(worker, context);
    else if (count === 2) worker.stop().catch(() => undefined);
    else process.exit(exitCodeOfSignal(signal));
  });
  try {
    const asked = worker.expose({
      to: flags.to,
      ...(tls && { tls }),
      ...(set && { descriptors: set }),
      ...(services.length > 0 && { services }),
      ...(flags.maxCalls !== undefined && { maxCalls: flags.maxCalls }),
      ...(flags.connectTimeout > 0 && { deadlineMs: flags.connectTimeout }),
      // For operators, who see neither this machine nor its stderr.
      onPresence: (trouble) => worker.setStatus(trouble ? `${flags.to} is away: ${trouble.message}` : ''),
    });
    const exposed = await asked.catch((error) => explain(error, worker));
    if (exposed) tell(exposed, worker.clientId, flags.json === true, context);
    await worker.finished;
  } finally {
    stopListening();
  }
}

/** The worker that was stopped before the target answered has ended well. */
async function explain(error: unknown, worker: Worker): Promise<undefined> {
  const { code, problem, field } = ContactError.from(error);
  await worker.stop({ deadlineMs: 0 }).catch(() => undefined);
  if (code === 'CANCELLED') return undefined;
  const flag = field === undefined ? '--to' : (FLAGS.get(field) ?? field);
  throw new CommandFailure(`${flag}: ${problem}`, EXIT_BY_CODE.get(code) ?? EXIT.refused, { code, field: flag });
}

const FLAGS: ReadonlyMap<string, string> = new Map([
  ['to', '--to'],
  ['services', 'SERVICE'],
  ['descriptors', '--descriptors'],
  ['tls', '--to-tls'],
]);
const EXIT_BY_CODE: ReadonlyMap<string, number> = new Map([
  ['UNAVAILABLE', EXIT.unreachable],
  ['DEADLINE_EXCEEDED', EXIT.unreachable],
  ['INVALID_ARGUMENT', EXIT.usage],
]);

function tell({ services }: Exposed, clientId: string, isJson: boolean, { out, say }: CommandContext): void {
  if (services.length === 0) say('nothing is exposed: the server has refused every method');
  for (const { name, methods } of services) {
    if (isJson) void out.writeJson({ service: name, methods, client: clientId });
    else void out.write(`exposed ${name} with ${methods.length} method${methods.length === 1 ? '' : 's'}\n`);
  }
}

function stopGently(worker: Worker, context: CommandContext): void {
  context.say('draining: no new calls; a second signal cancels the running ones');
  // How it ended is told by `finished`.
  worker.drain().catch(() => undefined);
}
