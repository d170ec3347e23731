import type { DescService } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { type Clock, systemClock } from '../shared/clock.ts';
import { asksForCalm, ContactError, invalid, plainWords } from '../shared/errors.ts';
import { createClient, type GrpcClient } from '../shared/grpc.ts';
import { HAND_CODECS } from '../wire/index.ts';
import { DEFAULT_BACKOFF, reconnectMs } from './backoff.ts';
import { type CallEnd, errorOf } from './closing.ts';
import { createCredential } from './credential/credential.ts';
import { createCredentials, nameServer } from './credentials.ts';
import { type ConnectionOptions, guardLogger, guardRandom, type Logger, silentLogger } from './options.ts';
import { createOutage } from './outage.ts';
import { pause } from './pause.ts';
import { proxyFor } from './proxy.ts';

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;
/** A server's ping interval unless configured; channel options cannot be changed once it has told its own. */
const KEEPALIVE_MS = 5_000;
/** The strictest servers in use allow a ping every five minutes. */
const MAX_KEEPALIVE_MS = 300_000;
/** At most one window of HTTP/2 (64 KiB) is in the way of an answer: 8 s at 8 KiB/s. */
const ANSWER_KEEPALIVES = 2;

/** One try to reach the server: a channel that connects once. Whoever sees it fail says so, and gets a new one. */
export interface Link {
  client<S extends DescService>(service: S): GrpcClient<S>;
  /** The connection stands, or did: what was called over it may have got there. */
  readonly hasConnected: boolean;
  /** The connection stands. */
  readonly isConnected: boolean;
  /** Resolves once the connection stands; never, if it does not come about. */
  readonly connected: Promise<void>;
  /** The server is there. Says nothing of what is to be sent, so the backoff goes on until this link has lasted. */
  answered(): void;
  /** Something got through: the backoff starts over. */
  worked(): void;
  /** This link is of no more use; answers how many milliseconds the next one waits. */
  failed(end: CallEnd): number;
}

/** The connection of one SDK object: one channel at a time, one backoff for all who share it. */
export interface Connection {
  readonly server: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of the next channel: longer once somebody on the way has asked for fewer pings. */
  readonly keepaliveMs: number;
  /** The server has answered at least once. */
  readonly hasWorked: boolean;
  /** Why the server is out of reach, in words for people; null: it answers, or no try has failed yet. */
  readonly trouble: ContactError | null;
  /** A link, once the backoff allows it; null: the signal ended the wait, or the connection is closed. */
  open(signal?: AbortSignal): Promise<Link | null>;
  /** A link at once, whatever the backoff; for calls that a person waits for. */
  link(): Link;
  /** The metadata of every call, with `entries` added. */
  metadata(entries?: Readonly<Record<string, string>>): grpc.Metadata;
  /** Lets go of the channel; calls under way go on to their end. */
  close(): void;
}

/** What a connection does beside what its user asks for. */
export interface ConnectionTraits {
  /**
   * A message counts as written once HTTP/2 has it. Else grpc-js, which would keep it for a retry, says so at once of up to
   * 1 MiB of each call, be retries off or not: nothing that is said later can overtake it any more.
   */
  readonly countsWritten?: boolean;
}

export function createConnection(options: ConnectionOptions, traits: ConnectionTraits = {}): Connection {
  const clock = options.clock ?? systemClock;
  const logger = options.logger ? guardLogger(options.logger) : silentLogger;
  const random = guardRandom(options.random);
  const backoff = { ...DEFAULT_BACKOFF, ...options.backoff };
  const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const credentials = createCredentials(options.tls);
  const tell = options.logger ? null : (line: string): void => console.warn(line);
  const credential = createCredential(options, {
    clock,
    warn: (line) => (tell ? tell(`contact: ${line}`) : logger.warn(line)),
  });
  const proxy = proxyFor(options.server);
  const interceptors = proxy === null ? [] : [nameProxy(proxy)];
  const closing = new AbortController();
  const outage = createOutage({
    clock,
    server: options.server,
    isEncrypted: options.tls !== undefined,
    isConnected: () => isConnected(),
    tell,
  });
  let current: Link | null = null;
  let isConnected = (): boolean => false;
  let release: () => void = () => {};
  let failures = 0;
  let hasWorked = false;
  let keepaliveMs = options.keepaliveMs ?? KEEPALIVE_MS;
  let notBefore = 0;

  /** Whether the channel of the current link was closed because no connection came in time. */
  let isShut = false;

  function drop(): void {
    release();
    release = () => {};
    current = null;
  }

  function openLink(): Link {
    if (closing.signal.aborted) throw new ContactError('CANCELLED', 'this connection was closed');
    credential.refresh();
    const channel = createChannel(options, { credentials, keepaliveMs, proxy, ...traits });
    // A closed channel fails the calls that wait for it, so nobody hangs on an address that never answers.
    const isReady = (): boolean => channel.getConnectivityState(false) === grpc.connectivityState.READY;
    isConnected = () => current === link && isReady();
    let timedOut: ContactError | null = null;
    const cancelTimeout = clock.after(connectTimeoutMs, () => {
      if (isReady()) return;
      logger.warn(`no connection to ${options.server} within ${connectTimeoutMs} ms`);
      timedOut = new ContactError('UNAVAILABLE', `no connection within ${connectTimeoutMs} ms`);
      channel.close();
      // Calls that wait for it fail and say so; where none waits, the next one must not be made on a closed channel.
      if (current === link) isShut = true;
    });
    isShut = false;
    release = () => {
      cancelTimeout();
      channel.close();
    };
    const clients = new Map<string, unknown>();
    const connected = Promise.withResolvers<void>();
    let hasConnected = false;
    const watch = (): void => {
      const state = channel.getConnectivityState(false);
      hasConnected = state === grpc.connectivityState.READY;
      if (hasConnected) connected.resolve();
      else if (state !== grpc.connectivityState.SHUTDOWN) channel.watchConnectivityState(state, Infinity, watch);
    };
    watch();
    let answeredAt = Number.POSITIVE_INFINITY;
    const link: Link = {
      get hasConnected() {
        return hasConnected;
      },
      get isConnected() {
        return isReady();
      },
      connected: connected.promise,
      client<S extends DescService>(service: S): GrpcClient<S> {
        const known = clients.get(service.typeName) as GrpcClient<S> | undefined;
        const client =
          known ??
          createClient(service, options.server, credentials, { channelOverride: channel, interceptors }, HAND_CODECS);
        clients.set(service.typeName, client);
        return client;
      },
      answered() {
        hasWorked = true;
        cancelTimeout();
        outage.end();
        answeredAt = Math.min(answeredAt, clock.monotonic());
      },
      worked() {
        hasWorked = true;
        cancelTimeout();
        outage.end();
        if (link === current) failures = 0;
      },
      failed(end) {
        // Somebody who shares the link was faster: same failure, same wait.
        if (link === current) {
          drop();
          outage.failed(timedOut ?? errorOf(end));
          if (end.error && asksForCalm(end.error)) keepaliveMs = Math.max(keepaliveMs, calmer(keepaliveMs));
          const hasLasted = clock.monotonic() - answeredAt >= backoff.capMs;
          failures = hasLasted ? 1 : failures + 1;
          notBefore = clock.monotonic() + reconnectMs(failures, end.advice?.retry ?? 'backoff', backoff, random());
        }
        return Math.max(0, Math.round(notBefore - clock.monotonic()));
      },
    };
    return link;
  }

  function link(): Link {
    if (isShut) drop();
    current ??= openLink();
    return current;
  }

  return {
    server: options.server,
    clock,
    logger,
    get keepaliveMs() {
      return keepaliveMs;
    },
    get hasWorked() {
      return hasWorked;
    },
    get trouble() {
      return outage.trouble;
    },
    link,
    async open(signal) {
      const ended = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
      if (!ended.aborted) outage.await();
      const isOver = await pause(clock, current ? 0 : notBefore - clock.monotonic(), ended);
      return isOver && !ended.aborted ? link() : null;
    },
    metadata(entries = {}) {
      const metadata = new grpc.Metadata();
      const { token } = credential;
      if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
      for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
      return metadata;
    },
    close() {
      closing.abort();
      outage.close();
      drop();
    },
  };
}

function calmer(keepaliveMs: number): number {
  return Math.min(2 * keepaliveMs, MAX_KEEPALIVE_MS);
}

/** Whoever reads that a server is out of reach shall know who said so. */
function nameProxy(proxy: string): grpc.Interceptor {
  const name = (end: grpc.StatusObject): grpc.StatusObject => {
    if (end.code !== grpc.status.UNAVAILABLE) return end;
    const details = plainWords(end.details);
    // What grpc-js says of a proxy that does not answer or refuses the tunnel.
    return { ...end, details: `${details === 'undefined' ? 'no tunnel to the server' : details}, via proxy ${proxy}` };
  };
  const listener = new grpc.ListenerBuilder().withOnReceiveStatus((end, next) => next(name(end))).build();
  return (options, nextCall) =>
    new grpc.InterceptingCall(nextCall(options), {
      start: (metadata, _, next) => next(metadata, listener),
    });
}

interface ChannelSetting extends ConnectionTraits {
  readonly credentials: grpc.ChannelCredentials;
  readonly keepaliveMs: number;
  readonly proxy: string | null;
}

function createChannel(
  { server, tls }: ConnectionOptions,
  { credentials, keepaliveMs, proxy, countsWritten = false }: ChannelSetting,
): grpc.Channel {
  const options: grpc.ChannelOptions = {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': ANSWER_KEEPALIVES * keepaliveMs,
    'grpc.enable_channelz': 0,
    'grpc.enable_http_proxy': proxy === null ? 0 : 1,
    // Resending is ours: it knows what was acknowledged.
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
    ...(countsWritten ? { 'grpc.per_rpc_retry_buffer_size': 0 } : {}),
    ...nameServer(tls),
  };
  if (!/^unix:|:\d{1,5}$/.test(server)) throw invalid('server', `expected HOST:PORT, got ${JSON.stringify(server)}`);
  try {
    return new grpc.Channel(server, credentials, options);
  } catch {
    throw invalid('server', `expected HOST:PORT, got ${JSON.stringify(server)}`);
  }
}
