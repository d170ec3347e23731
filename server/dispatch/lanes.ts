import { ChurnSet } from '../../shared/churn.ts';
import { clientIdOf, isClientLane, laneOfClient, SHARED_LANE } from '../model/lane.ts';
import type { LaneRef } from '../model/task.ts';
import { FewLanes, FewSet } from './few.ts';
import type { Grant, LaneTable } from './lanetable.ts';
import type { Receiver } from './receiver.ts';
import { createReserved } from './reserved.ts';
import { createTurns } from './turns.ts';

export type { Grant, LaneTable } from './lanetable.ts';

/** Receivers asked in one claim; the others have their turn in the next. */
const MAX_REQUESTS = 256;

/** Tasks claimed in one transaction. */
const MAX_CLAIM = 2_000;

const isOwn = ({ lane }: LaneRef): boolean => isClientLane(lane);

interface DrawnLane extends LaneRef {
  readonly members: FewSet<Receiver>;
  /** Members that may have capacity, in order of turn: one that got tasks goes to the end. */
  readonly free: FewSet<Receiver>;
  /** Whether the lane may hold tasks. Never false while it does; a claim that finds it empty says so. */
  mayBeReady: boolean;
  /** The number of plans that had been made when the lane was last marked. */
  markedAt: number;
  /** The number of the newest plan that asks for its tasks. */
  askedAt: number;
}

interface Asked {
  readonly receiver: Receiver;
  readonly lanes: DrawnLane[];
  readonly limit: number;
  readonly maxBytes: number;
  readonly mayExceed: boolean;
}

export function createLaneTable(): LaneTable {
  const lanesByQueue = new Map<string, FewLanes<DrawnLane>>();
  /** The lanes that a receiver draws from, but for those of its client's own. */
  const lanesByReceiver = new Map<Receiver, DrawnLane[]>();
  /** The loaded lanes of its client's own, by receiver. */
  const ownByReceiver = new Map<Receiver, Set<DrawnLane>>();
  const receiversByClient = new Map<string, Set<Receiver>>();
  /** Lanes worth asking: they may hold ready tasks, and a member may have capacity. */
  const hot = new ChurnSet<DrawnLane>();
  const pausedQueues = new Set<string>();
  /** Receivers that got capacity since the newest plan, which knew nothing of it. */
  const freedSincePlan = new ChurnSet<Receiver>();
  const reserved = createReserved();
  const turns = createTurns();
  let askedBySession = new Map<number, Asked>();
  let plans = 0;
  /** Whether the newest plan has no answer yet. */
  let isAsking = false;

  const laneOf = (ref: LaneRef): DrawnLane | undefined => lanesByQueue.get(ref.queue)?.get(ref.lane);

  function ensureLane({ queue, lane }: LaneRef): DrawnLane {
    const lanes = lanesByQueue.get(queue) ?? new FewLanes<DrawnLane>();
    lanesByQueue.set(queue, lanes);
    const drawn = lanes.get(lane) ?? {
      queue,
      lane,
      members: new FewSet(),
      free: new FewSet(),
      mayBeReady: true,
      markedAt: plans,
      askedAt: 0,
    };
    lanes.set(lane, drawn);
    return drawn;
  }

  function addTo(lane: DrawnLane, receiver: Receiver): void {
    lane.members.add(receiver);
    lane.free.add(receiver);
    if (!isOwn(lane)) return;
    const own = ownByReceiver.get(receiver) ?? new Set();
    ownByReceiver.set(receiver, own.add(lane));
  }

  /** A client's own lane, with everybody who draws from it; undefined: nobody does. */
  function load(ref: LaneRef): DrawnLane | undefined {
    const known = laneOf(ref);
    if (known || !isOwn(ref)) return known;
    const members = drawersOf(ref);
    if (members.length === 0) return undefined;
    const lane = ensureLane(ref);
    for (const receiver of members) addTo(lane, receiver);
    return lane;
  }

  function drawersOf({ queue, lane }: LaneRef): Receiver[] {
    const receivers = receiversByClient.get(clientIdOf(lane)) ?? [];
    return [...receivers].filter((one) => one.queues.includes(queue));
  }

  /** Forgets a lane that holds nothing: `load` makes it anew when it does. */
  function unload(lane: DrawnLane): void {
    for (const receiver of lane.members) {
      const own = ownByReceiver.get(receiver);
      own?.delete(lane);
      if (own?.size === 0) ownByReceiver.delete(receiver);
    }
    forget(lane);
  }

  function* lanesOf(receiver: Receiver): Iterable<DrawnLane> {
    yield* lanesByReceiver.get(receiver) ?? [];
    yield* ownByReceiver.get(receiver) ?? [];
  }

  function forget(lane: DrawnLane): void {
    hot.delete(lane);
    const lanes = lanesByQueue.get(lane.queue);
    lanes?.delete(lane.lane);
    if (lanes?.size === 0) lanesByQueue.delete(lane.queue);
  }

  function heat(lane: DrawnLane): void {
    if (lane.mayBeReady && lane.free.size > 0 && !pausedQueues.has(lane.queue)) hot.add(lane);
    else hot.delete(lane);
  }

  function markLane(lane: DrawnLane): void {
    lane.mayBeReady = true;
    lane.markedAt = plans;
    heat(lane);
  }

  /** Passes a receiver over in these lanes until `freed`. */
  function markBusy(receiver: Receiver, lanes: Iterable<DrawnLane>): void {
    for (const lane of lanes) {
      lane.free.delete(receiver);
      heat(lane);
    }
  }

  return {
    attach(receiver, refs) {
      const lanes = refs.map(ensureLane).filter((lane) => !lane.members.has(receiver));
      const shared = lanes.filter((lane) => !isOwn(lane));
      lanesByReceiver.set(receiver, [...(lanesByReceiver.get(receiver) ?? []), ...shared]);
      const others = receiversByClient.get(receiver.clientId) ?? new Set();
      receiversByClient.set(receiver.clientId, others.add(receiver));
      for (const lane of lanes) {
        // A lane that others draw from is known: a registration among thousands asks for nothing there.
        if (lane.members.size === 0) markLane(lane);
        addTo(lane, receiver);
        heat(lane);
      }
    },

    detach(receiver) {
      for (const lane of lanesOf(receiver)) {
        lane.members.delete(receiver);
        lane.free.delete(receiver);
        if (lane.members.size === 0) forget(lane);
        else heat(lane);
      }
      lanesByReceiver.delete(receiver);
      ownByReceiver.delete(receiver);
      const others = receiversByClient.get(receiver.clientId);
      others?.delete(receiver);
      if (others?.size === 0) receiversByClient.delete(receiver.clientId);
      turns.forget(receiver);
      freedSincePlan.delete(receiver);
    },

    mark(ref) {
      const lane = load(ref);
      if (lane) markLane(lane);
    },

    inserted(ref) {
      const lane = load(ref);
      if (lane && !(isAsking && lane.askedAt === plans)) markLane(lane);
    },

    markQueue(queue) {
      for (const { clientId } of laneOf({ queue, lane: SHARED_LANE })?.members ?? [])
        load({ queue, lane: laneOfClient(clientId) });
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

    freed(receiver) {
      if (lanesByReceiver.has(receiver)) freedSincePlan.add(receiver);
      // Without `lanesOf`: every result comes by here.
      for (const lane of lanesByReceiver.get(receiver) ?? []) {
        lane.free.add(receiver);
        heat(lane);
      }
      for (const lane of ownByReceiver.get(receiver) ?? []) {
        lane.free.add(receiver);
        heat(lane);
      }
    },

    hasWork: () => hot.size > 0,

    plan() {
      plans += 1;
      isAsking = true;
      freedSincePlan.clear();
      askedBySession = new Map();
      let budget = MAX_CLAIM;
      for (const lane of hot) {
        lane.askedAt = plans;
        for (const receiver of lane.free) {
          const known = askedBySession.get(receiver.session.key);
          if (known) {
            known.lanes.push(lane);
            continue;
          }
          if (askedBySession.size >= MAX_REQUESTS || budget <= 0) break;
          const capacity = reserved.capacityOf(receiver);
          if (capacity.limit <= 0) {
            markBusy(receiver, lanesOf(receiver));
            continue;
          }
          const limit = Math.min(capacity.limit, budget);
          budget -= limit;
          const { maxBytes, mayExceed } = capacity;
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
          if (outcome.tasks.length > 0 && lane.free.delete(receiver)) lane.free.add(receiver);
          // Queues have turns among receivers too: the next claim begins with lanes of other queues.
          if (outcome.tasks[0]?.queue === lane.queue) hot.delete(lane);
          if (isOwn(lane) && !lane.mayBeReady) unload(lane);
          else heat(lane);
        }
        // The bytes of the receiver ended its request: without this, a task too large for what is left would be asked
        // for again and again. Not if the receiver got none of any size: then the claim as a whole was full, and its
        // turn comes with the next one; unless its session has ended, which it hears of soon.
        const isWhole = outcome.tasks.length === 0 && mayExceed && !outcome.isGone;
        const isEnough = !outcome.exhausted && outcome.tasks.length < limit && !isWhole;
        if (isEnough && !freedSincePlan.has(receiver)) markBusy(receiver, lanes);
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

    servedQueues: () => lanesByQueue.keys(),
    isServed: (queue) => lanesByQueue.has(queue),

    isDrawn: (ref) => laneOf(ref) !== undefined || (isOwn(ref) && drawersOf(ref).length > 0),
    drawersOf: (ref) => laneOf(ref)?.members ?? (isOwn(ref) ? drawersOf(ref) : []),

    countReceivers(queue) {
      const receivers = new Set<Receiver>();
      for (const lane of lanesByQueue.get(queue)?.values() ?? []) for (const one of lane.members) receivers.add(one);
      return receivers.size;
    },
  };
}
