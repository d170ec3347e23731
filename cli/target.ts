import { type Command, InvalidArgumentError, Option } from 'commander';
import { isSocketAddress, MAX_SOCKET_PATH_BYTES, readSocketPath } from '../shared/address.ts';
import { parseDuration, parsePositiveDuration } from './duration.ts';

/** The flags that every command but `serve` has. */
export interface TargetOptions {
  /** Undefined: as the join text or the credential file says. */
  readonly server?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly credentialFile?: string;
  /** Of the commands that enrol. */
  readonly joinFile?: string;
  readonly id?: string;
  readonly profile?: string;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsServerName?: string;
  readonly tlsPin?: string;
  readonly insecure?: boolean;
  /** Milliseconds; 0: for ever. */
  readonly connectTimeout: number;
  /** Milliseconds. */
  readonly keepalive?: number;
  readonly json?: boolean;
}

/** Adds these flags under a heading of their own, after the command's own options. */
export function addTargetOptions(command: Command): Command {
  const options = [
    new Option('--server <address>', 'where the server listens: HOST:PORT or unix:PATH')
      .default('127.0.0.1:50051')
      .env('CONTACT_SERVER')
      .argParser(parseTarget),
    new Option('--profile <name>', 'go by this profile ("contact config")').env('CONTACT_PROFILE'),
    new Option('--token-file <file>', 'holds the token that proves who you are').env('CONTACT_TOKEN_FILE'),
    new Option('--credential-file <file>', 'what came of a join text ("contact join")').env('CONTACT_CREDENTIAL_FILE'),
    new Option('--token <token>', 'the token itself, which other users of this machine can see').env('CONTACT_TOKEN'),
    new Option('--tls', 'encrypt, and check the server against the well-known authorities'),
    new Option('--tls-ca <file>', 'encrypt, and check the server against these authorities (PEM)'),
    new Option('--tls-pin <pin>', 'encrypt, and check the server by this pin of its authority, which a join text has'),
    new Option('--tls-cert <file>', 'certificate of this client (PEM)'),
    new Option('--tls-key <file>', 'its key (PEM)'),
    new Option('--tls-server-name <name>', 'encrypt; the name that the certificate is for, if --server has another'),
    new Option('--insecure', 'send the token without TLS, where whoever reads the line may have it'),
    new Option('--connect-timeout <duration>', 'how long to try to reach the server; 0s: for ever')
      .default(10_000, '10s')
      .argParser(parseDuration),
    new Option(
      '--keepalive <duration>',
      'between two pings of the connection; longer where a proxy allows few (default: 5s)',
    ).argParser(parsePositiveDuration),
  ];
  for (const option of options) command.addOption(option.helpGroup('Server:'));
  return command;
}

/** Adds the flag of commands by which a client enrols when it starts for the first time. */
export function addJoinOption(command: Command): Command {
  return command.option(
    '--join-file <file>',
    'enrol as --id by the join text in this file (-: stdin), the first time; --credential-file keeps what came of it',
  );
}

export function parseTarget(text: string): string {
  if (isSocketAddress(text)) {
    if (readSocketPath(text) !== undefined) return text;
    throw new InvalidArgumentError(`Expected unix:PATH, PATH of at most ${MAX_SOCKET_PATH_BYTES} bytes.`);
  }
  const [, host, port] = /^(\[[^\]]+\]|[^:[\]\s]+):(\d{1,5})$/.exec(text) ?? [];
  if (host && Number(port) <= 65_535) return text;
  throw new InvalidArgumentError('Expected HOST:PORT, such as 127.0.0.1:50051, or unix:PATH.');
}
