import { Subject } from 'rxjs';
import { invalid } from '../../shared/errors.ts';
import { MAX_METHOD_LENGTH, refuseName } from '../../tunnel/names.ts';
import { MAX_METHODS } from '../../tunnel/terms.ts';
import type { Tunnel } from '../../tunnel/tunnel.ts';
import { holdersOf, isClientInScope } from '../model/caller.ts';
import { countReached, createEventCounts, type EventCounts } from '../model/figures.ts';
import { createAnnouncedMethods } from './announced.ts';
import {
  type Announcement,
  type Callee,
  type MethodRefusal,
  NO_REFUSALS,
  NOTHING,
  type Refusals,
  type ServeEnd,
  type Wanted,
} from './callee.ts';
import { type Claimant, isSameClient, refuseClaim, refuseMethod, rootOf } from './claimant.ts';
import { createContenders } from './contenders.ts';
import { findSets } from './describing.ts';
import { createDescriptorSets, type DescriptorSet } from './descriptors.ts';
import { joinNames, listNames } from './listing.ts';
import { createMethodTable, type MethodKind, serviceOf } from './methods.ts';
import { createRunning, type Running } from './running.ts';
import type { ServedServices } from './served.ts';
import { type CalleeView, viewCallee } from './view.ts';
import { createWaiters, type Waiters } from './waiters.ts';

/** Why nobody can be called: nobody ever announced the method, those who did are not there, are drained, or all are full. */
export type Nobody = 'unknown' | 'absent' | 'drained' | 'busy';

export interface Callees {
  /**
   * ALREADY_EXISTS: another one is there under this id, and nothing shows that this one is the same client. It stays then,
   * or is ended as replaced.
   */
  join(
    claimant: Claimant,
    tunnel: Tunnel,
    onEnd: (why: ServeEnd) => void,
    /** Methods that it was refused are called there from now on: the others, to whom they were another kind of RPC, have gone. */
    onTaken?: (methods: readonly string[]) => void,
  ): Callee;
  /** Somebody has announced the method, be it before this server started, and it was not forgotten. */
  knows(method: string): boolean;
  /** Methods that this principal served before this server started: until somebody comes, nobody is there who does. */
  remember(methods: Iterable<string>, principal: string): void;
  /** Finds the one with the most free places of those who serve the method and are wanted. */
  find(method: string, wanted: Wanted): Callee | Nobody;
  readonly wait: Waiters['wait'];
  /** What kind of RPC those who serve the method have said that it is, be it before they left. */
  kindOf(method: string): MethodKind | undefined;
  readonly services: ServedServices;
  /** The principal that serves as this client; undefined: nobody does. */
  subjectOf(clientId: string): string | undefined;
  describe(clientId: string): CalleeView | null;
  views(): Iterable<CalleeView>;
  /** No new calls until it is set back, also when the client comes again; those that run go on. */
  drain(clientId: string, isDrained: boolean): void;
  /** Ends the Serve of a client once; how many those were. */
  disconnect(clientId: string): number;
}

/**
 * Methods that are remembered while nobody serves them; of the principal that has left most the oldest are forgotten, and are
 * UNIMPLEMENTED again. As many ids of drained clients are, here or away.
 */
const MAX_REMEMBERED = 10_000;

interface Seat extends Callee {
  readonly claimant: Claimant;
  announced: Announcement;
  descriptors: DescriptorSet | undefined;
  /** Services that it serves and describes. */
  readonly described: Set<string>;
  /** Methods that it contends for. */
  readonly contested: Set<string>;
  readonly running: Running;
  readonly onEnd: (why: ServeEnd) => void;
  readonly onTaken: (methods: readonly string[]) => void;
}

const sharedBy = ({ claimant: { subject, countedFor } }: Seat): readonly string[] =>
  holdersOf({ principal: subject, ...(countedFor === undefined ? {} : { countedFor }) });

const freePlaces = ({ announced, running }: Seat): number => announced.maxCalls - running.count;

/** Who is there to be called. */
export function createCallees(counts: Pick<EventCounts, 'reachedLimits'> = createEventCounts()): Callees {
  // Bounded by connections and their streams.
  const seatByClient = new Map<string, Seat>();
  const methods = createMethodTable<Seat>(MAX_REMEMBERED, ({ claimant }) => rootOf(claimant));
  const contenders = createContenders<Seat>();
  const sets = createDescriptorSets({ onReached: countReached(counts, 'descriptors_per_principal') });
  const waiters = createWaiters(countReached(counts, 'call_selectors_per_principal'));
  const announcedMethods = createAnnouncedMethods(countReached(counts, 'methods_per_principal'));
  // Bounded by MAX_REMEMBERED.
  const drained = new Set<string>();
  const changed$ = new Subject<void>();
  const describe = (seat: Seat): CalleeView => viewCallee(seat, drained.has(seat.clientId));
  const isServed = (service: string): boolean | undefined => {
    const seats = methods.serversOf(service);
    return seats && [...seats].some(({ clientId }) => !drained.has(clientId));
  };

  function offer(seat: Seat): void {
    const offered = { clientId: seat.clientId, labels: seat.announced.labels };
    for (const method of seat.announced.methods) waiters.offer(method, offered, () => freePlaces(seat) > 0);
  }

  const countOf = ({ announced, contested }: Seat): number => announced.methods.length + contested.size;

  /** Answers what it has served. */
  function withdraw(seat: Seat): readonly string[] {
    const served = seat.announced.methods;
    for (const method of served) methods.remove(method, seat);
    for (const method of seat.contested) contenders.remove(method, seat);
    announcedMethods.remove(sharedBy(seat), countOf(seat));
    seat.announced = NOTHING;
    seat.contested.clear();
    seat.described.clear();
    if (seat.descriptors) sets.release(seat.descriptors, sharedBy(seat));
    seat.descriptors = undefined;
    return served;
  }

  /** Somebody serves these methods no more: who was refused them as another kind may from now on. */
  function handOver(released: readonly string[]): void {
    const takenBySeat = new Map<Seat, string[]>();
    for (const method of released) {
      for (const [seat, kind] of contenders.of(method)) {
        if (findClash(method, kind)) continue;
        methods.add(method, seat, kind);
        contenders.remove(method, seat);
        seat.contested.delete(method);
        seat.described.add(serviceOf(method));
        takenBySeat.set(seat, [...(takenBySeat.get(seat) ?? []), method]);
      }
    }
    for (const [seat, taken] of takenBySeat) {
      seat.announced = { ...seat.announced, methods: [...seat.announced.methods, ...taken] };
      seat.onTaken(taken);
      offer(seat);
    }
  }

  /** As what others serve the method, if that is another kind of RPC. */
  function findClash(method: string, kind: MethodKind | undefined): MethodKind | undefined {
    const others = methods.kindOf(method);
    return kind && others !== kind ? others : undefined;
  }

  /** Why the method is not called at this callee now; undefined: it is. */
  function refuse(method: string, kind: MethodKind | undefined, claimant: Claimant): string | undefined {
    const others = findClash(method, kind);
    return refuseMethod(method, claimant) ?? (others && `others serve it as ${others}, and this one is ${kind}`);
  }

  function announce(seat: Seat, given: Announcement): Refusals {
    if (given.methods.length > MAX_METHODS) {
      throw invalid('announce.methods', `expected at most ${MAX_METHODS}, got ${given.methods.length}`);
    }
    const names = [...new Set(given.methods)];
    const holders = sharedBy(seat);
    announcedMethods.check(holders, countOf(seat), names.length);
    const taken = given.descriptors.byteLength > 0 ? sets.take(given.descriptors, holders) : undefined;
    const descriptors = typeof taken === 'string' ? undefined : taken;
    // What this one said before is no reason to refuse what it says now.
    const before = withdraw(seat);
    const refused: MethodRefusal[] = [];
    const served: string[] = [];
    for (const method of names) {
      const kind = descriptors?.kindOf(method);
      const message = refuse(method, kind, seat.claimant);
      if (message === undefined) {
        served.push(method);
        methods.add(method, seat, kind);
        if (kind) seat.described.add(serviceOf(method));
        continue;
      }
      refused.push({ method: method.slice(0, MAX_METHOD_LENGTH), message });
      if (!kind || refuseMethod(method, seat.claimant) !== undefined) continue;
      seat.contested.add(method);
      contenders.add(method, seat, kind);
    }
    seat.announced = { ...given, methods: served, descriptors: NOTHING.descriptors };
    seat.descriptors = descriptors;
    announcedMethods.add(holders, countOf(seat));
    offer(seat);
    handOver(before);
    changed$.next();
    return { methods: refused, descriptors: typeof taken === 'string' ? taken : '' };
  }

  return {
    join(claimant, tunnel, onEnd, onTaken = () => undefined) {
      const { clientId } = claimant;
      const before = seatByClient.get(clientId);
      if (before && !isSameClient(before.claimant, claimant)) throw refuseClaim(before.claimant, claimant);
      let isThere = true;
      const running = createRunning(() => offer(seat));
      const seat: Seat = {
        clientId,
        claimant,
        tunnel,
        onEnd,
        onTaken,
        described: new Set(),
        contested: new Set(),
        announced: NOTHING,
        descriptors: undefined,
        get isThere() {
          return isThere;
        },
        running,
        occupy: running.begin,
        announce: (announcement) => (isThere ? announce(seat, announcement) : NO_REFUSALS),
        leave() {
          if (!isThere) return;
          isThere = false;
          handOver(withdraw(seat));
          changed$.next();
          if (seatByClient.get(clientId) === seat) seatByClient.delete(clientId);
        },
      };
      seatByClient.set(clientId, seat);
      before?.leave();
      before?.onEnd('replaced');
      return seat;
    },
    remember(names, principal) {
      for (const method of names) if (refuseName(method) === undefined) methods.remember(method, principal);
    },
    knows: (method) => methods.servers(method) !== undefined,
    kindOf: methods.lastKindOf,
    services: {
      names() {
        const seats = [...seatByClient.values()].filter(({ clientId }) => !drained.has(clientId));
        return listNames(joinNames(seats));
      },
      isServed,
      sets(symbol, clientId) {
        const its = clientId === undefined ? undefined : seatByClient.get(clientId)?.descriptors;
        return its ? new Set([its]) : findSets(symbol, methods.serversOf, seatByClient.values());
      },
      changed$,
    },
    find(method, { clientId, selector, scope }) {
      const seats = methods.servers(method);
      if (!seats) return 'unknown';
      let best: Seat | undefined;
      let why: Nobody = 'absent';
      for (const seat of seats) {
        if ((clientId ?? seat.clientId) !== seat.clientId || !isClientInScope(scope, seat.clientId)) continue;
        if (selector && !selector.matches(seat.announced.labels)) continue;
        if (drained.has(seat.clientId)) why = 'drained';
        else if (!best || freePlaces(seat) > freePlaces(best)) best = seat;
      }
      if (!best) return why;
      return freePlaces(best) > 0 ? best : 'busy';
    },
    wait: waiters.wait,
    subjectOf: (clientId) => seatByClient.get(clientId)?.claimant.subject,
    describe(clientId) {
      const seat = seatByClient.get(clientId);
      return seat ? describe(seat) : null;
    },
    views: () => [...seatByClient.values()].map(describe),
    drain(clientId, isDrained) {
      drained.delete(clientId);
      const seat = seatByClient.get(clientId);
      if (isDrained) drained.add(clientId);
      else if (seat) offer(seat);
      if (seat) changed$.next();
      if (drained.size > MAX_REMEMBERED) drained.delete(drained.values().next().value!);
    },
    disconnect(clientId) {
      const seat = seatByClient.get(clientId);
      seat?.leave();
      seat?.onEnd('disconnected');
      return seat ? 1 : 0;
    },
  };
}
