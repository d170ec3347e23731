import type { DescService } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { isSocketAddress } from '../shared/address.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { asksForCalm, ContactError } from '../shared/errors.ts';
import { createClient, type GrpcClient } from '../shared/grpc.ts';
import { HAND_CODECS } from '../wire/index.ts';
import { DEFAULT_BACKOFF, reconnectMs } from './backoff.ts';
import { createChannel, nameProxy } from './channel.ts';
import { type CallEnd, errorOf, isFinal } from './closing.ts';
import { chooseCredential } from './credential/choose.ts';
import { createUpkeep, isRefused } from './credential/upkeep.ts';
import { createCredentials } from './credentials.ts';
import { createFaults } from './faults.ts';
import type { Link } from './link.ts';
import {
  type ConnectionOptions,
  guardLogger,
  guardRandom,
  type Logger,
  silentLogger,
  type TlsOptions,
} from './options.ts';
import { createOutage } from './outage.ts';
import { pause } from './pause.ts';
import { holdPin } from './pinned.ts';
import { assertTokenMayTravel } from './plaintext.ts';
import { proxyFor } from './proxy.ts';

export type { Link };

const CONNECT_TIMEOUT_MS = 10_000;
/** A server's ping interval unless configured; channel options cannot be changed once it has told its own. */
const KEEPALIVE_MS = 5_000;
/** The strictest servers in use allow a ping every five minutes. */
const MAX_KEEPALIVE_MS = 300_000;

/** The connection of one SDK object: one channel at a time, one backoff for all who share it. */
export interface Connection {
  readonly server: string;
  /** The one client that its credential is of; undefined: none in particular. */
  readonly clientId: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Says a line that people are to see also where no logger was given: then it is on stderr. */
  readonly warn: (line: string) => void;
  /** Of the next channel: longer once somebody on the way has asked for fewer pings. */
  readonly keepaliveMs: number;
  /** The server has answered at least once. */
  readonly hasWorked: boolean;
  /** Why the server is out of reach, in words for people; null: it answers, or no try has failed yet. */
  readonly trouble: ContactError | null;
  /**
   * A link, once the backoff allows it; null: the signal ended the wait, or the connection is closed. Rejects when the
   * server refuses to enrol this client.
   */
  open(signal?: AbortSignal): Promise<Link | null>;
  /** A link at once, whatever the backoff; for calls that a person waits for. Rejects when it has to enrol and cannot. */
  link(): Promise<Link>;
  /** Whether it is useless to come again after a link has ended so. */
  isFinal(end: CallEnd, link: Link): boolean;
  /** Whether what a link ended with is the refusal of a token that is no longer the newest: it is worth coming again. */
  isOutdated(end: CallEnd, link: Link): boolean;
  /** The server asks for another secret. */
  renew(): void;
  /** The metadata of every call, with `entries` added. */
  metadata(entries?: Readonly<Record<string, string>>): grpc.Metadata;
  /** Lets go of the channel; calls under way go on to their end. */
  close(): void;
}

/** What a connection does beside what its user asks for. */
export interface ConnectionTraits {
  /** As of a channel; default false. */
  readonly countsWritten?: boolean;
  /** The name of the worker that it is of. */
  readonly clientId?: string | undefined;
}

export function createConnection(options: ConnectionOptions, traits: ConnectionTraits = {}): Connection {
  const clock = options.clock ?? systemClock;
  const logger = options.logger ? guardLogger(options.logger) : silentLogger;
  const random = guardRandom(options.random);
  const backoff = { ...DEFAULT_BACKOFF, ...options.backoff };
  const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const tell = options.logger ? null : (line: string): void => console.warn(line);
  const warn = (line: string): void => (tell ? tell(`contact: ${line}`) : logger.warn(line));
  const credential = chooseCredential(options, { clock, clientId: traits.clientId, warn });
  const { servers, tls } = readTarget(options, credential.target);
  const faults = createFaults({ isEncrypted: tls !== undefined, servers, hasWorked: () => hasWorked });
  const credentials = createCredentials(tls, faults);
  const closing = new AbortController();
  const outage = createOutage({
    clock,
    server: () => servers[serverAt]!,
    isEncrypted: tls !== undefined,
    isConnected: () => isConnected(),
    tell,
  });
  let serverAt = 0;
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
    const server = servers[serverAt]!;
    const proxy = proxyFor(server);
    const { countsWritten = false } = traits;
    const channel = createChannel({ server, tls, credentials, keepaliveMs, proxy, countsWritten });
    faults.begin();
    // A closed channel fails the calls that wait for it, so nobody hangs on an address that never answers.
    const isReady = (): boolean => channel.getConnectivityState(false) === grpc.connectivityState.READY;
    isConnected = () => current === link && isReady();
    let timedOut: ContactError | null = null;
    const cancelTimeout = clock.after(connectTimeoutMs, () => {
      if (isReady()) return;
      logger.warn(`no connection to ${server} within ${connectTimeoutMs} ms`);
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
    const way = faults.intercept({ server, proxy, isReady, hasConnected: () => hasConnected });
    const interceptors = proxy === null ? [way] : [way, nameProxy(proxy)];
    let answeredAt = Number.POSITIVE_INFINITY;
    const link: Link = {
      token: credential.token,
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
          known ?? createClient(service, server, credentials, { channelOverride: channel, interceptors }, HAND_CODECS);
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
          if (!hasConnected) serverAt = (serverAt + 1) % servers.length;
          outage.failed(timedOut ?? errorOf(end));
          if (end.error && asksForCalm(end.error)) keepaliveMs = Math.max(keepaliveMs, calmer(keepaliveMs));
          const hasLasted = clock.monotonic() - answeredAt >= backoff.capMs;
          failures = hasLasted ? 1 : failures + 1;
          notBefore = clock.monotonic() + reconnectMs(failures, end.advice?.retry ?? 'backoff', backoff, random());
        }
        return Math.max(0, Math.round(notBefore - clock.monotonic()));
      },
    };
    void connected.promise.then(() => upkeep.connected());
    return link;
  }

  function link(): Link {
    if (isShut) drop();
    current ??= openLink();
    return current;
  }

  function isOutdated({ error }: CallEnd, { token }: Link): boolean {
    return error?.code === 'UNAUTHENTICATED' && error.isMarked && credential.hasOther(token);
  }

  /** A link, once the backoff allows it, whether or not there is a credential for it. */
  async function openAny(ended: AbortSignal): Promise<Link | null> {
    if (!ended.aborted) outage.await();
    const isOver = await pause(clock, current ? 0 : notBefore - clock.monotonic(), ended);
    return isOver && !ended.aborted ? link() : null;
  }

  const connection: Connection = {
    get server() {
      return servers[serverAt]!;
    },
    clientId: credential.clientId,
    clock,
    logger,
    warn,
    get keepaliveMs() {
      return keepaliveMs;
    },
    get hasWorked() {
      return hasWorked;
    },
    get trouble() {
      return outage.trouble;
    },
    async link() {
      const opened = link();
      if (credential.isReady) return opened;
      await upkeep.enrol(opened);
      return link();
    },
    async open(signal) {
      const ended = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
      for (;;) {
        const opened = await openAny(ended);
        if (!opened || credential.isReady) return opened;
        const end = await upkeep.tryToEnrol(opened);
        if (!end) continue;
        if (isRefused(end, hasWorked)) throw errorOf(end);
        logger.warn(
          `not enrolled at ${connection.server}: ${errorOf(end).message}; next try in ${opened.failed(end)} ms`,
        );
      }
    },
    isFinal: (end, link) => isFinal(end, hasWorked) && !isOutdated(end, link),
    isOutdated,
    renew: () => upkeep.renew(),
    metadata(entries = {}) {
      const metadata = new grpc.Metadata();
      const { token } = credential;
      if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
      for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
      return metadata;
    },
    close() {
      closing.abort();
      upkeep.close();
      outage.close();
      drop();
    },
  };
  const upkeep = createUpkeep(credential, connection);
  return connection;
}

/** Where to connect, in this order, and how: as the options say, else as the join text did, whose pin always holds. */
function readTarget(
  { server, tls: given, insecure, credentialFile }: ConnectionOptions,
  told: { readonly addresses: readonly string[]; readonly pin: string } | undefined,
): { readonly servers: readonly string[]; readonly tls: TlsOptions | undefined } {
  const servers = server === undefined ? (told?.addresses ?? []) : [server];
  const isPinned = told !== undefined && told.pin !== '' && !servers.every(isSocketAddress);
  const tls = isPinned ? holdPin(given, told.pin) : given;
  if (credentialFile !== undefined)
    for (const one of servers) assertTokenMayTravel({ server: one, tls, insecure }, 'credentialFile');
  return { servers, tls };
}

function calmer(keepaliveMs: number): number {
  return Math.min(2 * keepaliveMs, MAX_KEEPALIVE_MS);
}
