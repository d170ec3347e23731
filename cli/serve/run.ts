import type { Configuration, ServeOptions, ServerOptions } from '../../server/config/index.ts';
import { ConfigurationError, SERVER_ROWS } from '../../server/config/index.ts';
import type { ContactServer } from '../../server/index.ts';
import type { CommandContext } from '../context.ts';
import { CommandFailure } from '../exit.ts';

import { exitCodeOfSignal, onStopSignal } from '../signals.ts';
import { onHangUp } from './hangup.ts';
import type { createLog, ServerLog } from './log.ts';
import { createServiceManager, type ServiceManager } from './notify.ts';
import { openPage, pageOf } from './page.ts';

export interface RunOptions {
  /** Its dashboard is shown in a browser once it listens. */
  readonly isShown: boolean;
}

/** Runs a server until a signal ends it or it fails. SIGHUP reads the configuration anew, by `read`. */
export async function runServer(
  { values, warnings }: Configuration,
  read: () => Configuration,
  context: CommandContext,
  { isShown }: RunOptions,
): Promise<void> {
  const stop = new AbortController();
  const reloads: { now?: () => void } = {};
  // The listeners come before anything is loaded or opened: a server may be stopped while it starts.
  const removeHangUp = onHangUp({ reload: () => reloads.now?.(), stop: () => onStop(1, 'SIGHUP') });
  const removeStop = onStopSignal(onStop, ['SIGINT', 'SIGTERM', 'SIGQUIT']);
  function onStop(count: number, signal: NodeJS.Signals): void {
    if (count > 1 || stop.signal.aborted) process.exit(exitCodeOfSignal(signal));
    stop.abort(signal);
  }

  try {
    // Loaded here, so that the other commands do not wait for the server's code.
    const [{ createServer, keepTokenBeside }, log] = await Promise.all([
      import('../../server/index.ts'),
      import('./log.ts'),
    ]);
    if (stop.signal.aborted) return;
    const logger = openLog(log.createLog, values);
    for (const warning of warnings) logger.warn({}, warning);
    const keepOperatorToken = keepTokenBeside(values.store, logger);
    const server = await createServer(pickServerOptions(values), {
      logger,
      ...(keepOperatorToken && { keepOperatorToken }),
    });
    const manager = createServiceManager(process.env, logger);
    reloads.now = () => {
      manager.reloading();
      reload(server, logger, read);
      manager.ready();
    };
    const stopped = whenAborted(stop.signal).then(() => {
      logger.info({ signal: stop.signal.reason }, 'stopping');
      manager.stopping();
      return server.close();
    });
    const onListening = (addresses: readonly string[]): void => {
      if (isShown) void showPage(addresses, values, logger);
    };
    await Promise.race([stopped, serve(server, [values.listen].flat(), manager, context, onListening)]);
    await manager.close();
  } finally {
    removeStop();
    removeHangUp();
  }
}

/** The options that `createServer()` knows: not those of the command itself. */
export function pickServerOptions(values: ServeOptions): ServerOptions {
  return Object.fromEntries(Object.entries(values).filter(([name]) => name in SERVER_ROWS)) as ServerOptions;
}

/** An audit log that cannot be kept keeps the server from starting: whoever asks for it relies on it. */
function openLog(create: typeof createLog, { logLevel, auditLog }: ServeOptions): ServerLog {
  try {
    return create({ level: logLevel, auditLog });
  } catch (error) {
    throw unopened(auditLog, error);
  }
}

function openAudit(logger: ServerLog, path: string | undefined): ReturnType<ServerLog['openAudit']> {
  try {
    return logger.openAudit(path);
  } catch (error) {
    throw unopened(path, error);
  }
}

function unopened(path: string | undefined, error: unknown): CommandFailure {
  return new CommandFailure(`${path} cannot be opened for the audit log: ${(error as Error).message}`);
}

function takeOver(server: ContactServer, values: ServeOptions, onRefused: () => void): readonly string[] {
  try {
    return server.reload(pickServerOptions(values));
  } catch (error) {
    onRefused();
    throw error;
  }
}

/** A configuration that is wrong changes nothing, and the server goes on. */
function reload(server: ContactServer, logger: ServerLog, read: () => Configuration): void {
  try {
    const { values } = read();
    const audit = openAudit(logger, values.auditLog);
    const needRestart = takeOver(server, values, audit.leave);
    audit.take();
    logger.level = values.logLevel;
    logger.info({ needRestart }, 'configuration reloaded');
  } catch (error) {
    const problems = error instanceof ConfigurationError ? error.problems : [(error as Error).message];
    logger.error({ problems }, 'the configuration is wrong, and stays as it was');
  }
}

function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Listens, says where, and waits until the server fails. */
async function serve(
  server: ContactServer,
  wanted: readonly string[],
  manager: ServiceManager,
  { out }: CommandContext,
  onListening: (addresses: readonly string[]) => void,
): Promise<void> {
  const addresses = await listen(server, wanted);
  await out.write(addresses.map((address) => `listening ${address}\n`).join(''));
  manager.ready();
  onListening(addresses);
  await server.failed;
}

/** A server serves, whether its page can be shown or not. */
async function showPage(
  addresses: readonly string[],
  { tls, tlsCert, http }: ServeOptions,
  logger: ServerLog,
): Promise<void> {
  const url = http ? pageOf(addresses, tls !== 'off' || tlsCert !== undefined) : undefined;
  if (url === undefined) {
    logger.warn({ addresses, http }, 'there is no page to open: --open needs an address of HOST:PORT and http');
    return;
  }
  try {
    await openPage(url);
    logger.info({ url }, 'the dashboard is shown in the browser');
  } catch (error) {
    logger.warn({ url, err: error }, 'the dashboard is here, but no browser could be started');
  }
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
