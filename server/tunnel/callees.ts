import { ContactError, invalid } from '../../shared/errors.ts';
import type { Tunnel } from '../../tunnel/tunnel.ts';

/** What a callee says that it serves. */
export interface Announcement {
  /** `pkg.Service/Method` */
  readonly methods: readonly string[];
  readonly maxCalls: number;
  readonly acceptEncodings: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** A method that was announced and is not called here, and why. */
export interface MethodRefusal {
  readonly method: string;
  readonly message: string;
}

/** Whom a caller wants; none of both: whoever serves the method. */
export interface Wanted {
  readonly clientId: string | undefined;
  readonly matches: ((labels: Readonly<Record<string, string>>) => boolean) | undefined;
}

/** A connected client that serves methods. */
export interface Callee {
  readonly clientId: string;
  readonly tunnel: Tunnel;
  readonly announced: Announcement;
  /** A call begins here; the answer ends it, once. */
  occupy(): () => void;
  /** Replaces what was announced before. */
  announce(announcement: Announcement): readonly MethodRefusal[];
  /** It has gone; for those who are asked later it is not there. */
  leave(): void;
}

/** Why nobody can be called: nobody ever announced the method, those who did are not there, or all are full. */
export type Nobody = 'unknown' | 'absent' | 'busy';

export interface Callees {
  /** @param onReplaced another one came under the same id */
  join(clientId: string, tunnel: Tunnel, onReplaced: () => void): Callee;
  /** Somebody has announced the method since this server started. */
  knows(method: string): boolean;
  /** Of those who serve the method and are wanted, the one with the most free places. */
  find(method: string, wanted: Wanted): Callee | Nobody;
  /**
   * Calls `tryAgain` whenever somebody who serves the method may have room; the longest waiting first. True: it waits no
   * more. The answer takes it back.
   */
  wait(method: string, tryAgain: () => boolean): () => void;
}

export const MAX_METHODS = 1_000;
/** Methods that all callees together announce: each costs some 300 bytes here. */
const MAX_ANNOUNCED = 100_000;
/** Methods that are remembered while nobody serves them; the oldest are forgotten, and are UNIMPLEMENTED again. */
const MAX_REMEMBERED = 10_000;

const METHOD = /^[A-Za-z0-9_.]+\/[A-Za-z0-9_]+$/;
const MAX_METHOD_LENGTH = 255;
/** Services of the server itself, and what it may have one day. */
const OWN = /^(contact\.|grpc\.|Contact\/)/;

interface Seat extends Callee {
  announced: Announcement;
  runningCount: number;
  readonly onReplaced: () => void;
}

const NOTHING: Announcement = { methods: [], maxCalls: 0, acceptEncodings: [], labels: {} };

const freePlaces = ({ announced, runningCount }: Seat): number => announced.maxCalls - runningCount;

/** Who is there to be called. */
export function createCallees(): Callees {
  // Bounded by connections and their streams.
  const seatByClient = new Map<string, Seat>();
  // Bounded by MAX_ANNOUNCED and MAX_REMEMBERED; a method that nobody serves now has an empty set.
  const seatsByMethod = new Map<string, Set<Seat>>();
  // Bounded by the calls that are open.
  const waitersByMethod = new Map<string, Set<() => boolean>>();
  let announcedCount = 0;
  let emptyCount = 0;

  function add(method: string, seat: Seat): void {
    const seats = seatsByMethod.get(method) ?? new Set();
    if (seats.size === 0 && seatsByMethod.has(method)) emptyCount -= 1;
    seats.add(seat);
    seatsByMethod.set(method, seats);
  }

  function remove(method: string, seat: Seat): void {
    const seats = seatsByMethod.get(method);
    if (!seats?.delete(seat) || seats.size > 0) return;
    // At the end of the map: it is the newest of those that nobody serves.
    seatsByMethod.delete(method);
    seatsByMethod.set(method, seats);
    emptyCount += 1;
    if (emptyCount <= MAX_REMEMBERED) return;
    for (const [oldest, { size }] of seatsByMethod) {
      if (size > 0) continue;
      seatsByMethod.delete(oldest);
      emptyCount -= 1;
      return;
    }
  }

  function offer(seat: Seat): void {
    for (const method of seat.announced.methods) {
      const waiters = waitersByMethod.get(method);
      for (const tryAgain of waiters ?? []) {
        if (freePlaces(seat) <= 0) return;
        if (tryAgain()) waiters!.delete(tryAgain);
      }
      if (waiters?.size === 0) waitersByMethod.delete(method);
    }
  }

  function withdraw(seat: Seat): void {
    for (const method of seat.announced.methods) remove(method, seat);
    announcedCount -= seat.announced.methods.length;
    seat.announced = NOTHING;
  }

  function announce(seat: Seat, given: Announcement): readonly MethodRefusal[] {
    if (given.methods.length > MAX_METHODS) {
      throw invalid('announce.methods', `expected at most ${MAX_METHODS}, got ${given.methods.length}`);
    }
    const refused: MethodRefusal[] = [];
    const methods = [...new Set(given.methods)].filter((method) => {
      const message = refuseMethod(method);
      if (message !== undefined) refused.push({ method: method.slice(0, MAX_METHOD_LENGTH), message });
      return message === undefined;
    });
    const count = announcedCount - seat.announced.methods.length + methods.length;
    if (count > MAX_ANNOUNCED) {
      const problem = `all clients together announce more than ${MAX_ANNOUNCED} methods`;
      throw new ContactError('RESOURCE_EXHAUSTED', problem, { field: 'announce.methods' });
    }
    withdraw(seat);
    seat.announced = { ...given, methods };
    announcedCount = count;
    for (const method of methods) add(method, seat);
    offer(seat);
    return refused;
  }

  return {
    join(clientId, tunnel, onReplaced) {
      const before = seatByClient.get(clientId);
      let isThere = true;
      const seat: Seat = {
        clientId,
        tunnel,
        onReplaced,
        announced: NOTHING,
        runningCount: 0,
        occupy() {
          seat.runningCount += 1;
          let isOver = false;
          return () => {
            if (isOver) return;
            isOver = true;
            seat.runningCount -= 1;
            offer(seat);
          };
        },
        announce: (announcement) => (isThere ? announce(seat, announcement) : []),
        leave() {
          if (!isThere) return;
          isThere = false;
          withdraw(seat);
          if (seatByClient.get(clientId) === seat) seatByClient.delete(clientId);
        },
      };
      seatByClient.set(clientId, seat);
      before?.leave();
      before?.onReplaced();
      return seat;
    },
    knows: (method) => seatsByMethod.has(method),
    find(method, { clientId, matches }) {
      const seats = seatsByMethod.get(method);
      if (!seats) return 'unknown';
      let best: Seat | undefined;
      for (const seat of seats) {
        if (clientId !== undefined && seat.clientId !== clientId) continue;
        if (matches && !matches(seat.announced.labels)) continue;
        if (!best || freePlaces(seat) > freePlaces(best)) best = seat;
      }
      if (!best) return 'absent';
      return freePlaces(best) > 0 ? best : 'busy';
    },
    wait(method, tryAgain) {
      const waiters = waitersByMethod.get(method) ?? new Set();
      waiters.add(tryAgain);
      waitersByMethod.set(method, waiters);
      return () => {
        if (waiters.delete(tryAgain) && waiters.size === 0 && waitersByMethod.get(method) === waiters) {
          waitersByMethod.delete(method);
        }
      };
    },
  };
}

function refuseMethod(method: string): string | undefined {
  if (method.length > MAX_METHOD_LENGTH || !METHOD.test(method)) return 'expected pkg.Service/Method';
  return OWN.test(method) ? 'this name is the server’s own' : undefined;
}
