import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { ToldProgressSchema, type Waiting, WaitingKind as WireKind } from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import type { QueueView } from '../dispatch/operations.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import { isKeptCall } from '../model/call.ts';
import type { Caller } from '../model/caller.ts';
import { addresseeOf, laneKey, PARENT_LANE } from '../model/lane.ts';
import { isSettled } from '../model/states.ts';
import type { LaneRef, TaskRecord } from '../model/task.ts';
import {
  explainDelay,
  explainQueue,
  explainRun,
  explainWaiting,
  type Reason,
  type Run,
  type Situation,
  type Target,
  type WaitingKind,
} from '../model/waiting.ts';
import { describeReason, describeWaiting, joinWords } from '../model/waitingtext.ts';
import type { Registry } from '../session/registry.ts';
import type { QueueStore } from '../store/queues.ts';
import type { Store } from '../store/store.ts';
import { createCrowd } from './crowd.ts';

/** Tasks before another that are counted. */
const MAX_AHEAD = 1_000;

/** Clients that are asked for by name for one answer. */
const MAX_TARGETS = 100;

export interface ExplainOptions {
  readonly queue: Pick<TaskQueue, 'operations' | 'drawersOf' | 'receivers' | 'isClaiming'>;
  readonly registry: Pick<Registry, 'clients' | 'describeRun'>;
  readonly store: Pick<QueueStore, 'countQueues' | 'countAhead'> & Pick<Store, 'writeFailure'>;
  readonly clock: Clock;
}

/** Why tasks wait, for one answer to one caller: what is the same for many of them is looked up, and said, once. */
export interface Explainer {
  /** @param isAlone its place among others is counted too */
  explainTask(record: TaskRecord, isAlone?: boolean): Promise<Explanation>;
  /** In the order of the tasks. */
  explainTasks(records: readonly TaskRecord[]): Promise<readonly Explanation[]>;
  explainQueue(view: QueueView): Promise<Waiting | undefined>;
}

export interface Explanation {
  /** Empty: it does not wait. */
  readonly waitingFor: string;
  /** Undefined: it is settled. */
  readonly waiting: Waiting | undefined;
}

export type OpenExplainer = (caller: Caller) => Explainer;

/** What each task has of its own. */
type Own = Pick<Situation, 'state' | 'bytes' | 'runAt' | 'attempt' | 'lastError' | 'isCall'>;

/** What the tasks of a lane have in common. */
interface Shared extends Omit<Situation, keyof Own | 'ahead' | 'run'> {
  /** The largest payload that each of those who are free has room for. */
  readonly leastRoom: number;
}

/** What the scheduled tasks of a lane wait for beside the time of each: what is told before it, and what after it. */
interface Around {
  readonly before: readonly Reason[];
  readonly after: readonly Reason[];
  /** Those after it, as they are told. */
  readonly others: Waiting[];
}

const WIRE_KINDS = Object.fromEntries(
  Object.entries(WireKind).map(([name, number]) => [name.toLowerCase(), number]),
) as Readonly<Record<WaitingKind, WireKind>>;

const NOTHING: Explanation = Object.freeze({ waitingFor: '', waiting: undefined });

const NO_RUN: Omit<Run, 'clientId'> = Object.freeze({
  hasBegun: null,
  startedAt: null,
  progress: null,
  lostUntil: null,
});

export function createOpenExplainer({ queue, registry, store, clock }: ExplainOptions): OpenExplainer {
  return (caller) => {
    const crowd = createCrowd(queue, caller);
    const sharedByLane = new Map<string, Promise<Shared>>();
    const readyByKey = new Map<string, Explanation>();
    const scheduledByKey = new Map<string, Around>();
    let counts: Promise<ReadonlyMap<string, number>> | undefined;
    let targets = 0;

    async function countRunning(name: string): Promise<number> {
      counts ??= store.countQueues().then((all) => new Map(all.map((one) => [one.queue, one.running])));
      return (await counts).get(name) ?? 0;
    }

    async function findTarget(clientId: string): Promise<Target | undefined> {
      if (!crowd.isVisible(clientId) || targets >= MAX_TARGETS) return undefined;
      targets += 1;
      // Not by an error for each that nobody has seen: a page may ask for a hundred.
      const found = await registry.clients.find(clientId);
      if (!found) return NEVER_SEEN;
      const { isConnected, lastSeenAt, queues } = found.view;
      return { isConnected, lastSeenAt, queues: crowd.visibleQueues({ clientId, queues }) };
    }

    async function lookUp(ref: LaneRef): Promise<Shared> {
      const { isPaused, maxRunning } = queue.operations.settingsOf(ref.queue);
      const to = addresseeOf(ref.lane);
      const drawers = crowd.drawersOf(ref);
      const target = to.kind === 'client' && drawers.length === 0 ? await findTarget(to.clientId) : undefined;
      return {
        ...{ queue: ref.queue, lane: ref.lane, isPaused, maxRunning, drawers },
        leastRoom: Math.min(
          ...drawers.map(({ kind, roomBytes }) => (kind === 'free' ? roomBytes : Number.POSITIVE_INFINITY)),
        ),
        isShuttingDown: !queue.isClaiming,
        trouble: store.writeFailure()?.problem ?? '',
        running: maxRunning > 0 ? await countRunning(ref.queue) : 0,
        // Who else is there matters where nobody may take it.
        serving: drawers.length === 0 ? crowd.servingOf(ref.queue) : NOBODY,
        connected: drawers.length === 0 ? crowd.connected() : NOBODY,
        ...(target && { target }),
      };
    }

    function shared(ref: LaneRef): Promise<Shared> {
      const key = laneKey(ref);
      const known = sharedByLane.get(key) ?? lookUp(ref);
      sharedByLane.set(key, known);
      return known;
    }

    function say(reasons: readonly Reason[]): Explanation {
      const now = clock.now();
      return { waitingFor: describeWaiting(reasons, now), waiting: writeWaiting(reasons, now) };
    }

    function explainRunning(record: TaskRecord): Explanation {
      const { id, delivery, clientId } = record;
      const run = registry.describeRun({ taskId: id, delivery }) ?? NO_RUN;
      const reason = explainRun({ queue: record.queue, isCall: isKeptCall(record) }, { ...run, clientId });
      return { waitingFor: '', waiting: writeReason(reason, clock.now()) };
    }

    /** Scheduled tasks of a lane differ in their times: what holds them beside that is said once. */
    function explainScheduled(situation: Situation, key: string): Explanation {
      const now = clock.now();
      const around = scheduledByKey.get(key) ?? readAround(situation, now);
      scheduledByKey.set(key, around);
      const own = explainDelay(situation);
      const { before, after, others } = around;
      if (before.length > 0) return say([...before, own, ...after]);
      const waiting = writeReason(own, now);
      waiting.others = others;
      return { waitingFor: joinWords([waiting.text, ...others.map(({ text }) => text)]), waiting };
    }

    function explainListed(record: TaskRecord, lanes: ReadonlyMap<string, Shared>): Explanation {
      const { state } = record;
      if (isSettled(state)) return NOTHING;
      if (state === 'running') return explainRunning(record);
      const lane = laneKey(record);
      const common = lanes.get(lane)!;
      const situation = situationOf(record, common);
      // This one has a size of its own; and a broadcast is held by other things than a task.
      if (common.leastRoom < situation.bytes || record.lane === PARENT_LANE) return say(explainWaiting(situation));
      const key = situation.isCall ? `${lane} call` : lane;
      if (state === 'scheduled') return explainScheduled(situation, key);
      const known = readyByKey.get(key) ?? say(explainWaiting(situation));
      readyByKey.set(key, known);
      return known;
    }

    async function explainTasks(records: readonly TaskRecord[]): Promise<readonly Explanation[]> {
      const asked = new Map<string, Promise<Shared>>();
      for (const record of records) {
        if (isSettled(record.state) || record.state === 'running') continue;
        const key = laneKey(record);
        if (!asked.has(key)) asked.set(key, shared(record));
      }
      const found = await Promise.all(asked.values());
      const lanes = new Map([...asked.keys()].map((key, place) => [key, found[place]!]));
      return records.map((record) => explainListed(record, lanes));
    }

    return {
      explainTasks,

      async explainTask(record, isAlone = false) {
        if (!isAlone || record.state !== 'ready') return (await explainTasks([record]))[0]!;
        const situation = situationOf(record, await shared(record));
        if (situation.drawers.length === 0) return say(explainWaiting(situation));
        const count = await store.countAhead(record.id, MAX_AHEAD);
        return say(explainWaiting({ ...situation, ahead: { count, isAtLeast: count >= MAX_AHEAD } }));
      },

      async explainQueue({ queue: name, ready, scheduled, running, fullest }) {
        // A call is in a queue like any other: of that all is true that is said of queues.
        const task = { isCall: false, bytes: 0, runAt: null, attempt: 0, lastError: null };
        if (ready === 0 && scheduled > 0 && running === 0) {
          const { isPaused } = queue.operations.settingsOf(name);
          const about = { queue: name, isCall: false };
          const paused: Reason[] = isPaused ? [{ ...about, kind: 'paused' }] : [];
          return writeWaiting([...paused, { ...about, kind: 'delayed', count: scheduled }], clock.now());
        }
        const heads = await Promise.all(
          fullest.map(async (lane) =>
            explainWaiting({ ...(await shared({ queue: name, lane })), ...task, state: 'ready' }),
          ),
        );
        return writeWaiting(explainQueue(heads), clock.now());
      },
    };
  };
}

const NEVER_SEEN: Target = Object.freeze({ isConnected: false, lastSeenAt: null, queues: [] });

const NOBODY = Object.freeze({ count: 0, clientIds: [], queues: [], labels: [] });

function situationOf(record: TaskRecord, known: Omit<Situation, keyof Own>): Situation {
  const { state, runAt, attempt, lastError, payload } = record;
  return { ...known, state, runAt, attempt, lastError, bytes: payload.byteLength, isCall: isKeptCall(record) };
}

/** What is said around the time of a scheduled task, of any of its lane. */
function readAround(situation: Situation, now: number): Around {
  const reasons = explainWaiting({ ...situation, runAt: 0, attempt: 0 });
  const place = reasons.findIndex(({ kind }) => kind === 'delayed');
  const after = reasons.slice(place + 1);
  return { before: reasons.slice(0, place), after, others: after.map((reason) => writeReason(reason, now)) };
}

function writeWaiting(reasons: readonly Reason[], now: number): Waiting | undefined {
  const [first, ...others] = reasons.map((reason) => writeReason(reason, now));
  if (first) first.others = others;
  return first;
}

/** By hand, as protobuf-es makes it: a page has one for each task that does not rest, and for what holds it beside. */
function writeReason(reason: Reason, now: number): Waiting {
  const { kind, clientIds = [], queues = [], selector = '', labels = [], since, until, progress } = reason;
  const { limit = 0, count = 0, lastError = '' } = reason;
  return {
    $typeName: 'contact.v1.Waiting',
    kind: WIRE_KINDS[kind],
    text: describeReason(reason, now),
    clientIds: clientIds as string[],
    queues: queues as string[],
    selector,
    labels: labels as string[],
    ...(since === undefined ? {} : { since: timestampFromMs(since) }),
    ...(until === undefined ? {} : { until: timestampFromMs(until) }),
    limit,
    count,
    lastError,
    ...(progress && {
      progress: create(ToldProgressSchema, { ...progress, toldAt: timestampFromMs(progress.toldAt) }),
    }),
    others: [],
  };
}
