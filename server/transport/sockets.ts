import net from 'node:net';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Clock } from '../../shared/clock.ts';

/**
 * Our own listening socket in front of grpc-js: a stream whose reader is stuck cannot be ended by the call, only by
 * closing its socket, so the sockets have to be ours to close.
 */
export interface Sockets {
  listen(host: string, port: number): Promise<{ host: string; port: number }>;
  /** Destroys the connection of `peer` (address:port as a call tells it); others are not touched. */
  destroy(peer: string): void;
  /** Takes no more connections. */
  stop(): void;
  /** Waits until the connections have closed; destroys those that have not after `graceMs`. */
  close(graceMs: number): Promise<void>;
  readonly size: number;
}

export function createSockets(grpcServer: Server, credentials: ServerCredentials, clock: Clock): Sockets {
  const injector = grpcServer.createConnectionInjector(credentials);
  // Bounded by open connections.
  const socketsByPeer = new Map<string, net.Socket>();
  let onEmpty: (() => void) | undefined;

  const server = net.createServer({ noDelay: true }, (socket) => {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    socketsByPeer.set(peer, socket);
    socket.once('close', () => {
      if (socketsByPeer.get(peer) === socket) socketsByPeer.delete(peer);
      if (socketsByPeer.size === 0) onEmpty?.();
    });
    // A reset connection is an everyday event; http2 hears of it too.
    socket.on('error', () => socket.destroy());
    injector.injectConnection(socket);
  });

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          const address = server.address() as net.AddressInfo;
          resolve({ host: address.address, port: address.port });
        });
      }),
    destroy: (peer) => socketsByPeer.get(peer)?.destroy(),
    stop: () => server.close(),
    async close(graceMs) {
      server.close();
      if (socketsByPeer.size === 0) return;
      await new Promise<void>((resolve) => {
        onEmpty = resolve;
        clock.after(graceMs, resolve);
      });
      for (const socket of socketsByPeer.values()) socket.destroy();
    },
    get size() {
      return socketsByPeer.size;
    },
  };
}
