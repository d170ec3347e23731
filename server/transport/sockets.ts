import net from 'node:net';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/logger.ts';
import { guardHeaders } from './headers.ts';

/** How often each connection is looked at before it has been quiet for too long. */
const LOOKS = 4;
/** Between two lines of the log about connections that were refused. */
const REFUSAL_LOG_MS = 60_000;

/**
 * Our own listening socket in front of grpc-js: a line that is stuck holds its streams whatever the call does, and only
 * closing its socket ends them, so the sockets have to be ours to close.
 */
export interface Sockets {
  listen(host: string, port: number): Promise<{ host: string; port: number }>;
  /**
   * Destroys the connection of `peer` (address:port as a call tells it) and every call that it carries: behind a proxy
   * that multiplexes those are other clients' calls too. Other connections are not touched.
   */
  destroy(peer: string): void;
  /** Takes no more connections. */
  stop(): void;
  /** Waits until the connections have closed; destroys those that have not after `graceMs`. */
  close(graceMs: number): Promise<void>;
  readonly size: number;
}

export interface SocketsOptions {
  readonly credentials: ServerCredentials;
  readonly clock: Clock;
  /** A connection on which nothing moves for this long, pings and their answers included, is dead. */
  readonly quietMs: number;
  /** One more is closed as soon as it is accepted, so that descriptors are left for the store. */
  readonly maxConnections: number;
  readonly logger: Logger;
}

interface Connection {
  readonly socket: net.Socket;
  /** Bytes that moved, either way, when it was last looked at. */
  moved: number;
  /** Looks since then. Counted, not timed: after a pause of the process there is first something to read. */
  quietLooks: number;
}

export function createSockets(grpcServer: Server, options: SocketsOptions): Sockets {
  const { credentials, clock, quietMs, maxConnections, logger } = options;
  const injector = grpcServer.createConnectionInjector(credentials);
  guardHeaders(grpcServer);
  // Bounded by open connections.
  const connectionByPeer = new Map<string, Connection>();
  let onEmpty: (() => void) | undefined;
  let stopLooking: (() => void) | undefined;

  /**
   * http2 does not close a connection whose write is stuck in the kernel, not even when its keepalive has given up:
   * it waits for the write.
   */
  function look(): void {
    for (const connection of connectionByPeer.values()) {
      const { socket, moved, quietLooks } = connection;
      connection.moved = socket.bytesRead + socket.bytesWritten;
      connection.quietLooks = connection.moved === moved ? quietLooks + 1 : 0;
      if (connection.quietLooks >= LOOKS) socket.destroy();
    }
    stopLooking = clock.after(quietMs / LOOKS, look);
  }

  const server = net.createServer({ noDelay: true }, (socket) => {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    connectionByPeer.set(peer, { socket, moved: 0, quietLooks: 0 });
    socket.once('close', () => {
      if (connectionByPeer.get(peer)?.socket === socket) connectionByPeer.delete(peer);
      if (connectionByPeer.size === 0) onEmpty?.();
    });
    // A reset connection is an everyday event; http2 hears of it too.
    socket.on('error', () => socket.destroy());
    injector.injectConnection(socket);
  });
  server.maxConnections = maxConnections;
  let refusalLoggedAt = Number.NEGATIVE_INFINITY;
  server.on('drop', () => {
    if (clock.monotonic() - refusalLoggedAt < REFUSAL_LOG_MS) return;
    refusalLoggedAt = clock.monotonic();
    logger.warn({ maxConnections }, 'a connection was refused: there are as many as the server takes');
  });

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          look();
          const address = server.address() as net.AddressInfo;
          resolve({ host: address.address, port: address.port });
        });
      }),
    destroy: (peer) => connectionByPeer.get(peer)?.socket.destroy(),
    stop: () => server.close(),
    async close(graceMs) {
      server.close();
      if (connectionByPeer.size > 0) {
        await new Promise<void>((resolve) => {
          onEmpty = resolve;
          clock.after(graceMs, resolve);
        });
      }
      stopLooking?.();
      for (const { socket } of connectionByPeer.values()) socket.destroy();
    },
    get size() {
      return connectionByPeer.size;
    },
  };
}
