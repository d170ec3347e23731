import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Admin, type ConnectionOptions, ContactError, createAdmin } from '../client/index.ts';
import { parseDuration } from './duration.ts';
import { CommandFailure, EXIT, usageError } from './exit.ts';

/** The flags that every command but `serve` has. */
export interface TargetOptions {
  readonly server: string;
  readonly token?: string;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** Milliseconds; 0: for ever. */
  readonly connectTimeout: number;
  readonly json?: boolean;
}

export type ServerInfo = Awaited<ReturnType<Admin['serverInfo']>>;

const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1_000;
const MAX_ASK_MS = 10_000;

/** Under a heading of their own, after the command's own options. */
export function addTargetOptions(command: Command): Command {
  const options = [
    new Option('--server <host:port>', 'where the server listens')
      .default('127.0.0.1:50051')
      .env('CONTACT_SERVER')
      .argParser(parseTarget),
    new Option('--token <token>', 'proves who you are').env('CONTACT_TOKEN'),
    new Option('--tls', 'encrypt, and check the server against the well-known authorities'),
    new Option('--tls-ca <file>', 'encrypt, and check the server against these authorities (PEM)'),
    new Option('--tls-cert <file>', 'certificate of this client (PEM)'),
    new Option('--tls-key <file>', 'its key (PEM)'),
    new Option('--connect-timeout <duration>', 'how long to try to reach the server; 0s: for ever')
      .default(10_000, '10s')
      .argParser(parseDuration),
  ];
  for (const option of options) command.addOption(option.helpGroup('Server:'));
  return command;
}

export function parseTarget(text: string): string {
  const [, host, port] = /^(\[[^\]]+\]|[^:[\]\s]+):(\d{1,5})$/.exec(text) ?? [];
  if (!host || Number(port) > 65_535) throw new InvalidArgumentError('Expected HOST:PORT, such as 127.0.0.1:50051.');
  return text;
}

/** What the SDK needs, from the flags; files are read here, so that a wrong path is a usage error. */
export function readConnection(options: TargetOptions, say: (line: string) => void): ConnectionOptions {
  if ((options.tlsCert === undefined) !== (options.tlsKey === undefined)) {
    throw usageError('--tls-cert and --tls-key go together');
  }
  const ca = readPem('--tls-ca', options.tlsCa);
  const cert = readPem('--tls-cert', options.tlsCert);
  const key = readPem('--tls-key', options.tlsKey);
  const isEncrypted = options.tls === true || ca !== undefined || cert !== undefined;
  return {
    server: options.server,
    logger: { info: say, warn: say },
    ...(options.token ? { token: options.token } : {}),
    ...(isEncrypted ? { tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } } : {}),
  };
}

function readPem(flag: string, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw usageError(`${flag}: ${(error as Error).message}`);
  }
}

/**
 * Waits until the server answers, so that a command started together with its server just works.
 * Null: it answers, but will not tell about itself.
 * @throws CommandFailure with exit code 3 when it did not answer in time
 */
export async function reachServer(connection: ConnectionOptions, timeoutMs: number): Promise<ServerInfo | null> {
  const admin = createAdmin(connection);
  const deadline = timeoutMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
  try {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      const remainingMs = deadline - performance.now();
      const answer = await askServer(admin, remainingMs);
      if (answer !== 'unreachable') return answer;
      if (performance.now() + pauseMs >= deadline) throw unreachable(connection.server, timeoutMs);
      await sleep(pauseMs);
    }
  } finally {
    await admin.close();
  }
}

async function askServer(admin: Admin, timeoutMs: number): Promise<ServerInfo | null | 'unreachable'> {
  try {
    return await admin.serverInfo({ deadlineMs: Math.min(timeoutMs, MAX_ASK_MS) });
  } catch (error) {
    const { code } = ContactError.from(error);
    return code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED' ? 'unreachable' : null;
  }
}

function unreachable(server: string, timeoutMs: number): CommandFailure {
  return new CommandFailure(`could not reach ${server} within ${timeoutMs / 1000} s`, EXIT.unreachable);
}
