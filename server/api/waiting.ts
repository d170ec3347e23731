import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type Waiting, WaitingSchema, WaitingKind as WireKind } from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import type { QueueView } from '../dispatch/operations.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import { isKeptCall } from '../model/call.ts';
import type { Caller } from '../model/caller.ts';
import { addresseeOf } from '../model/lane.ts';
import { isSettled } from '../model/states.ts';
import type { LaneRef, TaskRecord } from '../model/task.ts';
import {
  explainQueue,
  explainWaiting,
  type Reason,
  type Situation,
  type Target,
  type WaitingKind,
} from '../model/waiting.ts';
import { describeReason, describeWaiting } from '../model/waitingtext.ts';
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

/** Why tasks wait, for one answer to one caller: what is the same for many of them is looked up once. */
export interface Explainer {
  /** @param isAlone its place among others is counted too */
  explainTask(record: TaskRecord, isAlone?: boolean): Promise<Explanation>;
  explainQueue(view: QueueView): Promise<Waiting | undefined>;
}

export interface Explanation {
  /** Empty: it does not wait. */
  readonly waitingFor: string;
  /** Undefined: it is settled. */
  readonly waiting: Waiting | undefined;
}

export type OpenExplainer = (caller: Caller) => Explainer;

/** What the tasks of a lane have in common. */
interface Shared
  extends Omit<Situation, 'state' | 'bytes' | 'runAt' | 'attempt' | 'lastError' | 'isCall' | 'ahead' | 'run'> {
  /** The largest payload that each of those who are free has room for. */
  readonly leastRoom: number;
}

const RUNNING_KINDS: ReadonlySet<WaitingKind> = new Set(['lost', 'claimed', 'running']);

export function createOpenExplainer({ queue, registry, store, clock }: ExplainOptions): OpenExplainer {
  return (caller) => {
    const crowd = createCrowd(queue, caller);
    const sharedByLane = new Map<string, Promise<Shared>>();
    const saidByLane = new Map<string, Promise<Explanation>>();
    let counts: Promise<ReadonlyMap<string, number>> | undefined;
    let targets = 0;

    async function countRunning(name: string): Promise<number> {
      counts ??= store.countQueues().then((all) => new Map(all.map((one) => [one.queue, one.running])));
      return (await counts).get(name) ?? 0;
    }

    async function findTarget(clientId: string): Promise<Target | undefined> {
      if (!crowd.isVisible(clientId) || targets >= MAX_TARGETS) return undefined;
      targets += 1;
      try {
        const { view } = await registry.clients.describe(clientId);
        const queues = crowd.visibleQueues({ clientId, queues: view.queues });
        return { isConnected: view.isConnected, lastSeenAt: view.lastSeenAt, queues };
      } catch (error) {
        if (error instanceof ContactError && error.code === 'NOT_FOUND') return NEVER_SEEN;
        throw error;
      }
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
      const key = `${ref.queue} ${ref.lane}`;
      const known = sharedByLane.get(key) ?? lookUp(ref);
      sharedByLane.set(key, known);
      return known;
    }

    /** Ready tasks of one key are told the same, whatever their number; undefined: this one has a size or a place of its own. */
    async function commonKeyOf(record: TaskRecord, isAlone: boolean): Promise<string | undefined> {
      if (isAlone || record.state !== 'ready') return undefined;
      if ((await shared(record)).leastRoom < record.payload.byteLength) return undefined;
      return `${record.queue} ${record.lane} ${isKeptCall(record)}`;
    }

    async function explain(record: TaskRecord, isAlone: boolean): Promise<readonly Reason[]> {
      const { state, runAt, attempt, lastError, payload } = record;
      const about = { state, runAt, attempt, lastError, bytes: payload.byteLength };
      const isCall = isKeptCall(record);
      if (state === 'running') {
        const run = registry.describeRun({ taskId: record.id, delivery: record.delivery });
        const known = run ?? { hasBegun: null, startedAt: null, progress: null, lostUntil: null };
        return explainWaiting({
          ...NOTHING_KNOWN,
          ...record,
          ...about,
          isCall,
          run: { ...known, clientId: record.clientId },
        });
      }
      const situation = { ...(await shared(record)), ...about, isCall };
      if (!isAlone || state !== 'ready' || situation.drawers.length === 0) return explainWaiting(situation);
      const count = await store.countAhead(record.id, MAX_AHEAD);
      return explainWaiting({ ...situation, ahead: { count, isAtLeast: count >= MAX_AHEAD } });
    }

    async function say(record: TaskRecord, isAlone: boolean): Promise<Explanation> {
      const reasons = await explain(record, isAlone);
      const now = clock.now();
      const isRunning = reasons.some(({ kind }) => RUNNING_KINDS.has(kind));
      return {
        waitingFor: isRunning ? '' : describeWaiting(reasons, now),
        waiting: writeWaiting(reasons, now),
      };
    }

    return {
      async explainTask(record, isAlone = false) {
        if (isSettled(record.state)) return { waitingFor: '', waiting: undefined };
        const key = await commonKeyOf(record, isAlone);
        if (key === undefined) return say(record, isAlone);
        // The tasks of a page are asked for at once: whoever comes second waits for the first.
        const said = saidByLane.get(key) ?? say(record, isAlone);
        saidByLane.set(key, said);
        return said;
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

/** Of a task that runs nothing else is looked at. */
const NOTHING_KNOWN = Object.freeze({
  ...{ isShuttingDown: false, trouble: '', isPaused: false, maxRunning: 0, running: 0 },
  ...{ drawers: [], serving: NOBODY, connected: NOBODY },
});

function writeWaiting(reasons: readonly Reason[], now: number): Waiting | undefined {
  const [first, ...others] = reasons.map((reason) => writeReason(reason, now));
  if (first) first.others = others;
  return first;
}

function writeReason(reason: Reason, now: number): Waiting {
  const { kind, clientIds = [], queues = [], selector, labels = [], limit, count, lastError, progress } = reason;
  return create(WaitingSchema, {
    kind: WireKind[kind.toUpperCase() as Uppercase<WaitingKind>],
    text: describeReason(reason, now),
    clientIds: [...clientIds],
    queues: [...queues],
    labels: [...labels],
    ...(selector === undefined ? {} : { selector }),
    ...(reason.since === undefined ? {} : { since: timestampFromMs(reason.since) }),
    ...(reason.until === undefined ? {} : { until: timestampFromMs(reason.until) }),
    ...(limit === undefined ? {} : { limit }),
    ...(count === undefined ? {} : { count }),
    ...(lastError === undefined ? {} : { lastError }),
    ...(progress && { progress: { ...progress, toldAt: timestampFromMs(progress.toldAt) } }),
  });
}
