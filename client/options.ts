import { isSocketAddress, MAX_SOCKET_PATH_BYTES, readSocketPath } from '../shared/address.ts';
import type { Clock, Random } from '../shared/clock.ts';
import type { BackoffOptions } from './backoff.ts';
import * as check from './check.ts';

/** Where an SDK object says what happens to its connection. */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
}

/** What every SDK object takes; each object has a connection of its own, a producer that calls has two. */
export interface ConnectionOptions {
  /** HOST:PORT of the server, or `unix:PATH` of its socket file. */
  readonly server: string;
  /** Sent as `authorization: Bearer …` with every call. */
  readonly token?: string;
  /** PEM; absent: plaintext. An empty object: TLS with the system's authorities. */
  readonly tls?: TlsOptions;
  /** Exponential backoff with full jitter between attempts to connect; default `{ baseMs: 100, capMs: 5000 }`. */
  readonly backoff?: Partial<BackoffOptions>;
  /** How long one attempt to connect may take; default 10,000. */
  readonly connectTimeoutMs?: number;
  /**
   * HTTP/2 keepalive, which finds a dead line however large and slow the messages on it are: a ping so many
   * milliseconds after the last answer, twice that for the next one, then the connection is given up. Default 5,000:
   * a dead line is noticed within 15 s.
   */
  readonly keepaliveMs?: number;
  /** 0 to 1, for the jitter; default `Math.random`. */
  readonly random?: Random;
  readonly clock?: Clock;
  /** Default: says nothing. */
  readonly logger?: Logger;
}

export interface TlsOptions {
  /** Authorities to trust; absent: the system's. */
  readonly ca?: Buffer;
  /** Certificate and key of this client, for servers that ask for one. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /**
   * The name that the server's certificate is for, where it is reached by another one: through a tunnel, by its
   * address, over a socket file. It is also asked for by that name (SNI, `:authority`).
   */
  readonly serverName?: string;
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

const TLS_RULES: Record<keyof TlsOptions, check.Check> = {
  ca: check.bytes,
  cert: check.bytes,
  key: check.bytes,
  serverName: check.hostName,
};

/** A field that is new in the options is new here, or the compiler says so. */
export const CONNECTION_RULES: Readonly<Record<keyof ConnectionOptions, check.Check>> = Object.freeze({
  server: isAddress,
  token: check.headerText,
  tls: check.shape(TLS_RULES),
  backoff: check.shape({ baseMs: check.waitMs, capMs: check.waitMs } satisfies Record<
    keyof BackoffOptions,
    check.Check
  >),
  connectTimeoutMs: check.waitMs,
  keepaliveMs: check.integer(1, 2 ** 30),
  random: check.method,
  clock: check.object,
  logger: check.object,
});

/** Throws INVALID_ARGUMENT naming the option of an SDK object that is unknown, missing or of a wrong kind. */
export function checkObject(options: ConnectionOptions, rules: check.Rules): void {
  check.checkFields(options, rules);
  check.checkValue('server', options.server, isAddress);
}

function isAddress(value: unknown): string | null {
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
