import { isSocketAddress, MAX_SOCKET_PATH_BYTES, readSocketPath } from '../shared/address.ts';
import type { Clock, Random } from '../shared/clock.ts';
import type { BackoffOptions } from './backoff.ts';
import * as check from './check.ts';
import { assertTokenMayTravel } from './plaintext.ts';
import { isTls, type TlsOptions } from './tls.ts';

export type { TlsOptions };

/** Where an SDK object says what happens to its connection; lines for people. `console` fits. */
export interface Logger {
  /** What goes as it should: it is connected, it drains. */
  info(message: string): void;
  /** What somebody may have to look at: a line is lost, a task has failed. */
  warn(message: string): void;
}

/** What every SDK object takes; each object has a connection of its own, a producer that calls has two. */
export interface ConnectionOptions {
  /** HOST:PORT of the server, or `unix:PATH` of its socket file. Default: where the join text says. */
  readonly server?: string;
  /** Sent as `authorization: Bearer …` with every call. Default: none. Not together with `tokenFile`. */
  readonly token?: string;
  /**
   * Path of a file that holds the token, which is read whenever a connection is made, and when it has changed. Where others
   * than its owner can read it (its mode is not 0600), the logger is warned. Default: none.
   */
  readonly tokenFile?: string;
  /**
   * A join text (`cj_…`), or the path of a file that holds one: this client enrols with its first connection, and has a
   * credential of its own from then on, which `credentialFile` keeps. It is not looked at again once that has been done. Default: none.
   */
  readonly join?: string;
  /** The client id to enrol as. Default: `clientId` of a worker, or what the credential file says. */
  readonly joinAs?: string;
  /**
   * Path of the file that keeps what came of `join`: the secret, drawn here, the client id, and where the server is and how it
   * is known. Made with mode 0600. The next start needs it alone, and so does every other object and process of the same
   * client, at the same time too: each has it renewed when two thirds of its life are over, and takes what another has
   * renewed. A worker is the client that it is of, unless `clientId` says so already. Default: none.
   */
  readonly credentialFile?: string;
  /**
   * Sends a token without TLS to other machines too, where whoever can read the line has it from then on. Without it that is
   * refused; on this machine (loopback, a socket file) a token may always be sent. Default false.
   */
  readonly insecure?: boolean;
  /** Certificates in PEM; absent: plaintext. An empty object: TLS with the system's authorities. */
  readonly tls?: TlsOptions;
  /** Exponential backoff with full jitter between tries to connect; default `{ baseMs: 100, capMs: 5000 }`. */
  readonly backoff?: Partial<BackoffOptions>;
  /** Milliseconds that one try to connect may take; at least 100, default 10,000. */
  readonly connectTimeoutMs?: number;
  /**
   * HTTP/2 keepalive, which finds a dead line however large and slow the messages on it are: a ping so many
   * milliseconds after the last answer, twice that for the next one, then the connection is given up. At least 100,
   * default 5,000: a dead line is noticed within 15 s.
   */
  readonly keepaliveMs?: number;
  /** Draws a number from 0 to 1 for the jitter; default `Math.random`. */
  readonly random?: Random;
  /** The time that backoff, deadlines and timers go by; for tests. Default: that of the system. */
  readonly clock?: Clock;
  /**
   * Told of every try to connect and of every loss. Default: one line on stderr, `contact: no answer from HOST yet: …`,
   * when the server is awaited for two seconds, once for each outage; of a producer also one of each queue that no client
   * serves or has done a task of, with names like it. `{ info() {}, warn() {} }` says nothing at all.
   */
  readonly logger?: Logger;
}

export const silentLogger: Logger = { info: () => {}, warn: () => {} };

/** A logger that throws or rejects (its disk is full, its pipe has no reader) must not end what it is told of. */
export function guardLogger(logger: Logger): Logger {
  const guard =
    (level: keyof Logger) =>
    (message: string): void => {
      try {
        const told: unknown = logger[level](message);
        // An async function fits the type too.
        if (told instanceof Promise) told.catch(() => undefined);
      } catch {
        // There is nobody left to tell.
      }
    };
  return { info: guard('info'), warn: guard('warn') };
}

/** A source of random numbers that stays one: with another number, no backoff would have its pause. */
export function guardRandom(random: Random = Math.random): Random {
  return () => {
    try {
      const drawn: unknown = random();
      if (isShare(drawn)) return drawn;
    } catch {
      // What throws draws as little as what answers no number from 0 to 1.
    }
    return Math.random();
  };
}

function isShare(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 1;
}

/** The rule of `random`: a function, which is called once to see what it draws. */
function draws(random: unknown): string | null {
  const expected = 'a function that draws a number from 0 to 1';
  try {
    return isShare((random as Random)()) ? null : expected;
  } catch {
    return expected;
  }
}

/** The least time for an answer: with less nothing would work even on a good line. */
const MIN_TIMEOUT_MS = 100;

const isJoin = (value: unknown): boolean => typeof value === 'string' && value.startsWith('cj_');

/** What is wrong with a secret is told without showing it. */
function hidden(rule: check.Check): check.Check {
  return Object.assign((value: unknown) => rule(value), { show: () => 'another value' });
}

/** The rule of each option. A field that is new in the options has to be here too, or the compiler says so. */
export const CONNECTION_RULES: Readonly<Record<keyof ConnectionOptions, check.Check>> = Object.freeze({
  server: isAddress,
  token: hidden((value) => (isJoin(value) ? 'a token: a join text is for `join`' : check.headerText(value))),
  tokenFile: check.someText,
  join: hidden(check.someText),
  joinAs: check.name,
  credentialFile: check.someText,
  insecure: check.flag,
  tls: isTls,
  backoff: check.shape({ baseMs: check.waitMs, capMs: check.waitMs } satisfies Record<
    keyof BackoffOptions,
    check.Check
  >),
  connectTimeoutMs: check.atLeastMs(MIN_TIMEOUT_MS),
  keepaliveMs: check.integer(MIN_TIMEOUT_MS, 2 ** 30),
  random: draws,
  clock: check.having('a clock', 'now', 'monotonic', 'after'),
  logger: check.having('a logger', 'info', 'warn'),
});

/** Throws INVALID_ARGUMENT naming the option of an SDK object that is unknown, missing or of a wrong kind. */
export function checkObject(options: ConnectionOptions, rules: check.Rules): void {
  check.checkFields(options, rules);
  const { server, join, credentialFile } = options;
  if (server !== undefined || (join ?? credentialFile) === undefined) check.checkValue('server', server, isAddress);
  if (server === undefined) return;
  const { tls, insecure } = options;
  for (const field of ['token', 'tokenFile'] as const) {
    if (options[field] !== undefined) assertTokenMayTravel({ server, tls, insecure }, field);
  }
}

export function isAddress(value: unknown): string | null {
  if (typeof value === 'string') {
    if (isSocketAddress(value)) {
      return readSocketPath(value) === undefined ? `unix:PATH of at most ${MAX_SOCKET_PATH_BYTES} bytes` : null;
    }
    const port = /^[^\s/]+:(\d{1,5})$/.exec(value)?.[1];
    if (port !== undefined && Number(port) <= 65_535) return null;
    if (value.includes('://')) return 'HOST:PORT without a scheme';
  }
  return 'HOST:PORT or unix:PATH';
}
