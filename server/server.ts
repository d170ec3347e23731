import { ServerCredentials } from '@grpc/grpc-js';
import { type Address, writeAddress } from '../shared/address.ts';
import { ContactError } from '../shared/errors.ts';
import { guardLogger } from '../shared/logger.ts';
import { createApi } from './api/api.ts';
import { createPlaces } from './api/places.ts';
import type { ContactServer } from './contactserver.ts';
import { createTaskQueue } from './dispatch/queue.ts';
import { findReachable, isEncrypted, openTls, operatorSocketOf } from './encryption.ts';
import { findExposed, resolveAuth } from './exposure.ts';
import { readFigures } from './figures.ts';
import { createGrpcServer } from './grpcserver.ts';
import { createIdentity, openForeignTokens } from './identity.ts';
import { loadWebFor } from './loadweb.ts';
import { createLogs } from './logs.ts';
import { countReached, createEventCounts } from './model/figures.ts';
import {
  checkClock,
  DEFAULT_PARTS,
  listFixed,
  readListen,
  readMetrics,
  readRetention,
  resolveOptions,
  type ServerOptions,
  type ServerParts,
} from './options.ts';
import { createServices } from './services.ts';
import { SERVER_SHUTDOWN } from './session/closing.ts';
import { patienceMs } from './session/liveness.ts';
import { createRegistry } from './session/registry.ts';
import { createFailureLog } from './store/failure.ts';
import { openStore } from './store/open.ts';
import { joinSubsystems } from './subsystem.ts';
import { createCallEnds } from './transport/call.ts';
import { callerOfStream } from './transport/callers.ts';
import { readConnectionLimits } from './transport/connection_limits.ts';
import { createConnections } from './transport/connections.ts';
import { createEndings } from './transport/ending.ts';
import { createOpenCalls } from './transport/open_calls.ts';
import { peerIdentityOf } from './transport/peer.ts';
import { createRefusalCount } from './transport/refused.ts';
import { createReverse } from './transport/reverse.ts';
import { createSockets, type Sockets } from './transport/sockets.ts';
import { createWeb } from './transport/web.ts';
import { createCallees } from './tunnel/callees.ts';
import { readVersion } from './version.ts';
import { openWatched, startMetrics } from './watched.ts';

export type { ContactServer };

/**
 * Opens the store and puts the parts of the server together; call `listen()` next.
 * INVALID_ARGUMENT names an option; FAILED_PRECONDITION: another process has the store.
 */
export async function createServer(
  given: Partial<ServerOptions> = {},
  parts: Partial<ServerParts> = {},
): Promise<ContactServer> {
  const opened: Opened = {};
  try {
    return await assemble(given, parts, opened);
  } catch (error) {
    await opened.last?.close();
    throw error;
  }
}

/** What was opened last has what was opened before it, and closes that too. */
type Opened = { last?: { close(): Promise<void> } };

async function assemble(
  given: Partial<ServerOptions>,
  parts: Partial<ServerParts>,
  opened: Opened,
): Promise<ContactServer> {
  const options = resolveOptions(given);
  const { clock, random, broadcastParts, keepOperatorToken, ...rest } = { ...DEFAULT_PARTS, ...parts };
  checkClock(clock);
  const logger = guardLogger(rest.logger);
  const addresses = readListen(options.listen);
  const exposure = { ...options, isEncrypted: isEncrypted(options) };
  const auth = resolveAuth(exposure, addresses);
  for (const problem of findExposed({ ...exposure, auth }, addresses)) logger.warn({}, problem);
  const connectionLimits = readConnectionLimits(options, auth === 'on');
  const operatorAddress = operatorSocketOf(options, auth, logger);
  const readForeignToken = openForeignTokens(options, clock, logger);
  const { metrics, history, observer } = await openWatched(readMetrics(options), { ...rest, clock, logger });
  const maxMessageBytes = 2 * Math.max(options.maxPayloadBytes, options.maxResultBytes) + (4 << 20);

  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  const onFatal = (error: unknown): void => {
    logger.error({ err: error }, 'the server cannot go on');
    fail(error);
  };

  const store = await openStore(options.store, {
    node: options.node,
    minFreeBytes: options.minFreeBytes,
    isServed: true,
    observer,
    bounds: options,
    onNotice: (message) => logger.warn({}, message),
    onFatal,
  });
  opened.last = store;
  // The store's lock is that of the files beside it, too.
  const tls = openTls(options, addresses, { clock, logger });
  const retention = readRetention(options);
  const logs = createLogs(logger, clock);
  const counts = createEventCounts();
  const queue = await createTaskQueue({
    ...{ store, node: options.node, clock, broadcastParts, retention, onFatal, onPruned: logs.pruned },
    selectors: { onReached: countReached(counts, 'selectors_per_principal'), makerOf: (one) => identity.makerOf(one) },
  });
  opened.last = queue;
  const noteFailure = createFailureLog({ logger, monotonic: clock.monotonic });
  const callees = createCallees(counts);
  const registry = createRegistry({
    queue,
    store,
    clock,
    random,
    noteFailure,
    onFatal,
    settings: { ...options, maxPlainInFlight: 10 },
    streams: callees,
    journal: logs.journal,
  });

  // A session is pinged more often than its connection: that is for those without one. A ping waits behind what is on
  // its way already: one window of HTTP/2.
  const quietMs = patienceMs(options, 65_535);
  const { maxOpenCalls, heldBudgetBytes } = options;
  const connections = createConnections({ ...options, clock, logger, counts, limits: connectionLimits });
  const openCalls = createOpenCalls({ clock, logger, patience: options, maxOpenCalls, heldBudgetBytes });
  const interceptors = [createEndings(maxMessageBytes, counts.endedCalls), openCalls.interceptor];
  const grpcServer = createGrpcServer({ options, interceptors, maxMessageBytes, quietMs });
  let sockets: Sockets;
  const { pingIntervalMs, resumeWindowMs, stuckSocketMs, maxPayloadBytes, maxResultBytes } = options;
  const ends = createCallEnds({
    sockets: () => sockets,
    clock,
    logger,
    patience: options,
    stuckSocketMs,
    heldBudgetBytes,
  });
  const limits = { maxPayloadBytes, maxResultBytes, maxCheckpointBytes: 64 << 10, maxMessageBytes };
  const agreement = { limits, pingIntervalMs, resumeWindowMs };
  const version = readVersion();
  const countRefusal = createRefusalCount(counts);
  const identity = createIdentity({
    options,
    isOn: auth === 'on',
    store,
    clock,
    logger,
    readForeignToken,
    peerOf: peerIdentityOf,
    countRefusal,
    sendAway: connections.sendAway,
    expel(reasonFor) {
      connections.expel(reasonFor);
      openCalls.expel((stream) => {
        const caller = callerOfStream(stream);
        return caller && reasonFor(caller);
      });
      reverse.front.expel(reasonFor);
      web?.expel(reasonFor);
      registry.expel(reasonFor);
    },
    keepOperatorToken,
    hasOperatorSocket: operatorAddress !== undefined,
  });
  const access = {
    ...identity,
    addresses: () => findReachable(bound, options.tlsName),
    authority: () => tls?.identity.authority ?? { pin: '' },
  };
  const common = { registry, clock, noteFailure, counts, store };
  const api = createApi({
    ...{ ...options, ...common, access, queue, agreement, version, retention, history },
    figures: () => figures(),
  });
  const reverse = createReverse({
    ...common,
    callees,
    storedCalls: api.storedCalls,
    ends,
    logger,
    patience: options,
    limits: { maxPayloadBytes, maxMessageBytes, maxOpenCalls, heldBudgetBytes },
  });
  const standing = { clock, refusal: () => store.refusal() };
  const services = createServices(api, agreement, ends, reverse, callees.services, standing, logs.audit);
  services.register(grpcServer);
  const subsystems = joinSubsystems([services.health, reverse]);
  const door = {
    ...{ clock, logger, connections, gate: identity.gate, tellRefusal: logs.tellRefusal, countRefusal },
    maxHeaderBytes: options.maxHeaderBytes,
    places: createPlaces('calls', options.maxCallsPerPrincipal, counts),
  };
  const load = loadWebFor(options, { find: services.find, maxMessageBytes, clock, logger });
  const web = options.http
    ? createWeb({ ...door, patience: options, maxOpenCalls, heldBudgetBytes, stuckSocketMs, load })
    : undefined;
  sockets = createSockets(grpcServer, {
    ...door,
    credentials: ServerCredentials.createInsecure(),
    quietMs,
    front: reverse.front,
    web,
    tls: tls && {
      identity: tls.identity,
      timeoutMs: options.tlsHandshakeMs,
      // Where nobody is asked for a token, a certificate is all that keeps others out.
      requiresCertificate: options.tlsClientCa !== undefined && auth === 'off',
    },
  });
  const { front } = reverse;
  const { results } = queue;
  const figures = () => readFigures({ ...common, tls, results, connections, openCalls, front, web, limits: options });

  const bound: Address[] = [];
  let closed: Promise<void> | undefined;
  let leavesAt = Number.POSITIVE_INFINITY;

  async function close(deadlineMs: number): Promise<void> {
    const deadline = { afterMs: deadlineMs, isOver: () => clock.monotonic() >= leavesAt };
    const going = subsystems.close(deadline);
    sockets.stop();
    tls?.close();
    await registry.leave(deadlineMs, deadline.isOver);
    await going;
    registry.close();
    web?.end(SERVER_SHUTDOWN);
    await ends.closeAll(SERVER_SHUTDOWN);
    // `tryShutdown` answers before the sockets are gone, which are waited for below.
    grpcServer.tryShutdown(() => undefined);
    await sockets.close(stuckSocketMs);
    await identity.close();
    await history.close();
    await queue.close();
    await metrics?.close();
    logs.close();
  }

  return {
    async listen() {
      const check = (): void => {
        if (closed) throw new ContactError('FAILED_PRECONDITION', 'the server was closed', { field: 'listen' });
      };
      check();
      let told: string | undefined;
      try {
        told = await startMetrics(metrics, queue, { version, figures, store, trouble: () => services.health.trouble });
        await identity.start();
        await registry.recover();
        await history.start(store, options.node);
        await subsystems.start({ queue, registry, api, clock, logger });
      } catch (error) {
        // Whatever a server that was closed meanwhile fails of, that is why.
        check();
        throw error;
      }
      // A server that was closed meanwhile opens no socket that nobody would close.
      check();
      for (const address of addresses) bound.push(await sockets.listen(address));
      if (operatorAddress) await sockets.listen(operatorAddress, true);
      tls?.follow((identity) => sockets.changeTls(identity));
      const { host, port } = bound.find((one) => one.kind === 'port') ?? { host: '', port: 0 };
      const operatorSocket = operatorAddress && { operatorSocket: writeAddress(operatorAddress) };
      const here = { host, port, addresses: bound.map(writeAddress) };
      const listening = { ...here, ...operatorSocket, ...(told && { metrics: told }) };
      const { store: url, retainDays, retainMax } = options;
      const isTls = tls !== undefined;
      logger.info({ ...listening, tls: isTls, auth, store: url, version, retainDays, retainMax }, 'listening');
      return tls ? { ...listening, tls: tls.identity.authority } : listening;
    },
    close({ deadlineMs = options.shutdownDeadlineMs } = {}) {
      leavesAt = Math.min(leavesAt, clock.monotonic() + deadlineMs);
      closed ??= close(deadlineMs);
      return closed;
    },
    reload(wanted) {
      const next = resolveOptions(wanted);
      identity.reload(next);
      // Whoever prunes reads it anew for each step.
      Object.assign(retention, readRetention(next));
      if (!closed) tls?.reload();
      return listFixed(options, next);
    },
    failed,
  };
}
