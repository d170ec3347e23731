import { constants } from 'node:http2';
import type net from 'node:net';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import { NOBODY } from '../access/callers.ts';
import type { Caller } from '../model/caller.ts';
import type { ConnectionEnd } from '../model/figures.ts';
import type { Carrier, CarrierSession } from './carrier.ts';
import {
  type Connection,
  connectionOf,
  connectionOn,
  createConnection,
  noteConnection,
  type Way,
} from './connection.ts';
import type { ConnectionLimits } from './connection_limits.ts';
import { type ConnectionPlacesOptions, createConnectionPlaces } from './connection_places.ts';

/** How long a client may take what it was told last before its connection is closed. */
const LAST_WORD_MS = 250;

/** What a client is told beside GOAWAY. */
const LAST_WORDS: Readonly<Record<Exclude<ConnectionEnd, 'displaced'>, string>> = {
  unadmitted: 'no call was let in over this connection in time',
  idle: 'no call was made over this connection for long: connect anew with the next one',
  guesses: 'too many calls were refused over this connection',
  full: 'there is no place for this connection: come again later',
};

/**
 * Who has the connections, and until when. A client is told to go over whose connection nobody was let in in time, as is one that
 * makes no call for long; and once none of those stands any more for whom a connection counts, somebody has to be let in
 * over it anew.
 */
export interface Connections {
  /** Counts a connection that was just accepted, until it closes; undefined: there is no place for it. */
  accept(socket: net.Socket, way: Way): Connection | undefined;
  /** A client may say its first word from now on. */
  await(socket: net.Socket): void;
  /** HTTP/2, or HTTP/1, has begun on a connection. */
  enter(session: CarrierSession): void;
  /**
   * Counts a call that was let in, until it is over. RESOURCE_EXHAUSTED naming `connections`: its principal has as many as it may, or
   * there are as many as may be of callers like this; a client over whose connection nobody else is let in is told to go then.
   */
  take(stream: Carrier, caller: Caller): void;
  /** Has a client go that guesses; what was let in meanwhile goes on to its end. */
  sendAway(session: CarrierSession): void;
  /** Connections count no more for those that there is a reason for. */
  expel(reasonFor: (caller: Caller) => ContactError | undefined): void;
  readonly size: number;
  /** Those over which somebody was let in, who stands. */
  readonly admitted: number;
  readonly limits: ConnectionLimits;
}

export interface ConnectionsOptions extends Omit<ConnectionPlacesOptions, 'onChange' | 'clock'> {
  readonly clock: Clock;
  /** How long nobody may be let in over a connection, from the beginning of HTTP on. */
  readonly authenticateWithinMs: number;
  /** How long a connection may have no call afterwards. */
  readonly maxConnectionIdleMs: number;
}

export function createConnections(options: ConnectionsOptions): Connections {
  const { clock, counts, authenticateWithinMs, maxConnectionIdleMs } = options;
  const places = createConnectionPlaces({
    ...options,
    onChange(connection) {
      connection.since = clock.monotonic();
      if (!connection.isLeaving)
        wait(connection, connection.holders.size > 0 ? maxConnectionIdleMs : authenticateWithinMs);
    },
  });

  function wait(connection: Connection, ms: number): void {
    connection.stop();
    connection.stop = clock.after(ms, () => look(connection));
  }

  /** Calls come and go by the thousand, and none of them sets a timer. */
  function look(connection: Connection): void {
    const isAdmitted = connection.holders.size > 0;
    const now = clock.monotonic();
    // Who watches the health of a server says nothing more for hours, and has a place for it.
    if ((isAdmitted ? connection.calls : connection.watches) > 0) connection.since = now;
    const leftMs = connection.since + (isAdmitted ? maxConnectionIdleMs : authenticateWithinMs) - now;
    if (leftMs > 0) wait(connection, leftMs);
    else end(connection, isAdmitted ? 'idle' : 'unadmitted');
  }

  /** Takes no further calls of a connection, which its client is told, and closes it once what is under way had its time. */
  function end(connection: Connection, reason: keyof typeof LAST_WORDS): void {
    const { session, isLeaving } = connection;
    if (isLeaving || session?.destroyed) return;
    connection.isLeaving = true;
    counts.endedConnections[reason] += 1;
    // Nothing was said, and so nobody is told.
    if (!session) {
      connection.socket.destroy();
      return;
    }
    places.keepFor(connection, undefined);
    // Any other code would have the client drop the answers that are on their way.
    session.goaway(constants.NGHTTP2_NO_ERROR, 0, Buffer.from(LAST_WORDS[reason]));
    session.close();
    connection.stop();
    connection.stop = clock.after(LAST_WORD_MS, () => finish(connection, true));
  }

  /** A client that ends nothing at its side would keep a socket that is half closed for as long as it likes. */
  function finish(connection: Connection, mayWait: boolean): void {
    const { calls, joins, socket } = connection;
    if (calls === 0 && (joins === 0 || !mayWait)) socket.destroy();
    else connection.stop = clock.after(authenticateWithinMs, () => finish(connection, false));
  }

  /** A call of who is nobody, or lets a client in: neither is a reason to keep a connection. */
  function countGuest(connection: Connection, stream: Carrier, kind: 'watches' | 'joins'): void {
    connection[kind] += 1;
    stream.once('close', () => {
      connection[kind] -= 1;
      if (kind === 'watches' && connection.holders.size === 0) connection.since = clock.monotonic();
    });
  }

  return {
    accept(socket, way) {
      const connection = createConnection(socket, way);
      if (!places.enter(connection)) return undefined;
      noteConnection(socket, connection);
      socket.once('close', () => places.forget(connection));
      return connection;
    },

    await(socket) {
      const connection = connectionOn(socket);
      if (!connection) return;
      connection.since = clock.monotonic();
      wait(connection, authenticateWithinMs);
    },

    enter(session) {
      const connection = connectionOf(session);
      if (!connection) {
        session.destroy();
        return;
      }
      connection.session = session;
      connection.since = clock.monotonic();
      wait(connection, authenticateWithinMs);
    },

    take(stream, caller) {
      const connection = connectionOf(stream.session);
      if (!connection) throw new ContactError('UNAVAILABLE', 'this connection is over');
      if (caller === NOBODY || caller.kind === 'join') {
        countGuest(connection, stream, caller === NOBODY ? 'watches' : 'joins');
        return;
      }
      try {
        places.hold(connection, caller);
      } catch (error) {
        if (connection.holders.size === 0) end(connection, 'full');
        throw error;
      }
      places.keepFor(connection, caller);
      connection.calls += 1;
      stream.once('close', () => {
        connection.calls -= 1;
        connection.since = clock.monotonic();
        places.release(connection, caller);
      });
    },

    sendAway(session) {
      const connection = connectionOf(session);
      if (connection) end(connection, 'guesses');
    },

    expel(reasonFor) {
      for (const connection of places) {
        if (connection.last && reasonFor(connection.last)) places.keepFor(connection, undefined);
      }
    },

    limits: options.limits,
    get size() {
      return places.size;
    },
    get admitted() {
      return places.admitted;
    },
  };
}
