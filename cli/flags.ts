import { ContactError } from '../shared/errors.ts';

/** What the fields of a task are called on the command line, by their names in the contract and in the SDK. */
const FLAGS: ReadonlyMap<string, string> = new Map([
  ['idempotency_key', '--key'],
  ['key', '--key'],
  ['content_type', '--content-type'],
  ['contentType', '--content-type'],
  ['selector', '--selector'],
  ['client_id', '--client'],
  ['clientId', '--client'],
  ['payload', 'PAYLOAD'],
  ['metadata', '--metadata'],
  ['backoff', '--backoff'],
  ['id', '--id'],
]);
const TOO_LARGE = /at most \d+ are taken$/;

/** The same refusal, naming what was given on the command line instead of a field of the contract. */
export function nameFlag(error: unknown): unknown {
  if (!(error instanceof ContactError) || error.field === undefined) return error;
  const flag = FLAGS.get(error.field.split('.').at(-1)!);
  if (flag === undefined) return error;
  const { code, problem, advice, retryAfterMs, isMarked } = error;
  const hint = TOO_LARGE.test(problem) ? ' (contact serve --max-payload sets that)' : '';
  return new ContactError(code, `${problem}${hint}`, {
    field: flag,
    isMarked,
    cause: error,
    ...(advice ? { advice } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** What the options of the SDK are called on the command line, as its texts for people name them. */
const OPTIONS: readonly (readonly [RegExp | string, string])[] = [
  ['the options token, tokenFile and join are for that', '--token-file, --credential-file and --profile are for that'],
  ['`tokenFile`', '--token-file'],
  ['`credentialFile`', '--credential-file'],
  ['`join`', '--join-file'],
  ['`tls`', '--tls, --tls-ca or --tls-pin'],
  ['`tls.ca`', '--tls-ca'],
  ['`tls.cert`', '--tls-cert'],
  ['`tls.key`', '--tls-key'],
  ['`tls.serverName`', '--tls-server-name'],
  [/^tokenFile(?=: )/, '--token-file'],
  [/^credentialFile(?=: )/, '--credential-file'],
  [/^(?:what is given as )?join(?=: )/, '--join-file'],
];

/** A line of the SDK about its options, said of flags. */
export function inFlags(line: string): string {
  return OPTIONS.reduce((said, [option, flag]) => said.replace(option, flag), line);
}

/** What went wrong, for the last line of a command. */
export function messageOf(error: Error): string {
  return error instanceof ContactError ? inFlags(error.message) : error.message;
}
