import { randomBytes } from 'node:crypto';
import net from 'node:net';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Address } from '../../shared/address.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Places } from '../api/places.ts';
import type { TlsIdentity } from '../tls/identity.ts';
import { noteOver, type Way } from './connection.ts';
import type { Connections } from './connections.ts';
import type { Front } from './front.ts';
import type { Gate } from './gate.ts';
import { createHandshakes, type HandshakeOptions } from './handshakes.ts';
import { guardHeaders } from './headers.ts';
import { hearFirst } from './opening.ts';
import { markCertificate, markOperator } from './peer.ts';
import type { CountRefusal, TellRefusal } from './refused.ts';
import { claimSocketFile, type SocketFile } from './socket_file.ts';
import type { Web } from './web.ts';

/** How often each connection is looked at before it has been quiet for too long. */
const LOOKS = 4;
/**
 * Connections that the kernel keeps until they are accepted. Of those beyond it some take themselves for open and never
 * hear of us; Node's default of 511 is less than the workers that may come back at once. The kernel may have a bound of
 * its own.
 */
const BACKLOG = 4_096;

const STOPPED = new ContactError('FAILED_PRECONDITION', 'the server was closed', { field: 'listen' });

/**
 * Our own listening sockets in front of grpc-js: a line that is stuck holds its streams whatever the call does, and
 * only closing its socket ends them, so the sockets have to be ours to close.
 */
export interface Sockets {
  /**
   * Listens on one more address. Answers it with the port that was free, if 0 was asked for. With `isOperators` whoever may open
   * the socket file is an operator.
   */
  listen(address: Address, isOperators?: boolean): Promise<Address>;
  /** Has connections to come see another certificate, where ports speak TLS. Throws where TLS does not take it. */
  changeTls(identity: TlsIdentity): void;
  /**
   * Destroys the connection of `peer` (as a call's `getPeer()` tells it) and every call that it carries: behind a proxy
   * that multiplexes those are other clients' calls too. Other connections are not touched.
   */
  destroy(peer: string): void;
  /** Takes no more connections. */
  stop(): void;
  /** Waits until the connections have closed; destroys those that have not after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

export interface SocketsOptions {
  readonly credentials: ServerCredentials;
  readonly clock: Clock;
  /** A connection on which nothing moves for this long, pings and their answers included, is dead. */
  readonly quietMs: number;
  /** Says which connections are taken; others are closed as soon as they are accepted. */
  readonly connections: Connections;
  readonly logger: Logger;
  /** Says who is let in. */
  readonly gate: Gate;
  readonly tellRefusal: TellRefusal;
  readonly countRefusal: CountRefusal;
  /** Calls that are open, of each principal. */
  readonly places: Places;
  readonly maxHeaderBytes: number;
  /** Takes calls before grpc-js does. */
  readonly front?: Front;
  /** Takes what is not gRPC, HTTP/1 among it; undefined: nothing else is spoken. */
  readonly web?: Web | undefined;
  /** What ports speak before HTTP/2; absent: nothing. A socket file is plain. */
  readonly tls?: Pick<HandshakeOptions, 'identity' | 'timeoutMs' | 'requiresCertificate'> | undefined;
}

interface Accepted {
  readonly socket: net.Socket;
  readonly peer: string;
  /** Bytes that moved, either way, when it was last looked at. */
  moved: number;
  /** Looks since then. Counted, not timed: after a pause of the process there is first something to read. */
  quietLooks: number;
}

export function createSockets(grpcServer: Server, options: SocketsOptions): Sockets {
  const { credentials, clock, quietMs, logger, connections, web } = options;
  const injector = grpcServer.createConnectionInjector(credentials);
  guardHeaders(grpcServer, options);
  const servers: net.Server[] = [];
  const files: SocketFile[] = [];
  // Bounded by the connections that are taken.
  const accepted = new Set<Accepted>();
  // Without pings they may say nothing for long: the system asks their peers whether they are there.
  const speaksHttp1 = new WeakSet<net.Socket>();
  const namePeer = createPeerNames();
  let onEmpty: (() => void) | undefined;
  let isStopped = false;
  let stopLooking: (() => void) | undefined;

  /**
   * http2 does not close a connection whose write is stuck in the kernel, not even when its keepalive has given up:
   * it waits for the write.
   */
  function look(): void {
    for (const one of accepted) {
      const { socket, moved, quietLooks } = one;
      one.moved = socket.bytesRead + socket.bytesWritten;
      one.quietLooks = one.moved === moved && !speaksHttp1.has(socket) ? quietLooks + 1 : 0;
      if (one.quietLooks >= LOOKS) socket.destroy();
    }
    stopLooking = clock.after(quietMs / LOOKS, look);
  }

  const handshakes =
    options.tls &&
    createHandshakes({
      ...options.tls,
      protocols: web ? ['h2', 'http/1.1'] : ['h2'],
      clock,
      logger,
      onSecure(socket, over) {
        markCertificate(socket);
        noteOver(socket, over);
        greet(socket, over);
      },
    });

  function accept(socket: net.Socket, way: Way): void {
    if (!connections.accept(socket, way)) {
      socket.destroy();
      return;
    }
    const one: Accepted = { socket, peer: namePeer(socket), moved: 0, quietLooks: 0 };
    accepted.add(one);
    socket.once('close', () => {
      accepted.delete(one);
      if (accepted.size === 0) onEmpty?.();
    });
    // A reset connection is an everyday event; http2 hears of it too.
    socket.on('error', () => socket.destroy());
    if (way === 'operators') markOperator(socket);
    if (way === 'port' && handshakes) handshakes.begin(socket);
    else greet(socket, socket);
  }

  /** Hands a connection, read and written by `socket`, to what its client speaks. */
  function greet(socket: net.Socket, accepted: net.Socket): void {
    if (!web) {
      injector.injectConnection(socket);
      return;
    }
    connections.await(socket);
    hearFirst(socket, (spoken) => {
      if (spoken === 'http2') injector.injectConnection(socket);
      else {
        speaksHttp1.add(accepted);
        web.take(socket);
      }
    });
  }

  function bind(options: net.ListenOptions, way: Way): Promise<net.Server> {
    return new Promise((resolve, reject) => {
      if (isStopped) throw STOPPED;
      const server = net.createServer({ noDelay: true }, (socket) => accept(socket, way));
      servers.push(server);
      server.once('error', reject);
      // A server that was stopped before it listened never says that it does.
      server.once('close', () => reject(STOPPED));
      server.listen({ ...options, exclusive: true, backlog: BACKLOG }, () => {
        server.off('error', reject);
        if (!stopLooking) look();
        resolve(server);
      });
    });
  }

  async function listenOnFile(path: string, isOperators: boolean): Promise<void> {
    const file = await claimSocketFile(path);
    try {
      await bind({ path: file.draft }, isOperators ? 'operators' : 'file');
      if (isStopped) throw STOPPED;
      file.publish();
    } catch (error) {
      file.remove();
      if (error instanceof ContactError) throw error;
      // The error names the draft, which nobody knows.
      const message = (error as Error).message.replace(file.draft, path).replace(/^listen /, '');
      throw new ContactError('FAILED_PRECONDITION', message, { field: 'listen', cause: error });
    }
    files.push(file);
  }

  function stop(): void {
    isStopped = true;
    for (const file of files.splice(0)) file.remove();
    for (const server of servers.splice(0)) server.close();
  }

  return {
    async listen(address, isOperators = false) {
      if (address.kind === 'file') {
        await listenOnFile(address.path, isOperators);
        return address;
      }
      const server = await bind({ host: address.host, port: address.port }, 'port');
      const bound = server.address() as net.AddressInfo;
      return { kind: 'port', host: bound.address, port: bound.port };
    },
    destroy(peer) {
      for (const one of accepted) if (one.peer === peer) one.socket.destroy();
    },
    changeTls(identity) {
      handshakes?.change(identity);
    },
    stop,
    async close(graceMs) {
      stop();
      web?.close();
      if (accepted.size > 0) {
        await new Promise<void>((resolve) => {
          onEmpty = resolve;
          clock.after(graceMs, resolve);
        });
      }
      stopLooking?.();
      for (const { socket } of accepted) socket.destroy();
      handshakes?.close();
    },
  };
}

/**
 * What the peer of a connection is called: address and port, or a name that is given here, where all peers look alike
 * and those of a socket file do. The first half tells servers apart: a client of an earlier one may still have tasks.
 */
function createPeerNames(): (socket: net.Socket) => string {
  const own = randomBytes(4).toString('hex');
  let count = 0;
  return (socket) => {
    if (socket.remoteAddress !== undefined) return `${socket.remoteAddress}:${socket.remotePort}`;
    count += 1;
    const peer = `unix:${own}.${count}`;
    // `getPeer()` of a call reads this property.
    Object.defineProperty(socket, 'remoteAddress', { value: peer });
    return peer;
  };
}
