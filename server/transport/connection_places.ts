import { ChurnSet } from '../../shared/churn.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import { createFairSet } from '../../shared/fairset.ts';
import type { Logger } from '../../shared/logger.ts';
import { createPlaces } from '../api/places.ts';
import type { Caller } from '../model/caller.ts';
import type { EventCounts } from '../model/figures.ts';
import type { Connection, Way } from './connection.ts';
import { createConnectionHolders } from './connection_holders.ts';
import type { ConnectionLimits } from './connection_limits.ts';

const COME_AGAIN_MS = 10_000;
/** Between two lines of the log about connections for which there was no place. */
const LOG_MS = 60_000;
/** Operators who have this part of the reserve already, or more, have no need of it; those that one has made are counted with it. */
const FEW_SHARE = 1 / 8;

/**
 * Who has the connections that there may be. Newcomers, over whose connections nobody was let in, have what is left by others,
 * and give way when somebody comes. A place of its own has a connection from when a caller is let in over it: it counts for
 * the principals of its open calls, and while there are none for the one that called last, each with the operator that has made
 * it.
 */
export interface ConnectionPlaces {
  /** Takes a connection that was accepted, as a newcomer's. False: there is no room, and nobody who gives way. */
  enter(connection: Connection): boolean;
  /** Counts it for one call more of this caller. RESOURCE_EXHAUSTED naming `connections`; nothing is counted then. */
  hold(connection: Connection, caller: Caller): void;
  /** For one call less. */
  release(connection: Connection, caller: Caller): void;
  /** Counts it for the caller as the one that called last, and for the one before no more; undefined: for open calls alone. */
  keepFor(connection: Connection, caller: Caller | undefined): void;
  /** It has closed. */
  forget(connection: Connection): void;
  [Symbol.iterator](): IterableIterator<Connection>;
  readonly size: number;
  /** Connections that count for somebody. */
  readonly admitted: number;
}

export interface ConnectionPlacesOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: Pick<Logger, 'warn'>;
  readonly counts: Pick<EventCounts, 'refusedConnections' | 'endedConnections' | 'reachedLimits'>;
  readonly limits: ConnectionLimits;
  /** A connection counts for somebody from now on, or for nobody any more. */
  readonly onChange: (connection: Connection) => void;
}

export function createConnectionPlaces(options: ConnectionPlacesOptions): ConnectionPlaces {
  const { clock, logger, counts, limits, onChange } = options;
  const { maxConnections, reserved } = limits;
  const holders = createConnectionHolders(createPlaces('connections', limits.perPrincipal, counts));
  // Bounded by `maxConnections`.
  const connections = new ChurnSet<Connection>();
  // By where they come from.
  const newcomers = createFairSet<Connection>();
  let admitted = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  let untold = 0;

  /** Anybody may cause it, so it is told rarely. */
  function tell(): void {
    untold += 1;
    if (clock.monotonic() - toldAt < LOG_MS) return;
    toldAt = clock.monotonic();
    const fields = { maxConnections, reserved, open: connections.size, admitted, count: untold };
    logger.warn(fields, 'connections were refused or gave way: there are as many as the server takes');
    untold = 0;
  }

  function refuse(): void {
    counts.refusedConnections += 1;
    tell();
  }

  /** Ends a newcomer's connection for another one; those over the socket of operators give way to each other alone. */
  function makeRoom(way: Way): boolean {
    const connection = newcomers.findLeast('operators') ?? (way === 'operators' ? newcomers.findLeast() : undefined);
    if (!connection) return false;
    counts.endedConnections.displaced += 1;
    tell();
    forget(connection);
    connection.socket.destroy();
    return true;
  }

  function forget(connection: Connection): void {
    if (connection.isClosed) return;
    connection.isClosed = true;
    connection.stop();
    connections.delete(connection);
    newcomers.delete(connection, connection.source);
    if (connection.holders.size > 0) admitted -= 1;
    holders.clear(connection);
  }

  /** How many connections may count for somebody, where this one does for the caller; the rest is kept for others. */
  function roomFor({ way }: Connection, caller: Caller): number {
    if (way === 'operators') return maxConnections;
    const isFew = holders.countOfOperators(caller) < Math.max(1, reserved * FEW_SHARE);
    const isOperators = caller.roles.has('operator') && isFew;
    // Rounded up: a reserve of one is the socket's.
    return maxConnections - (isOperators ? Math.ceil(reserved / 2) : reserved);
  }

  function hold(connection: Connection, caller: Caller): void {
    const isFirst = connection.holders.size === 0;
    if (isFirst) {
      const room = roomFor(connection, caller);
      if (admitted >= room) {
        refuse();
        const problem = `${admitted} connections have callers, and ${room} may where ${caller.principal || 'one more'} is one`;
        const more = { field: 'connections', retryAfterMs: COME_AGAIN_MS };
        throw new ContactError('RESOURCE_EXHAUSTED', `${problem} (maxConnections, reservedConnections)`, more);
      }
    }
    holders.add(connection, caller);
    if (!isFirst) return;
    admitted += 1;
    newcomers.delete(connection, connection.source);
    onChange(connection);
  }

  function release(connection: Connection, caller: Caller): void {
    if (connection.holders.size === 0) return;
    holders.remove(connection, caller);
    if (connection.holders.size > 0) return;
    admitted -= 1;
    newcomers.add(connection, connection.source);
    onChange(connection);
  }

  return {
    enter(connection) {
      if (connections.size >= maxConnections && !makeRoom(connection.way)) {
        refuse();
        return false;
      }
      connections.add(connection);
      newcomers.add(connection, connection.source);
      return true;
    },
    hold,
    release,
    keepFor(connection, caller) {
      const { last } = connection;
      if (last === caller) return;
      if (caller) hold(connection, caller);
      connection.last = caller;
      if (last) release(connection, last);
    },
    forget,
    [Symbol.iterator]: () => connections[Symbol.iterator](),
    get size() {
      return connections.size;
    },
    get admitted() {
      return admitted;
    },
  };
}
