import type net from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { ChurnMap, ChurnSet } from '../../shared/churn.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/logger.ts';
import type { TlsIdentity } from '../tls/identity.ts';
import { createPlainSpoken } from './plainspoken.ts';

/**
 * Handshakes begun in one turn of the event loop. One takes a millisecond or more of the processor, and workers may come back
 * ten thousand at a time: between them, everything else has its turn.
 */
const PER_TURN = 2;
/** The first byte of TLS: a record of its handshake. */
const HANDSHAKE_RECORD = 0x16;
/** Between two lines of the log about handshakes that failed. */
const FAILURE_LOG_MS = 60_000;

/** TLS between a connection and what reads it. */
export interface Handshakes {
  /** Takes a connection that was just accepted; it is destroyed where no handshake comes about in time. */
  begin(socket: net.Socket): void;
  /** Has connections to come see another identity; those that there are go on. Throws where TLS does not take it. */
  change(identity: TlsIdentity): void;
  close(): void;
}

export interface HandshakeOptions {
  readonly identity: TlsIdentity;
  /** From when a connection is accepted until its client has begun, and from then on until the handshake is over. */
  readonly timeoutMs: number;
  /** A client without a certificate is refused, where certificates are asked for. */
  readonly requiresCertificate: boolean;
  /** What may be spoken afterwards, by the names that TLS has for that; what comes first is preferred. */
  readonly protocols: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Given what is to be read and written in place of the connection, and that, once the client is known. */
  onSecure(socket: TLSSocket, over: net.Socket): void;
}

/**
 * A client that says nothing costs a timer; one that has said something waits in line for its handshake. So those who say
 * nothing hold up nobody, and those who all speak at once only each other.
 */
export function createHandshakes(options: HandshakeOptions): Handshakes {
  const { timeoutMs, requiresCertificate, protocols, clock, logger, onSecure } = options;
  // All are bounded by the connections that the server takes.
  const silent = new ChurnSet<net.Socket>();
  const waiting = new ChurnSet<net.Socket>();
  // Node.js does not tell which socket TLS is spoken over, but where that comes from.
  const begun = new ChurnMap<string, net.Socket>();
  const plainSpoken = createPlainSpoken();
  const server = createServer({ ...describe(options.identity, protocols), handshakeTimeout: timeoutMs }, secure);
  server.on('tlsClientError', (error, socket) => {
    socket.destroy();
    broken((error as NodeJS.ErrnoException).code ?? error.message);
  });
  let isTurnDue = false;
  const broken = createTeller();
  const refused = createTeller();

  /**
   * Anybody may cause it, so it is told rarely; and who it was is in no line, as it may be anybody. What was refused has a pace
   * of its own: it is what somebody looks for, and handshakes break all the time.
   */
  function createTeller(): (reason: string) => void {
    let failures = 0;
    let toldAt = Number.NEGATIVE_INFINITY;
    return (reason) => {
      failures += 1;
      if (clock.monotonic() - toldAt < FAILURE_LOG_MS) return;
      toldAt = clock.monotonic();
      logger.warn({ reason, failures }, 'a TLS handshake failed');
      failures = 0;
    };
  }

  function secure(socket: TLSSocket): void {
    const isShown = socket.getPeerX509Certificate() !== undefined;
    if (!socket.authorized && (isShown || requiresCertificate)) {
      const reason = isShown ? String(socket.authorizationError) : 'no certificate';
      refused(`the certificate of a client was refused: ${reason}`);
      socket.destroy();
      return;
    }
    const over = begun.get(endsOf(socket));
    if (over) onSecure(socket, over);
    else socket.destroy();
  }

  function greet(socket: net.Socket): void {
    const first = socket.read() as Buffer | null;
    // It has ended, perhaps.
    if (first === null) return;
    socket.unshift(first);
    silent.delete(socket);
    if (first[0] !== HANDSHAKE_RECORD) {
      broken('a client did not speak TLS');
      plainSpoken.take(socket, first);
      return;
    }
    waiting.add(socket);
    plan();
  }

  function plan(): void {
    if (isTurnDue || waiting.size === 0) return;
    isTurnDue = true;
    setImmediate(turn);
  }

  function turn(): void {
    isTurnDue = false;
    let left = PER_TURN;
    for (const socket of waiting) {
      waiting.delete(socket);
      // Whoever has given up meanwhile costs nothing.
      if (socket.destroyed) continue;
      begin(socket);
      left -= 1;
      if (left === 0) break;
    }
    plan();
  }

  function begin(socket: net.Socket): void {
    const ends = endsOf(socket);
    begun.set(ends, socket);
    socket.once('close', () => begun.delete(ends));
    server.emit('connection', socket);
  }

  return {
    begin(socket) {
      silent.add(socket);
      const cancelTimeout = clock.after(timeoutMs, () => {
        if (silent.has(socket)) socket.destroy();
      });
      const onReadable = (): void => {
        greet(socket);
        if (silent.has(socket)) return;
        cancelTimeout();
        socket.off('readable', onReadable);
      };
      socket.on('readable', onReadable);
      socket.once('close', () => {
        cancelTimeout();
        silent.delete(socket);
        waiting.delete(socket);
      });
    },
    change(identity) {
      server.setSecureContext(describe(identity, protocols));
    },
    close() {
      waiting.clear();
      plainSpoken.close();
    },
  };
}

/** Both ends of a connection, which no other has while it is open. */
function endsOf({ remoteAddress, remotePort, localAddress, localPort }: net.Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

function describe({ cert, key, clientCa }: TlsIdentity, protocols: readonly string[]): TlsOptions {
  return {
    cert,
    key,
    // Whether a client without a certificate may go on is looked at afterwards: Node.js would have it be refused.
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
    ALPNProtocols: [...protocols],
    minVersion: 'TLSv1.2',
  };
}
