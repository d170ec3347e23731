import { ChurnSet } from '../../shared/churn.ts';
import type { LaneRef } from '../model/task.ts';
import type { ClaimOutcome, ClaimRequest } from '../store/store.ts';
import type { Receiver } from './receiver.ts';
import { createReserved } from './reserved.ts';
import { createTurns } from './turns.ts';

/** Receivers asked in one claim; the others have their turn in the next. */
const MAX_REQUESTS = 256;

/** Tasks claimed in one transaction. */
const MAX_CLAIM = 2_000;

interface DrawnLane extends LaneRef {
  readonly members: Set<Receiver>;
  /** Members that may have room, in order of turn: who got tasks goes to the end. */
  readonly hungry: ChurnSet<Receiver>;
  /** May hold tasks. Never false while it does; a claim that finds it empty says so. */
  mayBeReady: boolean;
  /** The number of plans made when it was last marked. */
  markedAt: number;
  /** The number of the newest plan that asks for its tasks. */
  askedAt: number;
}

/** Tasks that were claimed, and for whom. */
export interface Grant {
  readonly receiver: Receiver;
  readonly outcome: ClaimOutcome;
}

interface Asked {
  readonly receiver: Receiver;
  readonly lanes: DrawnLane[];
  readonly limit: number;
  readonly maxBytes: number;
  readonly mayExceed: boolean;
}

/**
 * Which lanes may hold tasks and who draws from them: the pure part of planning a claim.
 *
 * Only lanes that a receiver draws from are kept (a registration marks those of its lanes that nobody drew from as
 * possibly ready), so tasks for absent clients cost nothing, and the table is bounded by sessions × (queues × selectors).
 * A claim costs what the lanes with both tasks and room cost, however many sessions are idle or full.
 */
export interface LaneTable {
  /** Draws from these lanes, beside those it draws from already. */
  attach(receiver: Receiver, lanes: readonly LaneRef[]): void;
  detach(receiver: Receiver): void;
  /** Tasks became ready there. */
  mark(lane: LaneRef): void;
  /**
   * Tasks were inserted there and are committed. The plan that is not learned yet, if it asks there, was carried out in
   * the same transaction: its answer knows of them.
   */
  inserted(lane: LaneRef): void;
  /** All of a queue's lanes may have tasks that may be claimed. */
  markQueue(queue: string): void;
  /** Nothing of this queue is claimed until `resume`. */
  pause(queue: string): void;
  resume(queue: string): void;
  /** A receiver has room again. */
  feed(receiver: Receiver): void;
  /** Whether a claim could find something. */
  hasWork(): boolean;
  /** The requests of the next claim; the one before has been learned. */
  plan(): ClaimRequest[];
  /** What came of the newest plan: who gets something. It is reserved until `take()`. */
  learn(outcomes: readonly ClaimOutcome[]): Grant[];
  /** It is pushed now. False: the receiver has gone since. */
  take(grant: Grant): boolean;
  isDrawn(lane: LaneRef): boolean;
  readonly receivers: Iterable<Receiver>;
  /** Receivers that draw from a queue. */
  countReceivers(queue: string): number;
}

export function createLaneTable(): LaneTable {
  const lanesByQueue = new Map<string, Map<string, DrawnLane>>();
  const lanesByReceiver = new Map<Receiver, DrawnLane[]>();
  /** Lanes worth asking: possibly ready, and a member may have room. */
  const hot = new ChurnSet<DrawnLane>();
  const pausedQueues = new Set<string>();
  /** Fed since the newest plan: what that plan knew of their room is old. */
  const fed = new ChurnSet<Receiver>();
  const reserved = createReserved();
  const turns = createTurns();
  let askedBySession = new Map<number, Asked>();
  let plans = 0;
  /** The newest plan has no answer yet. */
  let isAsking = false;

  const laneOf = (ref: LaneRef): DrawnLane | undefined => lanesByQueue.get(ref.queue)?.get(ref.lane);

  function ensureLane({ queue, lane }: LaneRef): DrawnLane {
    const lanes = lanesByQueue.get(queue) ?? new Map<string, DrawnLane>();
    lanesByQueue.set(queue, lanes);
    const drawn = lanes.get(lane) ?? {
      queue,
      lane,
      members: new Set(),
      hungry: new ChurnSet(),
      mayBeReady: true,
      markedAt: plans,
      askedAt: 0,
    };
    lanes.set(lane, drawn);
    return drawn;
  }

  function forget(lane: DrawnLane): void {
    hot.delete(lane);
    const lanes = lanesByQueue.get(lane.queue);
    lanes?.delete(lane.lane);
    if (lanes?.size === 0) lanesByQueue.delete(lane.queue);
  }

  function heat(lane: DrawnLane): void {
    if (lane.mayBeReady && lane.hungry.size > 0 && !pausedQueues.has(lane.queue)) hot.add(lane);
    else hot.delete(lane);
  }

  function markLane(lane: DrawnLane): void {
    lane.mayBeReady = true;
    lane.markedAt = plans;
    heat(lane);
  }

  /** Out of the turn until `feed`. */
  function satisfy(receiver: Receiver, lanes: readonly DrawnLane[]): void {
    for (const lane of lanes) {
      lane.hungry.delete(receiver);
      heat(lane);
    }
  }

  return {
    attach(receiver, refs) {
      const lanes = refs.map(ensureLane).filter((lane) => !lane.members.has(receiver));
      lanesByReceiver.set(receiver, [...(lanesByReceiver.get(receiver) ?? []), ...lanes]);
      for (const lane of lanes) {
        // One that others draw from is known: a registration among thousands asks for nothing there.
        if (lane.members.size === 0) markLane(lane);
        lane.members.add(receiver);
        lane.hungry.add(receiver);
        heat(lane);
      }
    },

    detach(receiver) {
      for (const lane of lanesByReceiver.get(receiver) ?? []) {
        lane.members.delete(receiver);
        lane.hungry.delete(receiver);
        if (lane.members.size === 0) forget(lane);
        else heat(lane);
      }
      lanesByReceiver.delete(receiver);
      turns.forget(receiver);
      fed.delete(receiver);
    },

    mark(ref) {
      const lane = laneOf(ref);
      if (lane) markLane(lane);
    },

    inserted(ref) {
      const lane = laneOf(ref);
      if (lane && !(isAsking && lane.askedAt === plans)) markLane(lane);
    },

    markQueue(queue) {
      for (const lane of lanesByQueue.get(queue)?.values() ?? []) markLane(lane);
    },

    pause(queue) {
      pausedQueues.add(queue);
      for (const lane of lanesByQueue.get(queue)?.values() ?? []) heat(lane);
    },

    resume(queue) {
      pausedQueues.delete(queue);
      for (const lane of lanesByQueue.get(queue)?.values() ?? []) heat(lane);
    },

    feed(receiver) {
      if (lanesByReceiver.has(receiver)) fed.add(receiver);
      for (const lane of lanesByReceiver.get(receiver) ?? []) {
        lane.hungry.add(receiver);
        heat(lane);
      }
    },

    hasWork: () => hot.size > 0,

    plan() {
      plans += 1;
      isAsking = true;
      fed.clear();
      askedBySession = new Map();
      let budget = MAX_CLAIM;
      for (const lane of hot) {
        lane.askedAt = plans;
        for (const receiver of lane.hungry) {
          const known = askedBySession.get(receiver.session.key);
          if (known) {
            known.lanes.push(lane);
            continue;
          }
          if (askedBySession.size >= MAX_REQUESTS || budget <= 0) break;
          const room = reserved.roomOf(receiver);
          if (room.limit <= 0) {
            satisfy(receiver, lanesByReceiver.get(receiver) ?? []);
            continue;
          }
          const limit = Math.min(room.limit, budget);
          budget -= limit;
          const { maxBytes, mayExceed } = room;
          askedBySession.set(receiver.session.key, { receiver, lanes: [lane], limit, maxBytes, mayExceed });
        }
      }
      return Array.from(askedBySession.values(), ({ receiver, lanes, limit, maxBytes, mayExceed }) => ({
        session: receiver.session,
        lanes: turns.order(receiver, lanes),
        limit,
        maxBytes,
        mayExceed,
      }));
    },

    learn(outcomes) {
      isAsking = false;
      const grants: Grant[] = [];
      for (const outcome of outcomes) {
        const asked = askedBySession.get(outcome.session.key);
        if (!asked) continue;
        const { receiver, lanes, limit, mayExceed } = asked;
        for (const lane of lanes) {
          // A lane marked since the plan may have been filled after the claim looked.
          if (outcome.exhausted && lane.markedAt < plans) lane.mayBeReady = false;
          if (outcome.tasks.length > 0 && lane.hungry.delete(receiver)) lane.hungry.add(receiver);
          // Among receivers too: the next claim asks first for those of another queue.
          if (outcome.tasks[0]?.queue === lane.queue) hot.delete(lane);
          heat(lane);
        }
        // Its bytes ended the claim: without this, a task too large for what is left would be asked for again and again.
        // Not if it got none of any size: then the claim as a whole was full, and its turn comes with the next; unless
        // its session has ended, which it hears of soon.
        const isWhole = outcome.tasks.length === 0 && mayExceed && !outcome.isGone;
        const isEnough = !outcome.exhausted && outcome.tasks.length < limit && !isWhole;
        if (isEnough && !fed.has(receiver)) satisfy(receiver, lanes);
        if (outcome.tasks.length === 0) continue;
        reserved.add(receiver, outcome.tasks);
        if (lanesByReceiver.has(receiver)) turns.served(receiver, outcome.tasks);
        grants.push({ receiver, outcome });
      }
      return grants;
    },

    take({ receiver, outcome }) {
      reserved.remove(receiver, outcome.tasks);
      return lanesByReceiver.has(receiver);
    },

    get receivers() {
      return lanesByReceiver.keys();
    },

    isDrawn: (ref) => laneOf(ref) !== undefined,

    countReceivers(queue) {
      const receivers = new Set<Receiver>();
      for (const lane of lanesByQueue.get(queue)?.values() ?? []) for (const one of lane.members) receivers.add(one);
      return receivers.size;
    },
  };
}
