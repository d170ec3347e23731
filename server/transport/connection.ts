import type net from 'node:net';
import { ChurnMap } from '../../shared/churn.ts';
import type { Caller } from '../model/caller.ts';
import type { CarrierSession } from './carrier.ts';
import { type Source, sourceOf } from './source.ts';

/** How a connection came in; whoever may open the socket file of operators is one. */
export type Way = 'port' | 'file' | 'operators';

/** A principal for which a connection counts, or what else does (`connection_holders.ts`). */
export interface Holder {
  /** Its open calls, and one more if it called last. */
  count: number;
  /** Gives its place back. */
  readonly leave: (() => void) | undefined;
}

/** What is known of a connection. */
export interface Connection {
  /** As it was accepted. */
  readonly socket: net.Socket;
  readonly way: Way;
  readonly source: Source;
  /** Undefined: neither HTTP/2 nor HTTP/1 has begun. */
  session: CarrierSession | undefined;
  /** By what it counts for (`connection_holders.ts`); bounded by the open calls. None: it is a newcomer's. */
  readonly holders: ChurnMap<string, Holder>;
  /** Who was let in last and stands. */
  last: Caller | undefined;
  /** Open calls of those for whom it counts. */
  calls: number;
  /** Open calls of others: health watches of nobody, and joins, which let clients in and have no connection of their own. */
  watches: number;
  joins: number;
  /** Since when it is a newcomer's, or has no call; monotonic. */
  since: number;
  /** Its client was told to go. */
  isLeaving: boolean;
  isClosed: boolean;
  /** Ends its timer. */
  stop: () => void;
}

export function createConnection(socket: net.Socket, way: Way): Connection {
  return {
    socket,
    way,
    source: way === 'port' ? sourceOf(socket.remoteAddress ?? '') : way,
    session: undefined,
    holders: new ChurnMap(),
    last: undefined,
    calls: 0,
    watches: 0,
    joins: 0,
    since: 0,
    isLeaving: false,
    isClosed: false,
    stop: () => undefined,
  };
}

/** The socket that a session of HTTP/2 has tells of its connection, as `peer.ts` has it tell of a certificate. */
const CONNECTION = Symbol('connection');

interface Known {
  [CONNECTION]?: Connection;
}

/** Notes of which connection a socket is. */
export function noteConnection(socket: net.Socket, connection: Connection): void {
  (socket as Known)[CONNECTION] = connection;
}

/** Notes that a socket reads and writes over another one, and so is of its connection. */
export function noteOver(socket: net.Socket, over: net.Socket): void {
  const connection = (over as Known)[CONNECTION];
  if (connection) noteConnection(socket, connection);
}

/** The connection of a session; undefined: it is over. */
export function connectionOf(session: CarrierSession | undefined): Connection | undefined {
  if (!session || session.destroyed) return undefined;
  // Node.js shows the socket of a session behind a proxy, which lets properties through.
  return connectionOn(session.socket);
}

/** The connection that a socket is of; undefined: it is over. */
export function connectionOn(socket: object): Connection | undefined {
  const connection = (socket as Known)[CONNECTION];
  return connection?.isClosed ? undefined : connection;
}
